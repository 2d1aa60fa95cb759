package membership

import (
	"context"
	"slices"
	"time"
)

// The ends of local grants (rules 13 to 15).

const (
	// NoticeBeforeEnd is how long before the end of a grant its notice is given.
	NoticeBeforeEnd = 72 * time.Hour
	// maxGrantSeconds is the longest life that a group can set.
	maxGrantSeconds = int64(MaxLife / time.Second)
	// ReasonExpired is why the system closes a grant at its end.
	ReasonExpired = "expired"
	// FactExpiresAt is in the events of grants that end.
	FactExpiresAt = "expires_at"
	// FactBreakGlass is in the events of grants that were taken by break-glass.
	FactBreakGlass = "break_glass"
)

// GrantTerms are what a local grant is opened with beside its user.
type GrantTerms struct {
	ExpiresAt time.Time // zero: it does not end
	// BreakGlass takes it by break-glass: it ends, after 8 hours if nothing is said.
	BreakGlass bool
}

// GrantEnd is a new end of one local grant; zero: none.
type GrantEnd struct {
	Call      Call
	At        time.Time
	Group     ID
	User      ID
	Grant     ID
	Was       time.Time // the end of before
	ExpiresAt time.Time
	// BreakGlass says that it was taken so, Taken that it is again: for longer than before.
	BreakGlass, Taken bool
}

// Events are those of the change. still: others grant the membership as well.
func (e *GrantEnd) Events(still bool) []Event {
	after := Facts{FactExpiresAt: timestampOrNull(e.ExpiresAt)}
	if e.Taken {
		after[FactBreakGlass] = true
	}
	event := e.Call.Event(e.At, ActionGrantUpdated, e.Group, e.User,
		Facts{FactExpiresAt: timestampOrNull(e.Was)}, after)
	event.MemberSource, event.Members = SourceLocal, []EventMember{{User: e.User, Grant: e.Grant, Still: still}}
	if !e.Taken {
		return []Event{event}
	}
	return []Event{event, BreakGlassEvent(e.Call, e.Group, e.User, e.Grant, e.At, e.ExpiresAt)}
}

func timestampOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return Timestamp(t)
}

// EndEvent is the event of grants in a group that end at the same time: that they are
// closed, or will be.
func EndEvent(call Call, action Action, group ID, at, ends time.Time) Event {
	var after Facts
	if action == ActionGrantExpiring {
		after = Facts{FactExpiresAt: Timestamp(ends)}
	}
	e := call.Event(at, action, group, ID{}, nil, after)
	e.MemberSource = SourceLocal
	return e
}

// SystemCall is what the program itself does in a tenant, with the grants there.
func SystemCall(tenant ID, reason string) Call {
	return Call{
		Tenant: tenant, Actor: Actor{Kind: ActorSystem, ID: "grants"},
		Credential: Credential{Kind: CredentialSystem}, Reason: reason,
	}
}

// NoticeOfEnd is when the notice of an end is due that is set at a time; zero: there is
// none, since the end is nearer than that, and who set it knows.
func NoticeOfEnd(at, ends time.Time) time.Time {
	if notice := ends.Add(-NoticeBeforeEnd); !ends.IsZero() && notice.After(at) {
		return notice
	}
	return time.Time{}
}

// checkEnd is what a group asks of the end of a local grant that was opened, or is, at a
// time.
func (g *Group) checkEnd(opened, ends time.Time) error {
	switch {
	case ends.IsZero() && g.GrantsMustEnd:
		return Invalidf("the local grants of this group must end: give expires_at")
	case g.MaxGrantSeconds == 0:
	case ends.IsZero():
		return Invalidf("a local grant of this group lives for %d seconds at most: give expires_at", g.MaxGrantSeconds)
	case ends.After(opened.Add(time.Duration(g.MaxGrantSeconds) * time.Second)):
		return Invalidf("expires_at must be at most %d seconds after the grant is opened: this group allows no more",
			g.MaxGrantSeconds)
	}
	return nil
}

