-- +goose Up
-- A change of members in one round trip; db/change_members.go is the same for
-- engines without functions, and the contract suite holds the two together.
-- Every statement in here has a snapshot of its own, taken after the lock.
-- p_at was read before the lock: whoever waited is dated after what happened to
-- the same user in the same group meanwhile, so that history has no knots.
-- The lookups are lateral with "offset 0" so that each uses its index whatever
-- the planner believes of a table without statistics.
-- +goose StatementBegin
create function change_members(
    p_tenant uuid, p_group uuid, p_connection uuid, p_if_version bigint, p_at timestamptz,
    p_open uuid[], p_open_grants uuid[], p_open_events uuid[],
    p_close uuid[], p_close_events uuid[], p_known uuid[],
    p_actor_kind text, p_actor_id text, p_source text, p_event_connection uuid, p_request text, p_reason text,
    out status text, out version bigint, out last_modified timestamptz,
    out opened integer, out closed integer, out unknown uuid[])
language plpgsql as $$
#variable_conflict use_column
declare
    is_local constant boolean := p_connection = '00000000-0000-0000-0000-000000000000';
    grant_source constant text := case when is_local then 'local' else 'scim' end;
    known uuid[];
begin
    perform set_config('scimbridge.tenant', p_tenant::text, true);
    opened := 0; closed := 0; version := 0; unknown := '{}';

    perform 1 from groups g
     where g.tenant_id = p_tenant and g.id = p_group and g.deleted_at is null
       for no key update;
    if not found then status := 'not_found'; return; end if;
    if not is_local then
        select l.version, l.last_modified into change_members.version, change_members.last_modified
          from group_links l
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group;
        if not found then status := 'not_found'; return; end if;
        if p_if_version <> 0 and p_if_version <> change_members.version then status := 'version_mismatch'; return; end if;
    end if;

    -- A key share keeps a user from being deprovisioned while they are added.
    if cardinality(p_known) > 0 then
        if is_local then
            known := array(select u.id from unnest(p_known) k(id), lateral (
                select x.id from users x
                 where x.tenant_id = p_tenant and x.id = k.id and x.deleted_at is null
                offset 0 for key share) u);
        else
            known := array(select l.user_id from unnest(p_known) k(id), lateral (
                select x.user_id from user_links x
                 where x.tenant_id = p_tenant and x.connection_id = p_connection and x.user_id = k.id
                offset 0 for key share) l);
        end if;
        if cardinality(known) <> cardinality(p_known) then
            status := 'unknown_members';
            unknown := array(select unnest(p_known) except select unnest(known));
            return;
        end if;
    end if;

    if cardinality(p_open) > 0 then
        with o as (
            insert into grants (tenant_id, group_id, user_id, id, connection_id, member_since, opened_at,
                                opened_by_kind, opened_by_id, opened_request, opened_reason)
            select p_tenant, p_group, n.user_id, n.grant_id, p_connection,
                   coalesce(s.since, greatest(p_at, s.free)), greatest(p_at, s.free),
                   p_actor_kind, p_actor_id, p_request, p_reason
              from unnest(p_open, p_open_grants) n(user_id, grant_id), lateral (
                select min(g.member_since) filter (where g.closed_at is null) as since,
                       max(greatest(g.opened_at, g.closed_at)) + interval '1 microsecond' as free
                  from grants g
                 where g.tenant_id = p_tenant and g.group_id = p_group and g.user_id = n.user_id
                offset 0) s
            on conflict (tenant_id, group_id, user_id, connection_id) where closed_at is null do nothing
            returning user_id, id, member_since, opened_at)
        insert into events (tenant_id, id, at, actor_kind, actor_id, source, connection_id, action,
                            group_id, user_id, before, after, request_id, reason)
        select p_tenant, p_open_events[row_number() over ()], o.opened_at, p_actor_kind, p_actor_id, p_source,
               p_event_connection, 'grant.opened', p_group, o.user_id,
               case when o.member_since = o.opened_at then '{"member":false}' else '{"member":true}' end,
               '{"member":true,"grant":"' || o.id || '","source":"' || grant_source || '"}', p_request, p_reason
          from o;
        get diagnostics opened = row_count;
    end if;

    if cardinality(p_close) > 0 then
        with c as (
            update grants g
               set closed_at = greatest(p_at, (
                       select max(greatest(x.opened_at, x.closed_at)) + interval '1 microsecond' from grants x
                        where x.tenant_id = p_tenant and x.group_id = p_group and x.user_id = g.user_id)),
                   closed_by_kind = p_actor_kind, closed_by_id = p_actor_id,
                   closed_request = p_request, closed_reason = p_reason
             where g.ctid = any (array(
                select x.ctid from unnest(p_close) n(user_id), lateral (
                    select y.ctid from grants y
                     where y.tenant_id = p_tenant and y.group_id = p_group and y.user_id = n.user_id
                       and y.connection_id = p_connection and y.closed_at is null
                    offset 0) x))
            returning g.user_id, g.id, g.closed_at)
        insert into events (tenant_id, id, at, actor_kind, actor_id, source, connection_id, action,
                            group_id, user_id, before, after, request_id, reason)
        select p_tenant, p_close_events[row_number() over ()], c.closed_at, p_actor_kind, p_actor_id, p_source,
               p_event_connection, 'grant.closed', p_group, c.user_id,
               '{"member":true,"grant":"' || c.id || '","source":"' || grant_source || '"}',
               case when exists (select 1 from grants o
                                  where o.tenant_id = p_tenant and o.group_id = p_group and o.user_id = c.user_id
                                    and o.closed_at is null and o.id <> c.id)
                    then '{"member":true}' else '{"member":false}' end, p_request, p_reason
          from c;
        get diagnostics closed = row_count;
    end if;

    if opened + closed > 0 and not is_local then
        update group_links l
           set version = l.version + 1,
               last_modified = greatest(p_at, l.last_modified + interval '1 microsecond')
         where l.tenant_id = p_tenant and l.connection_id = p_connection and l.group_id = p_group
        returning l.version, l.last_modified into change_members.version, change_members.last_modified;
    end if;
    status := 'done';
end $$;
-- +goose StatementEnd
