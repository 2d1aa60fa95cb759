-- +goose Up
-- The tables of the other engine, in this one's types.
create table webhooks (
    tenant_id      blob not null references tenants,
    id             blob not null,
    url            text not null,
    signing        text not null, -- v1 or v1a
    secret         blob not null,
    old_secret     blob not null, -- signs as well until old_until
    old_until      text,
    events         text not null, -- JSON arrays; empty: all
    connection_ids text not null,
    group_ids      text not null,
    ordered        integer not null,
    state          text not null, -- active or disabled
    why            text not null, -- it is disabled
    position       integer not null, -- the number of the last event that is not to be sent for the first time
    next_at        text, -- when the next of its deliveries is to be tried again
    failing_from   text, -- null: the last attempt succeeded
    holder         text not null default '', -- the server that sends to it
    held_until     text,
    created_at     text not null,
    updated_at     text not null,
    primary key (tenant_id, id)
) strict, without rowid;

-- What became of events at them, for 30 days.
create table webhook_deliveries (
    tenant_id   blob not null,
    webhook_id  blob not null,
    number      integer not null, -- of the event
    id          blob not null,
    action      text not null,
    status      text not null, -- delivered, retrying or dead
    attempts    integer not null,
    http_status integer not null, -- of the last answer; 0: there was none
    problem     text not null,
    at          text not null, -- of the last attempt
    next_at     text, -- null: it is not tried again
    primary key (tenant_id, webhook_id, number)
) strict, without rowid;
create unique index webhook_deliveries_id on webhook_deliveries (tenant_id, webhook_id, id);
create index webhook_deliveries_status on webhook_deliveries (tenant_id, webhook_id, status, number);
create index webhook_deliveries_due on webhook_deliveries (tenant_id, webhook_id, next_at) where next_at is not null;
