package membership

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// Break-glass (rule 16): a person with the permission for it makes somebody a member at
// once, for some hours and with a reason; another person looks at it afterwards.

const (
	// MaxBreakGlass is how long such a grant lives at most, and lives if nothing is said.
	MaxBreakGlass = 8 * time.Hour
	// minBreakGlassReason is how many characters its reason has at least, if it is no
	// ticket.
	minBreakGlassReason = 20
)

// ticket is a reason that is the number of a ticket, such as INC-4711 or CHG0030052.
var ticket = regexp.MustCompile(`^[A-Z][A-Z0-9_]{1,9}-?[0-9]{2,12}$`)

// BreakGlass is a grant that was taken so, and is not signed off.
type BreakGlass struct {
	Grant    ID
	Person   string // who took it (Call.Person)
	OpenedAt time.Time
}

// takeBreakGlass checks and completes the addition of a member by break-glass.
func (c *LocalChange) takeBreakGlass(call Call) error {
	if err := call.takesBreakGlass(); err != nil {
		return err
	}
	last := c.At.Add(MaxBreakGlass)
	if c.ExpiresAt.IsZero() {
		c.ExpiresAt = last
	}
	if c.ExpiresAt.After(last) {
		return Invalidf("expires_at must be at most %d hours ahead with break_glass", int(MaxBreakGlass.Hours()))
	}
	return nil
}

// takesBreakGlass refuses callers that are no person, or do not say why.
func (c Call) takesBreakGlass() error {
	if err := c.isPerson(); err != nil {
		return err
	}
	reason := strings.TrimSpace(c.Reason)
	if utf8.RuneCountInString(reason) < minBreakGlassReason && !ticket.MatchString(reason) {
		return Invalidf("break_glass needs a reason of at least %d characters, or a ticket such as INC-4711",
			minBreakGlassReason)
	}
	return nil
}

// allowLonger asks what taking a grant by break-glass asks, to put its end off. Who does
// so has taken it then: what another took is signed off before, so that no person signs
// off what they took themselves.
func (d *Directory) allowLonger(ctx context.Context, tx Tx, call Call, s MemberState, grant ID) error {
	if err := d.authorize(ctx, Question{
		Call: call, Operation: OpBreakGlass, Group: s.Group.ID, User: s.User.ID,
		Objects: &Objects{Group: s.Group, User: s.User},
	}); err != nil {
		return err
	}
	if err := call.takesBreakGlass(); err != nil {
		return err
	}
	if err := d.allowEnterprise(ctx, call, s, s.User.ID); err != nil {
		return err
	}
	taken, err := tx.LockBreakGlass(ctx, s.Group.ID, s.User.ID)
	for _, t := range taken {
		if t.Grant == grant && t.Person != call.Person {
			return errorf(KindForbidden, "another person took this by break-glass, and it is not signed off: "+
				"sign it off first")
		}
	}
	return err
}

// isPerson refuses callers that are no person, or not known as one.
func (c Call) isPerson() error {
	switch {
	case c.Actor.Kind != ActorUser || !c.Connection.IsZero():
		return errorf(KindForbidden, "only a person may do this: no agent, no service and no operator")
	case c.Person == "":
		return errorf(KindForbidden, "it is not known whose token this is: it is from before that was kept, or was "+
			"rotated by another person. Make a new one with scimbridge token create")
	}
	return nil
}

// allowEnterprise asks whether the tenant's policies let break-glass into a group that
// only identity providers add members to.
func (d *Directory) allowEnterprise(ctx context.Context, call Call, s MemberState, user ID) error {
	if s.Group.Kind != GroupEnterprise {
		return nil
	}
	err := d.authorize(ctx, Question{
		Call: call, Operation: OpBreakGlassEnterprise, Group: s.Group.ID, User: user,
		Objects: &Objects{Group: s.Group, User: s.User},
	})
	var e *Error
	if errors.As(err, &e) && e.Kind == KindForbidden && e.Details["policies"] == nil { // none speaks of it
		return errGroupManaged
	}
	return err
}

// BreakGlassEvent is the notice that a member was added by break-glass, or is one for
// longer by it.
func BreakGlassEvent(call Call, group, user, grant ID, at, ends time.Time) Event {
	e := call.Event(at, ActionBreakGlass, group, user, nil, Facts{FactExpiresAt: Timestamp(ends)})
	e.MemberSource, e.Members = SourceLocal, []EventMember{{User: user, Grant: grant}}
	return e
}

// SignOff accepts what was taken by break-glass for a user in a group, also when it has
// ended since. KindForbidden: the caller took it, or has it. KindNotFound: there is
// nothing to accept.
func (d *Directory) SignOff(ctx context.Context, call Call, group, user ID) error {
	if err := d.allow(ctx, call, OpSignOff, group, user); err != nil {
		return err
	}
	err := d.store.Update(ctx, call.Tenant, func(tx Tx) error {
		taken, err := tx.LockBreakGlass(ctx, group, user)
		if err != nil {
			return err
		}
		if len(taken) == 0 {
			if _, err := tx.Group(ctx, group); err != nil {
				return err
			}
			return NotFound("member")
		}
		if err := call.isPerson(); err != nil {
			return err
		}
		if strings.TrimSpace(call.Reason) == "" {
			return Invalidf("reason is required")
		}
		at := d.clock.Now()
		var grants []ID
		e := call.Event(at, ActionGrantSignedOff, group, user, nil, nil)
		e.MemberSource = SourceLocal
		for _, t := range taken {
			if SamePerson(t.Person, call.Person) || call.Actor.ID == user.String() {
				return errorf(KindForbidden, "another person has to sign this off: neither who took it nor who has it")
			}
			if at = later(at, t.OpenedAt); at.After(e.At) {
				e.At = at
			}
			grants, e.Members = append(grants, t.Grant), append(e.Members, EventMember{User: user, Grant: t.Grant})
		}
		if err := tx.SignBreakGlass(ctx, group, user, grants, e.At); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, e)
	})
	return d.refused(ctx, call, OpSignOff, group, user, err)
}
