-- +goose Up
-- What the guard against mass removals knows. A row of removal_windows is also
-- the lock under which the sum is looked at: that of the group, whose own row is
-- locked already, before that of the whole connection.
create table removal_windows (
    tenant_id     uuid not null,
    connection_id uuid not null,
    group_id      uuid not null, -- zero: all groups of the connection
    recent        text not null, -- a JSON array: how many grants were closed, by the minute
    primary key (tenant_id, connection_id, group_id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id) on delete cascade
);

-- An allowance lets one request pass, and is deleted by it.
create table removal_allowances (
    tenant_id     uuid not null,
    connection_id uuid not null,
    id            uuid not null,
    group_id      uuid not null, -- zero: any group of the connection
    allowed_by    text not null,
    reason        text not null,
    created_at    timestamptz not null,
    expires_at    timestamptz not null,
    primary key (tenant_id, connection_id, id),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id) on delete cascade
);

-- +goose StatementBegin
do $$
declare t text;
begin
    foreach t in array array['removal_windows', 'removal_allowances'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(%L, true), %L)::uuid)',
                       t, 'scimbridge.tenant', '');
    end loop;
end $$;
-- +goose StatementEnd
