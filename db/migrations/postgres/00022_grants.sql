-- +goose Up
-- The present apart from the past. grants has what is open, by what identifies it;
-- closing a grant deletes it there and appends it to past_grants. Who opened or
-- closed one, with which request and why, stands once, in the event of the change:
-- opened_event and closed_event are positions in events, as are those of a tenant.
-- What was before is carried over by migration 30, and dropped there.
alter table grants rename to grants_before;
alter table grants_before rename constraint grants_pkey to grants_before_pkey;
drop index grants_open_user; -- grants_open and grants_closed end with the table
alter index grants_open rename to grants_before_open;
alter index grants_closed rename to grants_before_closed;

-- A group and a connection have a number in the keys of grants; 0: local. The lock
-- of a group is a change of members_changed_at, which dates what is done under it.
create sequence group_numbers as bigint;
create sequence connection_numbers as bigint;
alter table groups
    add column no                 bigint not null default nextval('group_numbers'),
    add column members_changed_at timestamptz;
alter table groups set (fillfactor = 70);
create unique index groups_no on groups (tenant_id, no);
alter table connections add column no bigint not null default nextval('connection_numbers');
create unique index connections_no on connections (tenant_id, no);

-- How many grants the connection has open in the group.
alter table group_links add column members bigint not null default 0;

create table grants (
    tenant_id     uuid not null,
    group_no      bigint not null,
    user_id       uuid not null,
    connection_no bigint not null, -- 0: local
    id            uuid not null,
    member_since  timestamptz, -- null: opened_at
    opened_at     timestamptz not null,
    opened_event  bigint not null,
    primary key (tenant_id, group_no, user_id, connection_no)
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
create index grants_of_user on grants (tenant_id, user_id, group_no, connection_no);

-- In the order in which they were closed.
create table past_grants (
    tenant_id     uuid not null,
    group_no      bigint not null,
    user_id       uuid not null,
    closed_event  bigint not null,
    connection_no bigint not null,
    id            uuid not null,
    member_since  timestamptz,
    opened_at     timestamptz not null,
    opened_event  bigint not null,
    closed_at     timestamptz not null
);
create index past_grants_of_group on past_grants (tenant_id, group_no, user_id);

-- What the removal guard counts: grants closed in a minute by requests of more than
-- one removal. The windows of before, ten minutes of them, are not carried over.
drop table removal_windows;
create table removal_windows (
    tenant_id     uuid not null,
    connection_id uuid not null,
    group_id      uuid not null, -- zero: all groups of the connection
    minute        timestamptz not null,
    closed        bigint not null,
    primary key (tenant_id, connection_id, group_id, minute),
    foreign key (tenant_id, connection_id) references connections (tenant_id, id) on delete cascade
);

-- The event of each grant of before, while they are carried over.
create table grant_events_before (
    tenant_id uuid not null,
    grant_id  uuid not null,
    closed    boolean not null,
    position  bigint not null,
    primary key (tenant_id, grant_id, closed)
);

-- What lists of exceptions begin with, and is rare: local grants, second grants of a
-- member, users without access; and where a link ended while its grants stayed open:
-- the group of a group's link, the user of a user's, the other one zero.
create index grants_local on grants (tenant_id, group_no, user_id) where connection_no = 0;
create index grants_beside on grants (tenant_id, group_no, user_id) where member_since is not null;
create index users_inactive on users (tenant_id, id) where not active and not deprovisioned and deleted_at is null;
create index users_deprovisioned on users (tenant_id, id) where deprovisioned and deleted_at is null;
create table ended_links (
    tenant_id uuid not null,
    group_no  bigint not null,
    user_id   uuid not null,
    primary key (tenant_id, group_no, user_id)
);

-- +goose StatementBegin
do $$
declare t text;
begin
    foreach t in array array['grants', 'past_grants', 'removal_windows', 'grant_events_before', 'ended_links'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I using (tenant_id = nullif(current_setting(%L, true), %L)::uuid)',
                       t, 'scimbridge.tenant', '');
    end loop;
end $$;
-- +goose StatementEnd

-- Programs of before must fail, and not write where nothing is read any more.
-- +goose StatementBegin
do $$
declare f regprocedure;
begin
    for f in select oid from pg_proc where pronamespace = current_schema()::regnamespace
                and proname in ('change_members', 'change_members_together', 'write_members') loop
        execute 'drop function ' || f;
    end loop;
end $$;
-- +goose StatementEnd
