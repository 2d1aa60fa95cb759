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

-- The oldest program that may use the store, by the schema that it knows: each
-- checks it when it starts. A migration after which older ones would go wrong raises
-- it.
create table oldest_program (
    schema bigint not null
);
insert into oldest_program values (30);

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

-- Changes of members (jobs) of one source in one group that came at the same time,
-- in one round trip and one commit; one is the usual case. On SQLite
-- db/member_delta_sqlite.go does the same, and the contract suite holds the two
-- together.
--
-- The arrays from p_reason to p_rest have an element for each job, those of p_event
-- for each event that there may be: one for at most 500 members that a job opens or
-- closes. Each user is in p_open or p_close once, with the number of its event. A job
-- whose users are not known is refused, one that the removal guard holds is not made;
-- its neighbours are. p_if_version is for a job that is alone; p_ending is for those
-- that end what a removed connection has left.
--
-- Every statement in here has a snapshot of its own, taken after the lock of the
-- group, which also gives the time: later than all that was done in the group. Looks
-- are lateral with "offset 0", and rows are named by their ctid, so that each uses
-- its index whatever a planner believes of a table without statistics.
-- +goose StatementBegin
create function write_members(
    p_tenant uuid, p_group uuid, p_connection uuid, p_if_version bigint, p_ending boolean, p_at timestamptz,
    p_most_removed bigint, p_minute timestamptz, p_minute_over timestamptz,
    p_reason text[], p_salt bytea[], p_rest text[],
    p_event uuid[], p_event_job integer[], p_event_action text[],
    p_open_event integer[], p_open uuid[], p_open_grant uuid[],
    p_close_event integer[], p_close uuid[],
    p_known_job integer[], p_known uuid[],
    out status text, out version bigint, out last_modified timestamptz,
    out event integer[], out changed integer[], -- how many were opened or closed with which event
    out unknown_job integer[], out unknown uuid[],
    out held_job integer[], out held_closing bigint[], out held_in_group bigint[], out held_in_all bigint[], out held_open bigint)
language plpgsql
-- Of a small table, or tenant, a planner would rather read all, and keeps that plan
-- while it grows.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    no_id constant uuid := '00000000-0000-0000-0000-000000000000';
    is_local constant boolean := p_connection = no_id;
    tenant_set text;
    in_group_no bigint;
    of_connection_no bigint := 0;
    now_at timestamptz;
    found_users uuid[];
    refused integer[] := '{}';
    o_event integer[] := '{}'; o_user uuid[]; o_grant uuid[]; o_since timestamptz[];
    c_event integer[] := '{}'; c_row tid[]; c_user uuid[]; c_grant uuid[]; c_since timestamptz[]; c_opened timestamptz[];
    c_opened_event bigint[]; c_still boolean[];
    job record;
    in_group bigint; in_all bigint; counted bigint := 0;
    places bigint[];
    jobs_changed integer;
