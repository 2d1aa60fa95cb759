-- +goose Up
-- The policies that tenants add to those that every tenant has. policy_version
-- grows with every change of them, so that one number says whether what a
-- server holds compiled is still theirs.
create table policies (
    tenant_id  uuid not null references tenants,
    id         text collate "C" not null,
    cedar      text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, id)
);
alter table policies enable row level security;
alter table policies force row level security;
create policy tenant on policies using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);

alter table tenants add column policy_version bigint not null default 0;
