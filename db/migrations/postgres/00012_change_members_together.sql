-- +goose Up
-- Changes of members that wait for the same group at the same time, in one round
-- trip and one commit; one change is the usual case. It takes the place of
-- change_members, which stays for servers of the version before.
--
-- The arrays of p_at to p_reason have an element for each change (job); every
-- user stands in p_open or p_close at most once, with the number of its job. A
-- job with users who are not known is refused, and its neighbours are not: the
-- answer names them. p_if_version is for a job that is alone.
--
-- Every statement in here has a snapshot of its own, taken after the lock. p_at
-- was read before the lock: whoever waited is dated after what happened to the
-- same user in the same group meanwhile, so that history has no knots. Sixteen of
-- the newest grants tell when that was: of one connection only the newest can
-- have ended last. The lookups are lateral with "offset 0" so that each uses its
-- index whatever the planner believes of a table without statistics.
-- +goose StatementBegin
create function change_members_together(
    p_tenant uuid, p_group uuid, p_connection uuid, p_if_version bigint, p_source text, p_event_connection uuid,
    p_at timestamptz[], p_actor_kind text[], p_actor_id text[], p_request text[], p_reason text[],
    p_open_job integer[], p_open uuid[], p_open_grant uuid[], p_open_event uuid[],
    p_close_job integer[], p_close uuid[], p_close_event uuid[],
    p_known_job integer[], p_known uuid[],
    out status text, out version bigint, out last_modified timestamptz,
    out opened uuid[], out closed uuid[], out unknown_job integer[], out unknown uuid[])
language plpgsql as $$
#variable_conflict use_column
declare
    is_local constant boolean := p_connection = '00000000-0000-0000-0000-000000000000';
    grant_source constant text := case when is_local then 'local' else 'scim' end;
    found_users uuid[];
    effective integer := 1;
begin
    perform set_config('scimbridge.tenant', p_tenant::text, true);
    opened := '{}'; closed := '{}'; version := 0; unknown_job := '{}'; unknown := '{}';

    -- Asked for plain "deleted_at is null", a planner without statistics takes an
    -- index of living names, and reads every one of the tenant.
    perform 1 from groups g
     where g.tenant_id = p_tenant and g.id = p_group and (g.deleted_at is null) is true
       for no key update;
    if not found then status := 'not_found'; return; end if;
    if not is_local then
        select l.version, l.last_modified into change_members_together.version, change_members_together.last_modified
          from group_links l
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group;
        if not found then status := 'not_found'; return; end if;
        if p_if_version <> 0 and p_if_version <> change_members_together.version then
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

    if cardinality(p_open) > 0 then
        with o as (
            insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since, opened_at,
                                opened_by_kind, opened_by_id, opened_request, opened_reason)
            select p_tenant, p_group, n.user_id, n.grant_id, p_connection,
                   coalesce(o.since, greatest(p_at[n.job], s.free)), greatest(p_at[n.job], s.free),
                   p_actor_kind[n.job], p_actor_id[n.job], p_request[n.job], p_reason[n.job]
              from unnest(p_open_job, p_open, p_open_grant) n(job, user_id, grant_id), lateral (
                select min(g.member_since) as since, count(*) filter (where g.connection_id = p_connection) as own
                  from grants g
                 where g.tenant_id = p_tenant and g.group_id = p_group and g.user_id = n.user_id and g.closed_at is null) o,
              lateral (
                select max(greatest(x.opened_at, x.closed_at)) + interval '1 microsecond' as free from (
                    select y.opened_at, y.closed_at from grants y
                     where y.tenant_id = p_tenant and y.group_id = p_group and y.user_id = n.user_id
                     order by y.id desc limit 16) x) s
             where o.own = 0 and n.job <> all (unknown_job) -- who writes here holds the lock, so nothing can conflict
            returning user_id, id, member_since, opened_at, opened_by_kind, opened_by_id, opened_request, opened_reason),
        e as (
            insert into events (tenant_id, id, at, actor_kind, actor_id, source, connection_id, action,
                                group_id, user_id, before, after, request_id, reason)
            select p_tenant, p_open_event[row_number() over ()], o.opened_at, o.opened_by_kind, o.opened_by_id, p_source,
                   p_event_connection, 'grant.opened', p_group, o.user_id,
                   case when o.member_since = o.opened_at then '{"member":false}' else '{"member":true}' end,
                   '{"member":true,"grant":"' || o.id || '","source":"' || grant_source || '"}',
                   o.opened_request, o.opened_reason
              from o)
        select coalesce(array_agg(o.user_id), '{}') into opened from o;
    end if;

    if cardinality(p_close) > 0 then
        with c as (
            update grants g
               set (closed_at, closed_by_kind, closed_by_id, closed_request, closed_reason) = (
                       select greatest(p_at[n.job], (
                                  select max(greatest(y.opened_at, y.closed_at)) + interval '1 microsecond' from (
                                      select x.opened_at, x.closed_at from grants x
                                       where x.tenant_id = p_tenant and x.group_id = p_group and x.user_id = g.user_id
                                       order by x.id desc limit 16) y)),
                              p_actor_kind[n.job], p_actor_id[n.job], p_request[n.job], p_reason[n.job]
                         from (select case when cardinality(p_at) = 1 then 1
                                           else p_close_job[array_position(p_close, g.user_id)] end as job offset 0) n)
             where g.ctid = any (array(
                select x.ctid from unnest(p_close_job, p_close) m(job, user_id), lateral (
                    select y.ctid from grants y
                     where y.tenant_id = p_tenant and y.group_id = p_group and y.user_id = m.user_id
                       and y.connection_id = p_connection and y.closed_at is null
                    offset 0) x
                 where m.job <> all (unknown_job)))
            returning g.user_id, g.id, g.closed_at, g.closed_by_kind, g.closed_by_id, g.closed_request, g.closed_reason),
        e as (
            insert into events (tenant_id, id, at, actor_kind, actor_id, source, connection_id, action,
                                group_id, user_id, before, after, request_id, reason)
            select p_tenant, p_close_event[row_number() over ()], c.closed_at, c.closed_by_kind, c.closed_by_id, p_source,
                   p_event_connection, 'grant.closed', p_group, c.user_id,
                   '{"member":true,"grant":"' || c.id || '","source":"' || grant_source || '"}',
                   case when exists (select 1 from grants o
                                      where o.tenant_id = p_tenant and o.group_id = p_group and o.user_id = c.user_id
                                        and o.closed_at is null and o.id <> c.id)
                        then '{"member":true}' else '{"member":false}' end, c.closed_request, c.closed_reason
              from c)
        select coalesce(array_agg(c.user_id), '{}') into closed from c;
    end if;

    if cardinality(opened) + cardinality(closed) > 0 and not is_local then
        if cardinality(p_at) > 1 then -- each that changed something has a version of its own
            select count(distinct n.job) into effective from (
                select m.job from unnest(opened) u(id) join unnest(p_open_job, p_open) m(job, id) on m.id = u.id
                union all
                select m.job from unnest(closed) u(id) join unnest(p_close_job, p_close) m(job, id) on m.id = u.id) n;
        end if;
        update group_links l
           set version = l.version + effective,
               last_modified = greatest(p_at[cardinality(p_at)], l.last_modified + interval '1 microsecond')
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group
        returning l.version, l.last_modified into change_members_together.version, change_members_together.last_modified;
    end if;
    status := 'done';
end $$;
-- +goose StatementEnd
