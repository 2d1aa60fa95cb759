-- +goose Up
-- The position of an event is taken from the sequence when it is written, after
-- the locks of its change: what depends on a change that was committed has a
-- greater one, whatever the clocks of the servers say. Numbers are given in its
-- order. Events of before have 0 and go by time, as they did.
--
-- credential says which credential acted, as membership.Credential.String writes
-- it; empty for events of before.
create sequence event_positions as bigint;
alter table events add column position bigint not null default 0;
alter table events alter column position set default nextval('event_positions');
alter table events add column credential text not null default '';
drop index events_unnumbered;
create index events_unnumbered on events (tenant_id, position, at) where number is null;

alter table member_events add column position bigint not null default 0;
alter table member_events alter column position set default nextval('event_positions');
alter table member_events add column credential text not null default '';
alter table member_events drop constraint member_events_pkey;
alter table member_events add primary key (tenant_id, position, at, id);

-- write_members with the credential of each change; the one without it stays for
-- servers of the version before. What it does is told in 00013.
-- +goose StatementBegin
create function write_members(
    p_tenant uuid, p_group uuid, p_connection uuid, p_if_version bigint, p_source text, p_event_connection uuid, p_at timestamptz,
    p_actor_kind text[], p_actor_id text[], p_credential text[], p_request text[], p_reason text[], p_opened_event uuid[], p_closed_event uuid[],
    p_open_job integer[], p_open uuid[], p_open_grant uuid[],
    p_close_job integer[], p_close uuid[],
    p_known_job integer[], p_known uuid[],
    out status text, out version bigint, out last_modified timestamptz,
    out opened integer[], out closed integer[], out unknown_job integer[], out unknown uuid[])
language plpgsql
-- Of a small table a planner would rather read all, and keeps that plan while it grows.
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
    jobs constant integer := cardinality(p_request);
    is_local constant boolean := p_connection = '00000000-0000-0000-0000-000000000000';
    side constant text := case when is_local then 'local' else 'scim' end;
    tenant_set text;
    found_users uuid[];
    the_user uuid;
    the_grant uuid;
    since timestamptz;
    last timestamptz;
    now_at timestamptz := p_at;
    o_user uuid[]; o_grant uuid[]; o_since timestamptz[];
    c_row tid[]; c_user uuid[]; c_grant uuid[]; c_still boolean[];
    effective integer := 1;
