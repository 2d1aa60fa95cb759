-- +goose Up
-- When a person of a tenant was last erased. Who writes requests holds the row, and an
-- erasure changes it: what is written after it knows of the erasure.
create table request_erasures (
    tenant_id uuid primary key,
    at        timestamptz not null
);

-- Keys of erased persons and of their names, as in request_keys, for an hour: requests
-- that still waited in a server are written without them.
create table request_erased (
    tenant_id uuid not null,
    person    uuid not null, -- the key of the user
    key       uuid not null,
    at        timestamptz not null,
    primary key (tenant_id, person, key)
);
create index request_erased_by_key on request_erased (tenant_id, key);

alter table request_erasures enable row level security;
alter table request_erasures force row level security;
create policy tenant on request_erasures using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table request_erased enable row level security;
alter table request_erased force row level security;
create policy tenant on request_erased using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
