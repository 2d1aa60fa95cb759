-- +goose Up
-- What proves the events of a tenant (package seal): a log for each tenant, the
-- hashes of its tree, its signed checkpoints, and what anchors gave back for them.
create table seal_logs (
    tenant_id  uuid primary key,
    origin     text not null,            -- the name of the log, which its key signs under
    public_key bytea not null,           -- the key in use
    size       bigint not null,          -- events that are sealed
    holder     text not null default '', -- the server that seals it
    held_until timestamptz,
    stopped    text not null default ''  -- why it is not sealed any further
);

-- Hashes of a level (0: of events) from an index on, in pieces that never cross a
-- multiple of 256: a piece for each time something was sealed, one when it is full.
create table seal_hashes (
    tenant_id uuid not null,
    level     integer not null,
    first     bigint not null,
    hashes    bytea not null,
    primary key (tenant_id, level, first)
);
alter table seal_hashes alter column hashes set storage external; -- hashes do not compress

create table seal_checkpoints (
    tenant_id uuid not null,
    origin    text not null,
    size      bigint not null,
    at        timestamptz not null,
    note      text not null, -- signed
    primary key (tenant_id, origin, size)
);

create table seal_receipts (
    tenant_id uuid not null,
    origin    text not null,
    size      bigint not null,
    anchor    text not null,
    at        timestamptz not null,
    lines     text not null,  -- cosignatures
    token     bytea not null, -- of a time stamp
    primary key (tenant_id, origin, size, anchor)
);

alter table seal_logs enable row level security;
alter table seal_logs force row level security;
create policy tenant on seal_logs using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table seal_hashes enable row level security;
alter table seal_hashes force row level security;
create policy tenant on seal_hashes using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table seal_checkpoints enable row level security;
alter table seal_checkpoints force row level security;
create policy tenant on seal_checkpoints using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table seal_receipts enable row level security;
alter table seal_receipts force row level security;
create policy tenant on seal_receipts using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);

-- The sealer finds the tenants that have something to do, as the list of tenants is
-- read (00020): of events it sees only those without a number.
create policy list on events for select
    using (number is null and position > 0 and current_setting('scimbridge.list', true) = 'tenants');
create policy list on event_heads for select using (current_setting('scimbridge.list', true) = 'tenants');
create policy list on seal_logs for select using (current_setting('scimbridge.list', true) = 'tenants');
