-- +goose Up
-- The functions of members, in statements that a database which is distributed by
-- tenant (docs/citus.md) can send to the one shard that the tenant is in: what is
-- inserted is selected from a row of the tenant; no value depends on a time zone where
-- a column is in it; a subquery is not in what a statement returns. What they do is
-- what those of migration 48 did.

-- The microsecond after.
create function next_moment(p_at timestamptz) returns timestamptz language sql immutable as $$
    select (p_at at time zone 'UTC' + interval '1 microsecond') at time zone 'UTC'
$$;

-- A row that was to be written and is there already, by a writer at the same time: the
-- error of a lost race, so that the change comes again.
-- +goose StatementBegin
create function expect_rows(p_written bigint, p_wanted bigint) returns void language plpgsql as $$
begin
    if p_written <> p_wanted then
        raise exception 'of % rows % were written', p_wanted, p_written using errcode = 'serialization_failure';
    end if;
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
create or replace function write_members(
    p_tenant uuid, p_group uuid, p_connection uuid, p_if_version bigint, p_ending boolean, p_at timestamptz,
    p_guard boolean, p_guard_members bigint, p_guard_percent bigint, p_minute timestamptz, p_minute_over timestamptz,
    p_reason text[], p_salt bytea[], p_rest text[],
    p_event uuid[], p_event_job integer[], p_event_action text[],
    p_open_event integer[], p_open uuid[], p_open_grant uuid[],
    p_close_event integer[], p_close uuid[],
    p_known_job integer[], p_known uuid[],
    out status text, out version bigint, out last_modified timestamptz,
    out event integer[], out changed integer[], -- how many were opened or closed with which event
    out unknown_job integer[], out unknown uuid[],
    out held_job integer[], out held_closing bigint[], out held_in_group bigint[], out held_in_all bigint[], out held_open bigint[], out held_open_in_all bigint[])
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
    open_in_group bigint := 0; open_in_all bigint; -- of the connection
    holds boolean;
    places bigint[];
    jobs_changed integer;
    ends timestamptz;
    written bigint;
    more_open bigint;
