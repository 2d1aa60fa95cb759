-- +goose Up
-- See the other engine's.
create table member_events (
    tenant_id     blob not null,
    at            text not null,
    id            blob not null,
    actor_kind    text not null,
    actor_id      text not null,
    source        text not null,
    connection_id blob not null,
    action        text not null,
    group_id      blob not null,
    side          text not null,
    members       blob not null,
    request_id    text not null,
    reason        text not null,
    primary key (tenant_id, at, id)
) strict, without rowid;

-- Grants in the order in which they were opened: new ones stand together at the
-- end, where the key of before put each into the middle of its group, and what
-- was closed stays in its place. grants_of_group tells at once when a user's last
-- grant in a group ended, however often they were in and out.
create table grants_in_order (
    tenant_id      blob not null,
    group_id       blob not null,
    user_id        blob not null,
    id             blob not null,
    connection_id  blob not null, -- zero: local
    member_since   text not null,
    opened_at      text not null,
    opened_by_kind text not null,
    opened_by_id   text not null,
    opened_request text not null,
    opened_reason  text not null,
    closed_at      text,
    closed_by_kind text,
    closed_by_id   text,
    closed_request text,
    closed_reason  text
) strict;
insert into grants_in_order select tenant_id, group_id, user_id, id, connection_id, member_since, opened_at, opened_by_kind,
    opened_by_id, opened_request, opened_reason, closed_at, closed_by_kind, closed_by_id, closed_request, closed_reason
    from grants order by id;
drop table grants;
alter table grants_in_order rename to grants;
create unique index grants_open on grants (tenant_id, group_id, user_id, connection_id) where closed_at is null;
create index grants_of_group on grants (tenant_id, group_id, user_id, closed_at);
create index grants_of_user on grants (tenant_id, user_id, group_id);
