-- +goose Up
-- See the other engine's. Times in the tables of grants are integers: microseconds
-- since 1970.
alter table grants rename to grants_before;
drop index grants_open;
drop index grants_of_group;
drop index grants_of_user;
create index grants_before_in_order on grants_before (tenant_id, group_id, user_id, id);

alter table groups add column no integer not null default 0;
alter table groups add column members_changed_at integer;
update groups set no = n.no from (
    select tenant_id, id, row_number() over (partition by tenant_id order by id) as no from groups) n
    where groups.tenant_id = n.tenant_id and groups.id = n.id;
create unique index groups_no on groups (tenant_id, no);
alter table connections add column no integer not null default 0;
update connections set no = n.no from (
    select tenant_id, id, row_number() over (partition by tenant_id order by id) as no from connections) n
    where connections.tenant_id = n.tenant_id and connections.id = n.id;
create unique index connections_no on connections (tenant_id, no);

alter table group_links add column members integer not null default 0;

create table grants (
    tenant_id     blob not null,
    group_no      integer not null,
    user_id       blob not null,
    connection_no integer not null, -- 0: local
    id            blob not null,
    member_since  integer, -- null: opened_at
    opened_at     integer not null,
    opened_event  integer not null,
    primary key (tenant_id, group_no, user_id, connection_no)
) strict, without rowid;
create index grants_of_user on grants (tenant_id, user_id, group_no, connection_no);

create table past_grants (
    tenant_id     blob not null,
    group_no      integer not null,
    user_id       blob not null,
    closed_event  integer not null,
    connection_no integer not null,
    id            blob not null,
    member_since  integer,
    opened_at     integer not null,
    opened_event  integer not null,
    closed_at     integer not null,
    primary key (tenant_id, group_no, user_id, closed_event, connection_no)
) strict, without rowid;

drop table removal_windows;
create table removal_windows (
    tenant_id     blob not null,
    connection_id blob not null,
    group_id      blob not null, -- zero: all groups of the connection
    minute        integer not null,
    closed        integer not null,
    primary key (tenant_id, connection_id, group_id, minute),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id) on delete cascade
) strict, without rowid;

create table oldest_program (
    schema integer not null
) strict;
insert into oldest_program values (30);

create table grant_events_before (
    tenant_id blob not null,
    grant_id  blob not null,
    closed    integer not null,
    position  integer not null,
    primary key (tenant_id, grant_id, closed)
) strict, without rowid;

-- What lists of exceptions begin with, and is rare: local grants, second grants of a
-- member, users without access; and where a link ended while its grants stayed open:
-- the group of a group's link, the user of a user's, the other one zero.
create index grants_local on grants (tenant_id, group_no, user_id) where connection_no = 0;
create index grants_beside on grants (tenant_id, group_no, user_id) where member_since is not null;
create index users_deprovisioned on users (tenant_id, id) where deprovisioned and deleted_at is null;
create table ended_links (
    tenant_id blob not null,
    group_no  integer not null,
    user_id   blob not null,
    primary key (tenant_id, group_no, user_id)
) strict, without rowid;
