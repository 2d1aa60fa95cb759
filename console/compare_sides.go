package console

import (
	"bytes"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// A group at two times is two registers, read side by side in the order of their members.
const (
	comparedAtOnce = 5_000  // grants of a side that are read at once
	maxCompared    = 20_000 // members that one page looks at
)

// side reads the register of a group at one time, member by member.
type side struct {
	query membership.RegisterQuery
	read  func(membership.RegisterQuery) (membership.RegisterPage, error)
	rows  []membership.RegisterRow
	last  bool // there are no more than rows
}

// next returns the grants of the next member, without going on; none: there is no more.
func (s *side) next() ([]membership.RegisterRow, error) {
	if len(s.rows) == 0 && !s.last {
		p, err := s.read(s.query)
		if err != nil {
			return nil, err
		}
		s.rows, s.last = p.Rows, p.Next == nil
		if s.query.AsOf.Time = p.AsOf; p.Next != nil {
			s.query.After = *p.Next
		}
	}
	n := 0
	for n < len(s.rows) && s.rows[n].User.ID == s.rows[0].User.ID {
		n++
	}
	return s.rows[:n], nil
}

// differences fills the page with those who are not a member by the same sources at both
// times, after a place in the register.
func (d *door) differences(r *request, v *compareView, after membership.RegisterPlace) error {
	read := func(q membership.RegisterQuery) (membership.RegisterPage, error) {
		return d.Directory.RegisterPage(r.Context(), r.call, q, comparedAtOnce)
	}
	sides := [2]*side{}
	for i, at := range []time.Time{v.From, v.To} {
		sides[i] = &side{read: read, query: membership.RegisterQuery{
			AsOf: membership.AsOf{Time: at}, Group: v.Group.ID, After: after,
		}}
	}
	for looked := 0; ; looked++ {
		before, err := sides[0].next()
		if err != nil {
			return err
		}
		now, err := sides[1].next()
		if err != nil {
			return err
		}
		if v.To = sides[1].query.AsOf.Time; v.To.Before(v.From) { // now is before it
			return membership.Invalidf("the first time is in the future")
		}
		if before, now = ofOne(before, now); len(before)+len(now) == 0 {
			v.Pages = r.pagesAt("")
			return nil
		}
		if looked == maxCompared || len(v.Rows) == pageSize {
			r.query["to"] = v.To.Format(time.RFC3339Nano) // the other pages are of the same times
			v.Part, v.Pages = true, r.pagesAt(placeText(&after))
			return nil
		}
		sides[0].rows, sides[1].rows = sides[0].rows[len(before):], sides[1].rows[len(now):]
		one := slices.Concat(before, now)[0]
		after = membership.RegisterPlace{Group: one.Grant.Group, User: one.User.ID}
		if why := grantSteps(before, now); len(why) > 0 {
			v.Rows = append(v.Rows, comparedRow{
				User: one.User, DeletedAt: one.UserDeletedAt, Before: len(before) > 0, After: len(now) > 0, Why: why,
			})
			continue
		}
		v.Same++
	}
}

// ofOne leaves the grants of the first of two members, or of one who is both.
func ofOne(before, now []membership.RegisterRow) (_, _ []membership.RegisterRow) {
	if len(before) == 0 || len(now) == 0 {
		return before, now
	}
	switch a, b := before[0].User.ID, now[0].User.ID; bytes.Compare(a[:], b[:]) {
	case -1:
		return before, nil
	case 1:
		return nil, now
	}
	return before, now
}

// grantSteps are the ends of grants whose source is none of the later time, and the
// beginnings of those whose source was none of the earlier.
func grantSteps(before, now []membership.RegisterRow) (steps []grantStep) {
	has := func(rows []membership.RegisterRow, r membership.RegisterRow) bool {
		return slices.ContainsFunc(rows, func(o membership.RegisterRow) bool {
			return o.Grant.Connection == r.Grant.Connection
		})
	}
	source := func(r membership.RegisterRow) sourceLabel {
		return sourceOf(membership.MemberSource{Grant: r.Grant, ConnectionName: r.ConnectionName})
	}
	by := func(name string, a membership.Actor) string {
		if name != "" {
			return name
		}
		return string(a.Kind) + " " + shortID(a.ID)
	}
	for _, r := range before {
		if g := r.Grant; !has(now, r) {
			steps = append(steps, grantStep{Source: source(r), At: g.ClosedAt, By: by(r.ClosedByName, g.ClosedBy),
				Reason: g.ClosedReason, Via: g.ClosedRequest, Provider: g.Source() == membership.SourceSCIM})
		}
	}
	for _, r := range now {
		if g := r.Grant; !has(before, r) {
			steps = append(steps, grantStep{Source: source(r), Opened: true, At: g.OpenedAt,
				By: by(r.OpenedByName, g.OpenedBy), Reason: g.OpenedReason, Via: g.OpenedRequest,
				Provider: g.Source() == membership.SourceSCIM})
		}
	}
	return steps
}
