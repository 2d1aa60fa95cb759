-- +goose Up
-- The request log (decision 41). Connection, operation, status, scimType and outcome
-- together are a class, of which a tenant has few: requests are found by their class,
-- so one index answers any of these in any combination.
create table request_classes (
    tenant_id     uuid not null,
    class         bigint not null, -- a hash of the rest
    connection_id uuid not null,   -- zero: none
    operation     text not null,   -- such as PATCH /Groups/{id}
    status        integer not null,
    scim_type     text not null,
    outcome       text not null,
    primary key (tenant_id, class)
);

-- Ids are of the time of the request: the oldest rows of a tenant are together, at
-- the beginning of the key, where they are removed from.
create table requests (
    tenant_id uuid not null,
    id        uuid not null,
    class     bigint not null,
    keys      bytea not null, -- its keys in request_keys, 16 bytes each
    body      text not null,  -- the rest, redacted, as JSON
    primary key (tenant_id, id)
);
create index requests_by_class on requests (tenant_id, class, id);

-- What a request is found by: hashes of ids of users and groups and of its request id,
-- and keyed hashes of userNames and externalIds.
create table request_keys (
    tenant_id uuid not null,
    key       uuid not null,
    id        uuid not null,
    class     bigint not null,
    primary key (tenant_id, key, id)
);

alter table request_classes enable row level security;
alter table request_classes force row level security;
create policy tenant on request_classes using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table requests enable row level security;
alter table requests force row level security;
create policy tenant on requests using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table request_keys enable row level security;
alter table request_keys force row level security;
create policy tenant on request_keys using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
