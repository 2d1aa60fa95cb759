-- +goose Up
-- The removal guard decides inside write_members, by its number and its percentage: what
-- it lets pass is one statement, however much was removed lately. The function gets other
-- arguments for it, and is made anew in migration 48.
-- +goose StatementBegin
do $$
declare f regprocedure;
begin
    for f in select oid from pg_proc where pronamespace = current_schema()::regnamespace and proname = 'write_members' loop
        execute 'drop function ' || f;
    end loop;
end $$;
-- +goose StatementEnd
