-- +goose Up
-- What a tenant's idempotency keys and their answers take: a budget is held
-- against it. It changes with them, in their transactions: 512 bytes for a key,
-- and the body of its answer.
create table idempotency_usage (
    tenant_id uuid not null primary key references tenants,
    bytes     bigint not null
);
alter table idempotency_keys no force row level security;
insert into idempotency_usage (tenant_id, bytes)
select tenant_id, sum(512 + octet_length(body)) from idempotency_keys group by tenant_id;
alter table idempotency_keys force row level security;
alter table idempotency_usage enable row level security;
alter table idempotency_usage force row level security;
create policy tenant on idempotency_usage
    using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