begin
    tenant_set := set_config('scimbridge.tenant', p_tenant::text, true);
    version := 0; event := '{}'; changed := '{}'; unknown_job := '{}'; unknown := '{}';
    held_job := '{}'; held_closing := '{}'; held_in_group := '{}'; held_in_all := '{}';
    held_open := '{}'; held_open_in_all := '{}';

    -- Asked for plain "deleted_at is null", a planner without statistics takes an
    -- index of living names, and reads every one of the tenant.
    select g.no, greatest(p_at, next_moment(g.members_changed_at)) into in_group_no, now_at
      from groups g
     where g.tenant_id = p_tenant and g.id = p_group and (g.deleted_at is null) is true
       for no key update;
    if not found then status := 'not_found'; return; end if;
    if not is_local then
        select l.version, l.last_modified, l.members, c.no
          into write_members.version, write_members.last_modified, open_in_group, of_connection_no
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
               array_agg(g.opened), array_agg(g.opened_event), array_agg(g.others is not null),
               min(least(g.expires_at, g.others))
          into c_event, c_row, c_user, c_grant, c_since, c_opened, c_opened_event, c_still, ends
          from unnest(p_close_event, p_close) n(event, user_id), lateral (
            select x.ctid as row, x.id, x.member_since as since, x.opened_at as opened, x.opened_event, x.expires_at,
                   (select min(coalesce(y.expires_at, 'infinity')) from grants y
                     where y.tenant_id = p_tenant and y.group_no = in_group_no and y.user_id = n.user_id
                       and y.connection_no <> of_connection_no) as others
              from grants x
             where x.tenant_id = p_tenant and x.group_no = in_group_no and x.user_id = n.user_id
               and x.connection_no = of_connection_no
            offset 0) g
         where p_event_job[n.event] <> all (refused);
        if ends < 'infinity' then perform refuse_ended(p_tenant, ends, now_at); end if;
        exit when not p_guard or cardinality(c_event) < 2 or in_all is not null;

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
            -- More than so many, and more than so many percent of what there was when the
            -- window began (membership.RemovalGuard). All that the connection has is at least
            -- what it has in the group, and is counted only where that does not decide.
            holds := job.closing + in_group > p_guard_members
                and 100 * (job.closing + in_group) > p_guard_percent * (in_group + open_in_group - counted);
            if not holds and job.closing + in_all > p_guard_members
                and 100 * (job.closing + in_all) > p_guard_percent * (in_all + open_in_group - counted) then
                if open_in_all is null then
                    select coalesce(sum(l.members), 0) into open_in_all from group_links l
                     where l.tenant_id = p_tenant and l.connection_id = p_connection;
                end if;
                holds := 100 * (job.closing + in_all) > p_guard_percent * (in_all + open_in_all - counted);
            end if;
            if holds then
                held_job := held_job || job.no; held_closing := held_closing || job.closing;
                held_in_group := held_in_group || in_group; held_in_all := held_in_all || in_all;
                held_open := held_open || open_in_group - counted;
                held_open_in_all := held_open_in_all || coalesce(open_in_all - counted, 0);
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
            select g.tenant_id, p_connection, w.id, p_minute, counted from groups g, unnest(array[p_group, no_id]) w(id)
             where g.tenant_id = p_tenant and g.id = p_group
            on conflict (tenant_id, connection_id, group_id, minute) do update set closed = removal_windows.closed + excluded.closed;
        end if;
        exit when cardinality(held_job) = 0; -- else once more, without them
    end loop;

    if cardinality(p_open) > 0 then
        select coalesce(array_agg(n.event) filter (where o.own = 0), '{}'), array_agg(n.user_id) filter (where o.own = 0),
               array_agg(n.grant_id) filter (where o.own = 0), array_agg(o.since) filter (where o.own = 0), min(o.ends)
          into o_event, o_user, o_grant, o_since, ends
          from unnest(p_open_event, p_open, p_open_grant) n(event, user_id, grant_id), lateral (
            select min(coalesce(x.member_since, x.opened_at)) as since,
                   count(*) filter (where x.connection_no = of_connection_no) as own, min(x.expires_at) as ends
              from grants x
             where x.tenant_id = p_tenant and x.group_no = in_group_no and x.user_id = n.user_id
            offset 0) o
         where p_event_job[n.event] <> all (refused);
        if ends is not null then perform refuse_ended(p_tenant, ends, now_at); end if;
    end if;

    if cardinality(o_event) + cardinality(c_event) > 0 then
        places := array(select next_position(p_tenant) from unnest(p_event));
        if cardinality(o_event) > 0 then
            insert into grants (tenant_id, group_no, user_id, connection_no, id, member_since, opened_at, opened_event)
            select g.tenant_id, in_group_no, n.user_id, of_connection_no, n.grant_id, n.since, now_at, places[n.event]
              from groups g, unnest(o_event, o_user, o_grant, o_since) n(event, user_id, grant_id, since)
             where g.tenant_id = p_tenant and g.id = p_group
            on conflict do nothing;
            get diagnostics written = row_count;
            perform expect_rows(written, cardinality(o_event));
        end if;
        if cardinality(c_event) > 0 then
            insert into past_grants (tenant_id, group_no, user_id, closed_event, connection_no, id, member_since, opened_at,
                                     opened_event, closed_at)
            select g.tenant_id, in_group_no, n.user_id, places[n.event], of_connection_no, n.grant_id, n.since, n.opened,
                   n.opened_event, now_at
              from groups g, unnest(c_event, c_user, c_grant, c_since, c_opened, c_opened_event)
                   n(event, user_id, grant_id, since, opened, opened_event)
             where g.tenant_id = p_tenant and g.id = p_group
            on conflict do nothing;
            delete from grants g using unnest(c_row) n(row) where g.tenant_id = p_tenant and g.ctid = n.row;
        end if;

        select array_agg(m.event), array_agg(m.n), count(distinct p_event_job[m.event])
          into write_members.event, changed, jobs_changed
          from (select n.event, count(*) as n from unnest(o_event || c_event) n(event) group by n.event) m;
        insert into events (tenant_id, position, group_id, user_id, body, members)
        select g.tenant_id, places[m.event], g.id, m.user_id,
               member_event_body(p_event[m.event], now_at, p_event_action[m.event], p_group, m.user_id, p_rest[p_event_job[m.event]]),
               m.members
          from groups g, (select n.event, case when count(*) = 1 then (array_agg(n.user_id))[1] end as user_id,
                       '[' || string_agg(event_member(n.user_id, n.grant_id, n.still), ',') || ']' as members
                  from (select n.event, n.user_id, n.grant_id, n.since is not null as still
                          from unnest(o_event, o_user, o_grant, o_since) n(event, user_id, grant_id, since)
                        union all
                        select n.event, n.user_id, n.grant_id, n.still
                          from unnest(c_event, c_user, c_grant, c_still) n(event, user_id, grant_id, still)) n
                 group by n.event) m
         where g.tenant_id = p_tenant and g.id = p_group
        on conflict do nothing;
        get diagnostics written = row_count;
        perform expect_rows(written, cardinality(write_members.event));
        if array_to_string(p_reason, '') <> '' then
            insert into event_texts (tenant_id, position, field, salt, text)
            select g.tenant_id, places[n.event], 'reason', p_salt[p_event_job[n.event]], p_reason[p_event_job[n.event]]
              from groups g, unnest(write_members.event) n(event)
             where g.tenant_id = p_tenant and g.id = p_group and p_reason[p_event_job[n.event]] <> ''
            on conflict do nothing;
        end if;

        update groups g set members_changed_at = now_at where g.tenant_id = p_tenant and g.id = p_group;
        if not is_local then -- each job that changed something has a version of its own
            more_open := cardinality(o_event) - cardinality(c_event);
            update group_links l
               set version = l.version + jobs_changed,
                   last_modified = greatest(now_at, next_moment(l.last_modified)),
                   members = l.members + more_open
             where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group
            returning l.version, l.last_modified into write_members.version, write_members.last_modified;
        end if;
    end if;
    status := 'done';
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create or replace function write_member(
    p_tenant uuid, p_group uuid, p_connection uuid, p_if_version bigint, p_ending boolean, p_at timestamptz,
    p_reason text, p_salt bytea, p_rest text, p_event uuid, p_action text,
    p_opens boolean, p_user uuid, p_known boolean, p_grant uuid,
    out status text, out version bigint, out last_modified timestamptz)
