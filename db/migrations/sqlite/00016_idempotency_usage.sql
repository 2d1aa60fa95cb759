-- +goose Up
-- The table of the other engine, in this one's types.
create table idempotency_usage (
    tenant_id blob not null primary key references tenants,
    bytes     integer not null
) strict, without rowid;
insert into idempotency_usage (tenant_id, bytes)
select tenant_id, sum(512 + length(body)) from idempotency_keys group by tenant_id;
