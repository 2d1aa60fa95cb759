-- +goose Up
-- Newer than its number: migration 30 writes events, which take their positions by it.
--
-- The next position of an event of a tenant. Of two events, the one that could depend
-- on the other has the greater position; those of one statement are close together.
-- A distributed database has another function in its place: a sequence is each node's own.
create function next_position(p_tenant uuid) returns bigint language sql volatile as $$
    select nextval('event_positions')
$$;