// ChangeGrantEnd gives the local grant of a member another end, or none (rule 15). To put
// off the end of one that was taken by break-glass is to take it again (rule 16).
// KindNotFound: they are no member; KindManagedByIdP: no local grant makes them one.
func (d *Directory) ChangeGrantEnd(
	ctx context.Context, call Call, group, user ID, ends time.Time,
) (m Member, err error) {
	inside, err := d.allowInside(ctx, call, OpAddMembers, group, user)
	if err != nil {
		return m, d.refused(ctx, call, OpAddMembers, group, user, err)
	}
	ends = ends.UTC().Truncate(time.Microsecond)
	op := OpAddMembers
	err = d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		op = OpAddMembers
		e := GrantEnd{Call: call, Group: group, User: user, ExpiresAt: ends}
		s, err := lockMember(ctx, tx, group, user)
		if err != nil {
			return err
		}
		if inside != nil {
			if err := inside(ctx, s); err != nil {
				return err
			}
		}
		e.At = d.clock.Now()
		grant, err := judgeEnd(s, e)
		if err != nil {
			return err
		}
		m = s.Member
		if e.Grant, e.BreakGlass = grant.ID, grant.BreakGlass; grant.ExpiresAt.Equal(ends) {
			return nil
		}
		if e.Taken = grant.BreakGlass && grant.endsBefore(ends); e.Taken {
			op = OpBreakGlass
			if err := d.allowLonger(ctx, tx, call, s, grant.ID); err != nil {
				return err
			}
		}
		if err := tx.SetGrantEnd(ctx, e); err != nil {
			return err
		}
		m, err = tx.Member(ctx, group, user)
		return err
	})
	return m, d.refused(ctx, call, op, group, user, err)
}

// endsBefore says whether the grant ends sooner than at a time; zero: never.
func (g *Grant) endsBefore(ends time.Time) bool {
	return !g.ExpiresAt.IsZero() && (ends.IsZero() || g.ExpiresAt.Before(ends))
}

// judgeEnd is rule 15, and returns the grant that it is about.
func judgeEnd(s MemberState, e GrantEnd) (Grant, error) {
	if s.Group.ID.IsZero() {
		return Grant{}, NotFound("group")
	}
	if err := judgeRemoval(s); err != nil { // a provider's grant is no more changed than closed here
		return Grant{}, err
	}
	i := slices.IndexFunc(s.Member.Sources, func(s MemberSource) bool { return s.Grant.Connection.IsZero() })
	grant := s.Member.Sources[i].Grant
	if err := CheckEnd(e.At, e.ExpiresAt); err != nil {
		return Grant{}, err
	}
	if !grant.BreakGlass && grant.endsBefore(e.ExpiresAt) { // rule 12; break-glass asks for more
		if err := s.Group.TakesLocal(); err != nil {
			return Grant{}, err
		}
	}
	last := grant.OpenedAt.Add(MaxBreakGlass)
	if grant.BreakGlass && (e.ExpiresAt.IsZero() || e.ExpiresAt.After(last)) {
		return Grant{}, Invalidf("what was taken by break-glass ends after %d hours at most",
			int(MaxBreakGlass.Hours()))
	}
	return grant, s.Group.checkEnd(grant.OpenedAt, e.ExpiresAt)
}

// lockMember locks the group and reads what is there of it and one of its users.
func lockMember(ctx context.Context, tx Tx, group, user ID) (s MemberState, err error) {
	if s.Group, err = tx.LockGroup(ctx, group); err != nil && KindOf(err) != KindNotFound {
		return s, err
	}
	users, err := tx.UsersByID(ctx, []ID{user})
	if err != nil {
		return s, err
	}
	if len(users) == 1 {
		s.User = users[0]
	}
	if s.Member, err = tx.Member(ctx, group, user); KindOf(err) == KindNotFound {
		err = nil
	}
	return s, err
}

// Now is the time of the Directory: never before one that it gave or saw written.
func (d *Directory) Now() time.Time { return d.clock.Now() }

// CloseEnded closes local grants that have ended, and gives notice of those that will:
// a step of the tenant's work, of at most limit grants each. more: there may be others
// left now.
func (d *Directory) CloseEnded(ctx context.Context, tenant ID, limit int) (more bool, err error) {
	call, now := SystemCall(tenant, ReasonExpired), d.clock.Now()
	var closed, noticed int
	for _, step := range []func(Tx) error{
		func(tx Tx) (err error) {
			closed, err = tx.CloseEnded(ctx, call, now, limit)
			return err
		},
		func(tx Tx) (err error) {
			noticed, err = tx.NoticeEnds(ctx, SystemCall(tenant, ""), now, limit)
			return err
		},
	} {
		if err := d.store.Update(ctx, tenant, step); err != nil {
			return false, err
		}
	}
	d.observe(SourceLocal, 0, closed)
	if closed+noticed > 0 {
		return true, nil
	}
	return false, d.store.Update(ctx, tenant, func(tx Tx) error { return tx.NextEnd(ctx) })
}
