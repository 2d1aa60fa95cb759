-- +goose Up
-- See the other engine's. One transaction writes at a time, so that a position
-- is one more than the greatest of what has no number yet.
alter table events add column position integer not null default 0;
alter table events add column credential text not null default '';
drop index events_unnumbered;
create index events_unnumbered on events (tenant_id, position, at, id) where number is null;

create table member_events_in_order (
    tenant_id     blob not null,
    position      integer not null,
    at            text not null,
    id            blob not null,
    actor_kind    text not null,
    actor_id      text not null,
    credential    text not null,
    source        text not null,
    connection_id blob not null,
    action        text not null,
    group_id      blob not null,
    side          text not null,
    members       blob not null,
    request_id    text not null,
    reason        text not null,
    primary key (tenant_id, position, at, id)
) strict, without rowid;
insert into member_events_in_order select tenant_id, 0, at, id, actor_kind, actor_id, '', source, connection_id, action,
    group_id, side, members, request_id, reason from member_events;
drop table member_events;
alter table member_events_in_order rename to member_events;
