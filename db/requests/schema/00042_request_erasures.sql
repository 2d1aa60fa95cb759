-- +goose Up
-- When a person of a tenant was last erased, and for an hour the keys of erased
-- persons and of their names: requests that still waited are written without them.
create table request_erasures (
    tenant_id blob not null primary key,
    at        text not null
) strict, without rowid;

create table request_erased (
    tenant_id blob not null,
    person    blob not null, -- the key of the user
    key       blob not null,
    at        text not null,
    primary key (tenant_id, person, key)
) strict, without rowid;
create index request_erased_by_key on request_erased (tenant_id, key);