begin
    tenant_set := set_config('scimbridge.tenant', p_tenant::text, true);
    version := 0; event := '{}'; changed := '{}'; unknown_job := '{}'; unknown := '{}';
    held_job := '{}'; held_closing := '{}'; held_in_group := '{}'; held_in_all := '{}';

    -- Asked for plain "deleted_at is null", a planner without statistics takes an
    -- index of living names, and reads every one of the tenant.
    update groups g set members_changed_at = greatest(p_at, g.members_changed_at + interval '1 microsecond')
     where g.tenant_id = p_tenant and g.id = p_group and (g.deleted_at is null) is true
    returning g.no, g.members_changed_at into in_group_no, now_at;
    if not found then status := 'not_found'; return; end if;
    if not is_local then
        select l.version, l.last_modified, l.members, c.no
          into write_members.version, write_members.last_modified, held_open, of_connection_no
          from group_links l, connections c
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group
           and c.tenant_id = p_tenant and c.id = p_connection and (c.removed_at is null or p_ending);
        if not found then status := 'not_found'; return; end if;
        if p_if_version <> 0 and p_if_version <> write_members.version then
            status := 'version_mismatch'; return;
        end if;
    end if;

    -- A key share keeps a user from being deprovisioned while they are added.
    if cardinality(p_known) > 0 then
        if is_local then
            found_users := array(select u.id from unnest(p_known) k(id), lateral (
                select x.id from users x
                 where x.tenant_id = p_tenant and x.id = k.id and (x.deleted_at is null) is true
                offset 0 for key share) u);
        else
            found_users := array(select l.user_id from unnest(p_known) k(id), lateral (
                select x.user_id from user_links x
                 where x.tenant_id = p_tenant and x.connection_id = p_connection and x.user_id = k.id
                offset 0 for key share) l);
        end if;
        if cardinality(found_users) <> cardinality(p_known) then
            select array_agg(k.job), array_agg(k.id) into unknown_job, unknown
              from unnest(p_known_job, p_known) k(job, id)
             where not exists (select 1 from unnest(found_users) f(id) where f.id = k.id);
            refused := unknown_job;
        end if;
    end if;

    -- The writer holds the lock: what is not there now stays so.
    while cardinality(p_close) > 0 loop
        select coalesce(array_agg(n.event), '{}'), array_agg(g.row), array_agg(n.user_id), array_agg(g.id), array_agg(g.since),
               array_agg(g.opened), array_agg(g.opened_event), array_agg(g.still)
          into c_event, c_row, c_user, c_grant, c_since, c_opened, c_opened_event, c_still
          from unnest(p_close_event, p_close) n(event, user_id), lateral (
            select x.ctid as row, x.id, x.member_since as since, x.opened_at as opened, x.opened_event,
                   exists (select 1 from grants y
                            where y.tenant_id = p_tenant and y.group_no = in_group_no and y.user_id = n.user_id
                              and y.connection_no <> of_connection_no) as still
              from grants x
             where x.tenant_id = p_tenant and x.group_no = in_group_no and x.user_id = n.user_id
               and x.connection_no = of_connection_no
            offset 0) g
         where p_event_job[n.event] <> all (refused);
        exit when p_most_removed = 0 or cardinality(c_event) < 2 or in_all is not null;

        -- The removal guard. The row of no time is the lock of a connection's removals.
        insert into removal_windows (tenant_id, connection_id, group_id, minute, closed)
        values (p_tenant, p_connection, no_id, '-infinity', 0)
        on conflict (tenant_id, connection_id, group_id, minute) do update set closed = 0;
        select coalesce(sum(w.closed) filter (where w.group_id = p_group), 0), coalesce(sum(w.closed) filter (where w.group_id = no_id), 0)
          into in_group, in_all from removal_windows w
         where w.tenant_id = p_tenant and w.connection_id = p_connection and w.group_id in (p_group, no_id)
           and w.minute > p_minute_over;
        for job in select p_event_job[n.event] as no, count(*) as closing from unnest(c_event) n(event)
                    group by 1 having count(*) > 1 order by 1 loop
            if job.closing + greatest(in_group, in_all) > p_most_removed then
                held_job := held_job || job.no; held_closing := held_closing || job.closing;
                held_in_group := held_in_group || in_group; held_in_all := held_in_all || in_all;
                refused := refused || job.no;
            else
                in_group := in_group + job.closing; in_all := in_all + job.closing; counted := counted + job.closing;
            end if;
        end loop;
        if counted > 0 then
            delete from removal_windows w
             where w.tenant_id = p_tenant and w.connection_id = p_connection and w.group_id in (p_group, no_id)
               and w.minute <= p_minute_over and w.minute > '-infinity';
            insert into removal_windows (tenant_id, connection_id, group_id, minute, closed)
            select p_tenant, p_connection, w.id, p_minute, counted from unnest(array[p_group, no_id]) w(id)
            on conflict (tenant_id, connection_id, group_id, minute) do update set closed = removal_windows.closed + excluded.closed;
        end if;
        exit when cardinality(held_job) = 0; -- else once more, without them
    end loop;

    if cardinality(p_open) > 0 then
        select coalesce(array_agg(n.event), '{}'), array_agg(n.user_id), array_agg(n.grant_id), array_agg(o.since)
          into o_event, o_user, o_grant, o_since
          from unnest(p_open_event, p_open, p_open_grant) n(event, user_id, grant_id), lateral (
            select min(coalesce(x.member_since, x.opened_at)) as since,
                   count(*) filter (where x.connection_no = of_connection_no) as own
              from grants x
             where x.tenant_id = p_tenant and x.group_no = in_group_no and x.user_id = n.user_id
            offset 0) o
         where o.own = 0 and p_event_job[n.event] <> all (refused);
    end if;

    if cardinality(o_event) + cardinality(c_event) > 0 then
        places := array(select nextval('event_positions') from unnest(p_event));
        if cardinality(o_event) > 0 then
            insert into grants (tenant_id, group_no, user_id, connection_no, id, member_since, opened_at, opened_event)
            select p_tenant, in_group_no, n.user_id, of_connection_no, n.grant_id, n.since, now_at, places[n.event]
              from unnest(o_event, o_user, o_grant, o_since) n(event, user_id, grant_id, since);
        end if;
        if cardinality(c_event) > 0 then
            insert into past_grants (tenant_id, group_no, user_id, closed_event, connection_no, id, member_since, opened_at,
                                     opened_event, closed_at)
            select p_tenant, in_group_no, n.user_id, places[n.event], of_connection_no, n.grant_id, n.since, n.opened,
                   n.opened_event, now_at
              from unnest(c_event, c_user, c_grant, c_since, c_opened, c_opened_event)
                   n(event, user_id, grant_id, since, opened, opened_event);
            delete from grants g using unnest(c_row) n(row) where g.tenant_id = p_tenant and g.ctid = n.row;
        end if;

        select array_agg(m.event), array_agg(m.n), count(distinct p_event_job[m.event])
          into write_members.event, changed, jobs_changed
          from (select n.event, count(*) as n from unnest(o_event || c_event) n(event) group by n.event) m;
        insert into events (tenant_id, position, group_id, user_id, body, members)
        select p_tenant, places[m.event], p_group, m.user_id,
               member_event_body(p_event[m.event], now_at, p_event_action[m.event], p_group, m.user_id, p_rest[p_event_job[m.event]]),
               m.members
          from (select n.event, case when count(*) = 1 then (array_agg(n.user_id))[1] end as user_id,
                       '[' || string_agg(event_member(n.user_id, n.grant_id, n.still), ',') || ']' as members
                  from (select n.event, n.user_id, n.grant_id, n.since is not null as still
                          from unnest(o_event, o_user, o_grant, o_since) n(event, user_id, grant_id, since)
                        union all
                        select n.event, n.user_id, n.grant_id, n.still
                          from unnest(c_event, c_user, c_grant, c_still) n(event, user_id, grant_id, still)) n
                 group by n.event) m;
        if array_to_string(p_reason, '') <> '' then
            insert into event_texts (tenant_id, position, field, salt, text)
            select p_tenant, places[n.event], 'reason', p_salt[p_event_job[n.event]], p_reason[p_event_job[n.event]]
              from unnest(write_members.event) n(event) where p_reason[p_event_job[n.event]] <> '';
        end if;

        if not is_local then -- each job that changed something has a version of its own
            update group_links l
               set version = l.version + jobs_changed,
                   last_modified = greatest(now_at, l.last_modified + interval '1 microsecond'),
                   members = l.members + cardinality(o_event) - cardinality(c_event)
             where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group
            returning l.version, l.last_modified into write_members.version, write_members.last_modified;
        end if;
    end if;
    status := 'done';
end $$;
-- +goose StatementEnd
