package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// What was taken by break-glass stands in a table of its own: it waits for somebody to
// sign it off, whatever becomes of the grant.

const (
	qTakeBreakGlass = `insert into break_glass (tenant_id, group_no, user_id, grant_id, opened_at, opened_event,
			expires_at, person)
		select g.tenant_id, g.group_no, g.user_id, g.id, g.opened_at, g.opened_event, g.expires_at, $4
		from grants g` + localGrantsOf + openedNow + ifNew
	qTakenNow = `select b.user_id, b.grant_id, b.opened_at from break_glass b where b.tenant_id = $1
		and b.group_no = ` + noOfGroup + `$2) and b.user_id {in $3}
		and b.opened_at = (select x.members_changed_at from groups x where x.tenant_id = $1 and x.id = $2)`
	qBreakGlass = `select b.grant_id, b.person, b.opened_at from break_glass b where b.tenant_id = $1
		and b.group_no = ` + noOfGroup + `$2) and b.user_id = $3 and b.signed_at is null
		order by b.opened_at {for update}`
	qSignBreakGlass = `update break_glass set signed_at = $4 where tenant_id = $1
		and group_no = (select x.no from groups x where x.tenant_id = $1 and x.id = $2) and user_id = $3
		and grant_id {in $5} and signed_at is null`
	qBreakGlassAgain = `update break_glass set expires_at = $5, person = $6, signed_at = null
		where tenant_id = $1 and grant_id = $4 and user_id = $3
		and group_no = (select x.no from groups x where x.tenant_id = $1 and x.id = $2)`
	qBreakGlassEnds = `update break_glass set expires_at = $5 where tenant_id = $1
		and group_no = (select x.no from groups x where x.tenant_id = $1 and x.id = $2) and user_id = $3
		and grant_id = $4`
)

// takeBreakGlass notes the grants that a change has just opened, with a notice of each.
func (s *session) takeBreakGlass(ctx context.Context, c membership.MemberChange) error {
	if _, err := s.exec(ctx, qTakeBreakGlass, s.tenant, c.Group, c.Open, c.Call.Person); err != nil {
		return err
	}
	type taken struct {
		user, grant membership.ID
		at          stamp
	}
	all, err := list(ctx, s, qTakenNow, []any{s.tenant, c.Group, c.Open}, func(t *taken) []any {
		return []any{&t.user, &t.grant, &t.at}
	})
	for _, t := range all {
		if err != nil {
			break
		}
		_, err = s.insertMemberEvents(ctx,
			membership.BreakGlassEvent(c.Call, c.Group, t.user, t.grant, time.Time(t.at), c.ExpiresAt))
	}
	return err
}

// LockBreakGlass implements membership.GrantEndWriter.
func (s *session) LockBreakGlass(ctx context.Context, group, user membership.ID) ([]membership.BreakGlass, error) {
	return list(ctx, s, qBreakGlass, []any{s.tenant, group, user}, func(b *membership.BreakGlass) []any {
		return []any{&b.Grant, &b.Person, (*stamp)(&b.OpenedAt)}
	})
}

// SignBreakGlass implements membership.GrantEndWriter.
func (s *session) SignBreakGlass(
	ctx context.Context, group, user membership.ID, grants []membership.ID, at time.Time,
) error {
	return s.changed(ctx, "member", qSignBreakGlass, s.tenant, group, user, micros(at), grants)
}