language plpgsql
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
    is_local constant boolean := p_connection = '00000000-0000-0000-0000-000000000000';
    in_group_no bigint;
    of_connection_no bigint := 0;
    now_at timestamptz;
    since timestamptz;
    opened timestamptz;
    opened_with bigint;
    still boolean;
    own bigint;
    place bigint;
    ends timestamptz;
    others timestamptz;
begin
    perform set_config('scimbridge.tenant', p_tenant::text, true);
    version := 0;
    select g.no, greatest(p_at, next_moment(g.members_changed_at)) into in_group_no, now_at
      from groups g
     where g.tenant_id = p_tenant and g.id = p_group and (g.deleted_at is null) is true
       for no key update;
    if not found then status := 'not_found'; return; end if;
    if not is_local then
        select l.version, l.last_modified, c.no
          into write_member.version, write_member.last_modified, of_connection_no
          from group_links l, connections c
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group
           and c.tenant_id = p_tenant and c.id = p_connection and (c.removed_at is null or p_ending);
        if not found then status := 'not_found'; return; end if;
        if p_if_version <> 0 and p_if_version <> write_member.version then
            status := 'version_mismatch'; return;
        end if;
    end if;
    if p_known then
        if is_local then
            perform from users x
              where x.tenant_id = p_tenant and x.id = p_user and (x.deleted_at is null) is true
                for key share;
        else
            perform from user_links x
              where x.tenant_id = p_tenant and x.connection_id = p_connection and x.user_id = p_user
                for key share;
        end if;
        if not found then status := 'unknown'; return; end if;
    end if;

    status := 'same';
    if p_opens then
        select min(coalesce(x.member_since, x.opened_at)), count(*) filter (where x.connection_no = of_connection_no),
               min(x.expires_at)
          into since, own, ends
          from grants x
         where x.tenant_id = p_tenant and x.group_no = in_group_no and x.user_id = p_user;
        if ends is not null then perform refuse_ended(p_tenant, ends, now_at); end if;
        if own > 0 then return; end if;
        still := since is not null;
        place := next_position(p_tenant);
        insert into grants (tenant_id, group_no, user_id, connection_no, id, member_since, opened_at, opened_event)
        values (p_tenant, in_group_no, p_user, of_connection_no, p_grant, since, now_at, place);
    else
        delete from grants x
         where x.tenant_id = p_tenant and x.group_no = in_group_no and x.user_id = p_user and x.connection_no = of_connection_no
        returning x.id, x.member_since, x.opened_at, x.opened_event, x.expires_at
             into p_grant, since, opened, opened_with, ends;
        if not found then return; end if;
        select min(coalesce(y.expires_at, 'infinity')) into others from grants y
         where y.tenant_id = p_tenant and y.group_no = in_group_no and y.user_id = p_user;
        still := others is not null;
        ends := least(ends, others);
        if ends < 'infinity' then perform refuse_ended(p_tenant, ends, now_at); end if;
        place := next_position(p_tenant);
        insert into past_grants (tenant_id, group_no, user_id, closed_event, connection_no, id, member_since, opened_at,
                                 opened_event, closed_at)
        values (p_tenant, in_group_no, p_user, place, of_connection_no, p_grant, since, opened, opened_with, now_at);
    end if;
    status := 'done';
    insert into events (tenant_id, position, group_id, user_id, body, members)
    values (p_tenant, place, p_group, p_user,
            member_event_body(p_event, now_at, p_action, p_group, p_user, p_rest),
            '[' || event_member(p_user, p_grant, still) || ']');
    if p_reason <> '' then
        insert into event_texts (tenant_id, position, field, salt, text) values (p_tenant, place, 'reason', p_salt, p_reason);
    end if;
    update groups g set members_changed_at = now_at where g.tenant_id = p_tenant and g.id = p_group;
    if not is_local then
        update group_links l
           set version = l.version + 1,
               last_modified = greatest(now_at, next_moment(l.last_modified)),
               members = l.members + case when p_opens then 1 else -1 end
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group
        returning l.version, l.last_modified into write_member.version, write_member.last_modified;
    end if;
end $$;
-- +goose StatementEnd
