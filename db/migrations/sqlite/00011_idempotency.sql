-- +goose Up
-- The tables of the other engine, in this one's types.
create table idempotency_keys (
    tenant_id    blob not null references tenants,
    actor        text not null,
    route        text not null,
    key          text not null,
    fingerprint  blob not null, -- SHA-256 of the request
    request_id   text not null, -- the events of its change name it
    claimed_at   text not null,
    lease_until  text not null, -- until then nobody else looks after it
    expires_at   text not null,
    status       integer not null,
    content_type text not null,
    body         blob not null,
    primary key (tenant_id, actor, route, key)
) strict;
create index idempotency_keys_expiry on idempotency_keys (tenant_id, expires_at);
