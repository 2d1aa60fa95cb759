-- +goose Up
-- Events get consecutive numbers after they are committed: before that nothing
-- could be without gaps and in the order of commits. Writers leave the number
-- null, so of the indexes below they pay for the first alone.
alter table events add column number bigint;
create index events_unnumbered on events (tenant_id, at) where number is null;
create unique index events_number on events (tenant_id, number) where number is not null;
create index events_of_user on events (tenant_id, user_id, number) where number is not null;
create index events_of_group on events (tenant_id, group_id, number) where number is not null;
create index events_of_actor on events (tenant_id, actor_id, number) where number is not null;

-- The last number that was given; its row is the lock of whoever numbers.
create table event_heads (
    tenant_id uuid primary key references tenants,
    number    bigint not null
);
alter table event_heads enable row level security;
alter table event_heads force row level security;
create policy tenant on event_heads using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);

-- A user's past; the present has an index of its own. Only who closes a grant pays.
create index grants_closed_user on grants (tenant_id, user_id) where closed_at is not null;