begin
    tenant_set := set_config('scimbridge.tenant', p_tenant::text, true);
    opened := '{}'; closed := '{}'; version := 0; unknown_job := '{}'; unknown := '{}';

    -- Asked for plain "deleted_at is null", a planner without statistics takes an
    -- index of living names, and reads every one of the tenant.
    perform 1 from groups g
     where g.tenant_id = p_tenant and g.id = p_group and (g.deleted_at is null) is true
       for no key update;
    if not found then status := 'not_found'; return; end if;
    if not is_local then
        select l.version, l.last_modified into write_members.version, write_members.last_modified
          from group_links l
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group;
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
        end if;
    end if;

    -- Who writes here holds the lock: what is not there now stays so. One member of
    -- one request is the usual case, and to make ready for lists takes longer than
    -- all the rest of it.
    if jobs = 1 and cardinality(p_open) + cardinality(p_close) = 1 and cardinality(unknown_job) = 0 then
        the_user := coalesce(p_open[1], p_close[1]);
        select min(g.member_since) filter (where g.connection_id <> p_connection),
               (array_agg(g.id) filter (where g.connection_id = p_connection))[1],
               greatest(max(g.opened_at), (
                   select x.closed_at from grants x
                    where x.tenant_id = p_tenant and x.group_id = p_group and x.user_id = the_user and x.closed_at is not null
                    order by x.closed_at desc limit 1))
          into since, the_grant, last from grants g
         where g.tenant_id = p_tenant and g.group_id = p_group and g.user_id = the_user and g.closed_at is null;
        now_at := greatest(now_at, last + interval '1 microsecond');
        if cardinality(p_open) = 1 and the_grant is null then
            opened := '{1}';
            the_grant := p_open_grant[1];
            insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since, opened_at,
                                opened_by_kind, opened_by_id, opened_request, opened_reason)
            values (p_tenant, p_group, the_user, the_grant, p_connection, coalesce(since, now_at), now_at,
                    p_actor_kind[1], p_actor_id[1], p_request[1], p_reason[1]);
        elsif cardinality(p_close) = 1 and the_grant is not null then
            closed := '{1}';
            update grants g
               set closed_at = now_at, closed_by_kind = p_actor_kind[1], closed_by_id = p_actor_id[1],
                   closed_request = p_request[1], closed_reason = p_reason[1]
             where g.tenant_id = p_tenant and g.group_id = p_group and g.user_id = the_user and g.id = the_grant;
        end if;
        if cardinality(opened) + cardinality(closed) = 1 then
            insert into member_events (tenant_id, at, id, actor_kind, actor_id, credential, source, connection_id, action, group_id, side,
                                       members, request_id, reason)
            values (p_tenant, now_at, p_opened_event[1], p_actor_kind[1], p_actor_id[1], p_credential[1], p_source, p_event_connection,
                    case when cardinality(opened) = 1 then 'grant.opened' else 'grant.closed' end, p_group, side,
                    uuid_send(the_user) || uuid_send(the_grant) || case when since is null then '\x00'::bytea else '\x01' end,
                    p_request[1], p_reason[1]);
        end if;
    else
        if cardinality(p_open) > 0 then
            select coalesce(array_agg(n.job), '{}'), array_agg(n.user_id), array_agg(n.grant_id), array_agg(o.since),
                   max(greatest(o.opened, s.closed))
              into opened, o_user, o_grant, o_since, last
              from unnest(p_open_job, p_open, p_open_grant) n(job, user_id, grant_id), lateral (
                select min(g.member_since) as since, max(g.opened_at) as opened,
                       count(*) filter (where g.connection_id = p_connection) as own
                  from grants g
                 where g.tenant_id = p_tenant and g.group_id = p_group and g.user_id = n.user_id and g.closed_at is null) o,
              lateral (
                select (select x.closed_at from grants x
                         where x.tenant_id = p_tenant and x.group_id = p_group and x.user_id = n.user_id and x.closed_at is not null
                         order by x.closed_at desc limit 1) as closed) s
             where o.own = 0 and n.job <> all (unknown_job);
            now_at := greatest(now_at, last + interval '1 microsecond');
        end if;
        if cardinality(p_close) > 0 then
            select coalesce(array_agg(n.job), '{}'), array_agg(n.user_id), array_agg(g.id), array_agg(g.row), array_agg(g.still),
                   max(greatest(g.opened, s.closed))
              into closed, c_user, c_grant, c_row, c_still, last
              from unnest(p_close_job, p_close) n(job, user_id), lateral (
                select min(x.ctid) filter (where x.connection_id = p_connection) as row,
                       (array_agg(x.id) filter (where x.connection_id = p_connection))[1] as id, max(x.opened_at) as opened,
                       count(*) > 1 as still
                  from grants x
                 where x.tenant_id = p_tenant and x.group_id = p_group and x.user_id = n.user_id and x.closed_at is null) g,
              lateral (
                select (select x.closed_at from grants x
                         where x.tenant_id = p_tenant and x.group_id = p_group and x.user_id = n.user_id and x.closed_at is not null
                         order by x.closed_at desc limit 1) as closed) s
             where g.row is not null and n.job <> all (unknown_job);
            now_at := greatest(now_at, last + interval '1 microsecond');
        end if;

        if cardinality(opened) > 0 then
            with g as (
                insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since, opened_at,
                                    opened_by_kind, opened_by_id, opened_request, opened_reason)
                select p_tenant, p_group, n.user_id, n.grant_id, p_connection, coalesce(n.since, now_at), now_at,
                       p_actor_kind[n.job], p_actor_id[n.job], p_request[n.job], p_reason[n.job]
                  from unnest(opened, o_user, o_grant, o_since) n(job, user_id, grant_id, since))
            insert into member_events (tenant_id, at, id, actor_kind, actor_id, credential, source, connection_id, action, group_id, side,
                                       members, request_id, reason)
            select p_tenant, now_at, p_opened_event[m.job], p_actor_kind[m.job], p_actor_id[m.job], p_credential[m.job], p_source, p_event_connection,
                   'grant.opened', p_group, side, m.members, p_request[m.job], p_reason[m.job]
              from (select n.job, string_agg(uuid_send(n.user_id) || uuid_send(n.grant_id)
                               || case when n.since is null then '\x00'::bytea else '\x01' end, ''::bytea) as members
                      from unnest(opened, o_user, o_grant, o_since) n(job, user_id, grant_id, since) group by n.job) m;
        end if;
        if cardinality(closed) > 0 then
            with g as (
                update grants g
                   set (closed_at, closed_by_kind, closed_by_id, closed_request, closed_reason) = (
                           select now_at, p_actor_kind[n.job], p_actor_id[n.job], p_request[n.job], p_reason[n.job]
                             from (select case when jobs = 1 then 1
                                               else closed[array_position(c_user, g.user_id)] end as job offset 0) n)
                 where g.ctid = any (c_row))
            insert into member_events (tenant_id, at, id, actor_kind, actor_id, credential, source, connection_id, action, group_id, side,
                                       members, request_id, reason)
            select p_tenant, now_at, p_closed_event[m.job], p_actor_kind[m.job], p_actor_id[m.job], p_credential[m.job], p_source, p_event_connection,
                   'grant.closed', p_group, side, m.members, p_request[m.job], p_reason[m.job]
              from (select n.job, string_agg(uuid_send(n.user_id) || uuid_send(n.grant_id)
                               || case when n.still then '\x01'::bytea else '\x00' end, ''::bytea) as members
                      from unnest(closed, c_user, c_grant, c_still) n(job, user_id, grant_id, still) group by n.job) m;
        end if;
    end if;

    if cardinality(opened) + cardinality(closed) > 0 and not is_local then
        if jobs > 1 then -- each that changed something has a version of its own
            select count(distinct n.job) into effective from unnest(opened || closed) n(job);
        end if;
        update group_links l
           set version = l.version + effective,
               last_modified = greatest(now_at, l.last_modified + interval '1 microsecond')
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group
        returning l.version, l.last_modified into write_members.version, write_members.last_modified;
    end if;
    status := 'done';
end $$;
-- +goose StatementEnd
