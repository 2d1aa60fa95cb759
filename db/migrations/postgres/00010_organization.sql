-- +goose Up
-- What groups give to their members, and what a tenant is to the application:
-- people in an organization, with roles and projects, some of them invited only.
alter table groups add column permissions text not null default '[]'; -- a JSON array of ENTITY:PERMISSION
alter table users add column pending boolean not null default false; -- invited by address, and nobody yet

create table organization_members (
    tenant_id   uuid not null references tenants,
    user_id     uuid not null,
    id          uuid not null,
    project_ids text not null, -- a JSON array, or null for every project
    invited_by  uuid not null, -- a user; zero: whoever it was is no user of the tenant
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (tenant_id, user_id),
    foreign key (tenant_id, user_id) references users (tenant_id, id)
);
create unique index organization_members_id on organization_members (tenant_id, id);

create table roles (
    tenant_id   uuid not null references tenants,
    id          uuid not null,
    name        text not null,
    permissions text not null, -- a JSON array of objects
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    primary key (tenant_id, id)
);

create table role_assignments (
    tenant_id  uuid not null,
    user_id    uuid not null,
    role_id    uuid not null,
    id         uuid not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (tenant_id, user_id, role_id),
    foreign key (tenant_id, user_id) references users (tenant_id, id),
    foreign key (tenant_id, role_id) references roles (tenant_id, id)
);
create unique index role_assignments_id on role_assignments (tenant_id, id);
create index role_assignments_role on role_assignments (tenant_id, role_id);

-- What others are to be told of, written with the change that it tells of. A row
-- waits until somebody says that it was delivered.
create table outbox (
    tenant_id    uuid not null references tenants,
    id           uuid not null,
    kind         text not null,
    payload      text not null, -- a JSON object with ids only
    created_at   timestamptz not null,
    delivered_at timestamptz,
    primary key (tenant_id, id)
);
create index outbox_waiting on outbox (tenant_id, id) where delivered_at is null;

-- +goose StatementBegin
do $$
declare t text;
begin
    foreach t in array array['organization_members', 'roles', 'role_assignments', 'outbox'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(%L, true), %L)::uuid)',
                       t, 'scimbridge.tenant', '');
    end loop;
end $$;
-- +goose StatementEnd
