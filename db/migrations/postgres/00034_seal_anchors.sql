-- +goose Up
-- How far each anchor is with the log of a tenant: the largest checkpoint that it
-- took, and when the next may be carried to it. Servers that share a store share it.
create table seal_anchors (
    tenant_id uuid not null,
    anchor    text not null,
    origin    text not null default '',
    size      bigint not null default 0,
    failures  integer not null default 0, -- since then
    next_at   timestamptz,                -- not before
    primary key (tenant_id, anchor)
);
alter table seal_anchors enable row level security;
alter table seal_anchors force row level security;
create policy tenant on seal_anchors using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
create policy list on seal_anchors for select using (current_setting('scimbridge.list', true) = 'tenants');

-- Checkpoints are many, time stamps few.
create index seal_time_stamps on seal_receipts (tenant_id, origin, size) where octet_length(token) > 0;
