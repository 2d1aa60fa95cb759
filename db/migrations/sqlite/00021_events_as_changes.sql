-- +goose Up
-- The tables of the other engine, in this one's types. One transaction writes at a
-- time, so that the place of a row is its position; with the tenant in front the
-- key would stand in every index again.
alter table events rename to events_before;
alter table member_events rename to member_events_before;

create table events (
    position  integer primary key,
    tenant_id blob not null,
    number    integer,
    group_id  blob,
    user_id   blob,
    body      text not null,
    members   text
) strict;
create index events_waiting on events (tenant_id, position) where number is null and position > 0;
create unique index events_by_number on events (tenant_id, number) where number is not null;
create index events_by_group on events (tenant_id, group_id, number) where number is not null and group_id is not null;
create index events_by_user on events (tenant_id, user_id, number) where number is not null and user_id is not null;

create table event_users (
    tenant_id blob not null,
    user_id   blob not null,
    number    integer not null,
    primary key (tenant_id, user_id, number)
) strict, without rowid;

create table event_keys (
    tenant_id blob not null,
    key       text not null,
    span      integer not null,
    first     integer not null,
    last      integer not null,
    primary key (tenant_id, key, span)
) strict, without rowid;

create table event_spans (
    tenant_id blob not null,
    span      integer not null,
    first_at  text not null,
    last_at   text not null,
    primary key (tenant_id, span)
) strict, without rowid;

create table event_texts (
    tenant_id blob not null,
    position  integer not null,
    field     text not null,
    salt      blob not null,
    text      text not null,
    primary key (tenant_id, position, field)
) strict, without rowid;

alter table event_heads add column latest_at text;
