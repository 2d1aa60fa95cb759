-- +goose Up
-- The tables of the other engine, in this one's types.
create table policies (
    tenant_id  blob not null references tenants,
    id         text not null,
    cedar      text not null,
    created_at text not null,
    updated_at text not null,
    primary key (tenant_id, id)
) strict, without rowid;

alter table tenants add column policy_version integer not null default 0;
