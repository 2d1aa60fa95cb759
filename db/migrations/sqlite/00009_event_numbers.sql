-- +goose Up
-- See the other engine's.
alter table events add column number integer;
create index events_unnumbered on events (tenant_id, at) where number is null;
create unique index events_number on events (tenant_id, number) where number is not null;
create index events_of_user on events (tenant_id, user_id, number) where number is not null;
create index events_of_group on events (tenant_id, group_id, number) where number is not null;
create index events_of_actor on events (tenant_id, actor_id, number) where number is not null;

-- The last number that was given; its row is the lock of whoever numbers.
create table event_heads (
    tenant_id blob primary key references tenants (tenant_id),
    number    integer not null
) strict, without rowid;

-- A user's past; the present has an index of its own. Only who closes a grant pays.
create index grants_closed_user on grants (tenant_id, user_id) where closed_at is not null;
