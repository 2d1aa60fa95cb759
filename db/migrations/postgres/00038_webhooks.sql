-- +goose Up
-- The addresses that are told of a tenant's events, each with its place in the log: the
-- log is the queue.
create table webhooks (
    tenant_id      uuid not null references tenants,
    id             uuid not null,
    url            text not null,
    signing        text not null, -- v1 or v1a
    secret         bytea not null,
    old_secret     bytea not null, -- signs as well until old_until
    old_until      timestamptz,
    events         text not null, -- JSON arrays; empty: all
    connection_ids text not null,
    group_ids      text not null,
    ordered        boolean not null,
    state          text not null, -- active or disabled
    why            text not null, -- it is disabled
    position       bigint not null, -- the number of the last event that is not to be sent for the first time
    next_at        timestamptz, -- when the next of its deliveries is to be tried again
    failing_from   timestamptz, -- null: the last attempt succeeded
    holder         text not null default '', -- the server that sends to it
    held_until     timestamptz,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    primary key (tenant_id, id)
);

-- What became of events at them, for 30 days.
create table webhook_deliveries (
    tenant_id   uuid not null,
    webhook_id  uuid not null,
    number      bigint not null, -- of the event
    id          uuid not null,
    action      text not null,
    status      text not null, -- delivered, retrying or dead
    attempts    integer not null,
    http_status integer not null, -- of the last answer; 0: there was none
    problem     text not null,
    at          timestamptz not null, -- of the last attempt
    next_at     timestamptz, -- null: it is not tried again
    primary key (tenant_id, webhook_id, number)
);
create unique index webhook_deliveries_id on webhook_deliveries (tenant_id, webhook_id, id);
create index webhook_deliveries_status on webhook_deliveries (tenant_id, webhook_id, status, number);
create index webhook_deliveries_due on webhook_deliveries (tenant_id, webhook_id, next_at) where next_at is not null;

alter table webhooks enable row level security;
alter table webhooks force row level security;
create policy tenant on webhooks using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table webhook_deliveries enable row level security;
alter table webhook_deliveries force row level security;
create policy tenant on webhook_deliveries using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);

-- The servers find the webhooks that have something to be sent, as the sealer finds its
-- tenants (00031).
create policy list on webhooks for select using (current_setting('scimbridge.list', true) = 'tenants');
