-- +goose Up
-- Requests that were sent with an Idempotency-Key, with their answers, until
-- they expire. status 0 is a request that is under way: the answer is made after
-- the change is committed, so a server that dies between the two leaves it so.
create table idempotency_keys (
    tenant_id    uuid not null references tenants,
    actor        text collate "C" not null,
    route        text collate "C" not null,
    key          text collate "C" not null,
    fingerprint  bytea not null, -- SHA-256 of the request
    request_id   text not null, -- the events of its change name it
    claimed_at   timestamptz not null,
    lease_until  timestamptz not null, -- until then nobody else looks after it
    expires_at   timestamptz not null,
    status       integer not null,
    content_type text not null,
    body         bytea not null,
    primary key (tenant_id, actor, route, key)
);
create index idempotency_keys_expiry on idempotency_keys (tenant_id, expires_at);
alter table idempotency_keys enable row level security;
alter table idempotency_keys force row level security;
create policy tenant on idempotency_keys
    using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
