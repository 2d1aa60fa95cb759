-- +goose Up
-- Local grants that were taken by break-glass, until another person has signed them off
-- and after.
create table break_glass (
    tenant_id    blob not null,
    group_no     integer not null,
    user_id      blob not null,
    grant_id     blob not null,
    opened_at    integer not null,
    opened_event integer not null,
    expires_at   integer not null,
    person       text not null, -- who took it
    signed_at    integer,
    primary key (tenant_id, group_no, user_id, grant_id)
) strict, without rowid;
create index break_glass_pending on break_glass (tenant_id, group_no, user_id) where signed_at is null;

-- Whose a token is: who made it, or with whose token; of one that an operator made it
-- is the token itself. Empty: it is from before that was kept.
alter table tokens add column person text not null default '';

-- What lists of exceptions begin with.
create index groups_asking on groups (tenant_id, no) where grants_must_end or max_grant_seconds > 0;
