-- +goose Up
-- Local grants that were taken by break-glass, until another person has signed them off
-- and after.
create table break_glass (
    tenant_id    uuid not null,
    group_no     bigint not null,
    user_id      uuid not null,
    grant_id     uuid not null,
    opened_at    timestamptz not null,
    opened_event bigint not null,
    expires_at   timestamptz not null,
    person       text not null, -- who took it
    signed_at    timestamptz,
    primary key (tenant_id, group_no, user_id, grant_id)
);
create index break_glass_pending on break_glass (tenant_id, group_no, user_id) where signed_at is null;
alter table break_glass enable row level security;
alter table break_glass force row level security;
create policy tenant on break_glass using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);

-- Whose a token is: who made it, or with whose token; of one that an operator made it
-- is the token itself. Empty: it is from before that was kept.
alter table tokens add column person text not null default '';

-- What lists of exceptions begin with.
create index groups_asking on groups (tenant_id, no) where grants_must_end or max_grant_seconds > 0;
