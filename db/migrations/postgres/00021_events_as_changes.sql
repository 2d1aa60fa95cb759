-- +goose Up
-- One event is one change: what one request did to one group by one action, its
-- members inside. It is written with the change and gets its number later; nothing
-- else of it is ever rewritten.
--
-- body is a JSON object on one line, without the members; members is a JSON array
-- of at most 500, or null. The columns before them find an event and say nothing
-- that is not in body. What may be personal stands in body as a hash: see
-- event_texts.
--
-- position is taken when an event is written, after the locks of its change; 00018
-- says why. Below zero are events that were never in the log, but tell who opened
-- a grant of before (00022).
alter table events rename to events_before;
alter table member_events rename to member_events_before;
alter table events_before rename constraint events_pkey to events_before_pkey;
alter table member_events_before rename constraint member_events_pkey to member_events_before_pkey;
drop index events_of_user;
drop index events_of_group;
drop index events_of_actor;

create table events (
    tenant_id uuid not null,
    position  bigint not null default nextval('event_positions'),
    number    bigint,
    group_id  uuid,
    user_id   uuid, -- null: of nobody, or of several
    body      text not null,
    members   text,
    primary key (tenant_id, position)
);
alter table events alter column body set storage external; -- ids do not compress
alter table events alter column members set storage external;
-- Every event is rewritten once, for its number.
alter table events set (autovacuum_vacuum_scale_factor = 0.02);
create index events_waiting on events (tenant_id, position) where number is null and position > 0;
create unique index events_by_number on events (tenant_id, number) where number is not null;
create index events_by_group on events (tenant_id, group_id, number) where number is not null and group_id is not null;
create index events_by_user on events (tenant_id, user_id, number) where number is not null and user_id is not null;

-- Which events have a user among several members.
create table event_users (
    tenant_id uuid not null,
    user_id   uuid not null,
    number    bigint not null,
    primary key (tenant_id, user_id, number)
);

-- Where in the log an action, an actor or a connection comes: of each 64 numbers
-- the first and the last event that has the key. An index would have an entry for
-- each event, and most of them the same.
create table event_keys (
    tenant_id uuid not null,
    key       text collate "C" not null,
    span      bigint not null, -- number / 64
    first     bigint not null,
    last      bigint not null,
    primary key (tenant_id, key, span)
);

-- Of each 1024 numbers the least and the greatest time: numbers are almost in the
-- order of time, but not quite.
create table event_spans (
    tenant_id uuid not null,
    span      bigint not null, -- number / 1024
    first_at  timestamptz not null,
    last_at   timestamptz not null,
    primary key (tenant_id, span)
);

-- Texts that body has as SHA-256(salt || text), in hex: without this row nobody
-- learns them.
create table event_texts (
    tenant_id uuid not null,
    position  bigint not null,
    field     text not null,
    salt      bytea not null,
    text      text not null,
    primary key (tenant_id, position, field)
);

alter table event_heads add column latest_at timestamptz; -- the greatest time of what has a number

alter table events enable row level security;
alter table events force row level security;
create policy tenant on events using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table event_users enable row level security;
alter table event_users force row level security;
create policy tenant on event_users using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table event_keys enable row level security;
alter table event_keys force row level security;
create policy tenant on event_keys using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table event_spans enable row level security;
alter table event_spans force row level security;
create policy tenant on event_spans using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);
alter table event_texts enable row level security;
alter table event_texts force row level security;
create policy tenant on event_texts using (tenant_id = nullif(current_setting('scimbridge.tenant', true), '')::uuid);

-- The body of an event of members: p_rest is what the program knows of it, and
-- begins with a comma. db/event_body.go writes the same.
-- +goose StatementBegin
create function member_event_body(p_id uuid, p_at timestamptz, p_action text, p_group uuid, p_user uuid, p_rest text)
returns text language sql stable as $$
    select '{"id":"' || p_id::text || '","at":"' || to_char(p_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","action":"' || p_action || '","group_id":"' || p_group::text || '"'
        || case when p_user is null then '' else ',"user_id":"' || p_user::text || '"' end || p_rest || '}'
$$;
-- +goose StatementEnd

-- A member in the members of an event. That they stay a member by another grant
-- stands there only where they do.
-- +goose StatementBegin
create function event_member(p_user uuid, p_grant uuid, p_still boolean)
returns text language sql immutable as $$
    select '{"user_id":"' || p_user::text || '","grant_id":"' || p_grant::text || case when p_still then '","still_member":true}' else '"}' end
$$;
-- +goose StatementEnd
