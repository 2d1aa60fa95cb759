-- +goose Up
-- The tables and columns of the other engine, in this one's types.
alter table groups add column permissions text not null default '[]'; -- a JSON array of ENTITY:PERMISSION
alter table users add column pending integer not null default 0; -- invited by address, and nobody yet

create table organization_members (
    tenant_id   blob not null references tenants,
    user_id     blob not null,
    id          blob not null,
    project_ids text not null, -- a JSON array, or null for every project
    invited_by  blob not null, -- a user; zero: whoever it was is no user of the tenant
    created_at  text not null,
    updated_at  text not null,
    primary key (tenant_id, user_id),
    foreign key (tenant_id, user_id) references users (tenant_id, id)
) strict, without rowid;
create unique index organization_members_id on organization_members (tenant_id, id);

create table roles (
    tenant_id   blob not null references tenants,
    id          blob not null,
    name        text not null,
    permissions text not null, -- a JSON array of objects
    created_at  text not null,
    updated_at  text not null,
    primary key (tenant_id, id)
) strict, without rowid;

create table role_assignments (
    tenant_id  blob not null,
    user_id    blob not null,
    role_id    blob not null,
    id         blob not null,
    created_at text not null,
    updated_at text not null,
    primary key (tenant_id, user_id, role_id),
    foreign key (tenant_id, user_id) references users (tenant_id, id),
    foreign key (tenant_id, role_id) references roles (tenant_id, id)
) strict, without rowid;
create unique index role_assignments_id on role_assignments (tenant_id, id);
create index role_assignments_role on role_assignments (tenant_id, role_id);

create table outbox (
    tenant_id    blob not null references tenants,
    id           blob not null,
    kind         text not null,
    payload      text not null, -- a JSON object with ids only
    created_at   text not null,
    delivered_at text,
    primary key (tenant_id, id)
) strict, without rowid;
create index outbox_waiting on outbox (tenant_id, id) where delivered_at is null;
