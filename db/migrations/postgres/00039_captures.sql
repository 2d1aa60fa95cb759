-- +goose Up
-- The windows in which whole bodies of requests are kept: one of a connection.
create table request_captures (
    tenant_id     uuid not null references tenants,
    connection_id uuid not null,
    id            uuid not null,
    opened_by     text not null,
    opened_at     timestamptz not null,
    ends_at       timestamptz not null,
    primary key (tenant_id, connection_id)
);

-- Whole bodies, encrypted with a key that is not in the database.
create table request_bodies (
    tenant_id     uuid not null,
    id            uuid not null, -- of the request
    connection_id uuid not null,
    until         timestamptz not null, -- it is removed then
    size          integer not null, -- of the box
    box           bytea not null,
    primary key (tenant_id, id)
);

alter table request_captures enable row level security;
alter table request_captures force row level security;
create policy tenant on request_captures using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table request_bodies enable row level security;
alter table request_bodies force row level security;
create policy tenant on request_bodies using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
