package console

import (
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Who has no grant that was opened or closed since the first of two times was a member by
// the same sources at both: a page is of those who have one.
const (
	comparedAtOnce  = pageSize // grants that have changed
	maxPartsOfAPage = 10
	grantsOfThem    = 10_000 // at one of the times
)

// differences fills the page with those who are not a member by the same sources at both
// times, after a place in the register.
func (d *door) differences(r *request, v *compareView, after membership.RegisterPlace) error {
	for part := 1; ; part++ {
		changed, err := d.Directory.RegisterPage(r.Context(), r.call, membership.RegisterQuery{
			AsOf: membership.AsOf{Time: v.To}, Group: v.Group.ID, ChangedSince: v.From, After: after,
		}, comparedAtOnce)
		if err != nil {
			return err
		}
		if v.To = changed.AsOf; v.To.Before(v.From) { // now is before it
			return membership.Invalidf("the first time is in the future")
		}
		if err := d.compareUsers(r, v, changed.Rows); err != nil {
			return err
		}
		if changed.Next == nil {
			v.Pages = r.pagesAt("")
			return nil
		}
		if after = *changed.Next; changed.Part || len(v.Rows) >= pageSize || part == maxPartsOfAPage {
			r.query["to"] = v.To.Format(time.RFC3339Nano) // the other pages are of the same times
			v.Part, v.Pages = true, r.pagesAt(placeText(&after))
			return nil
		}
	}
}

// compareUsers looks at the users of grants at both times.
func (d *door) compareUsers(r *request, v *compareView, changed []membership.RegisterRow) error {
	users := []membership.ID{}
	for _, row := range changed {
		if n := len(users); n == 0 || users[n-1] != row.User.ID {
			users = append(users, row.User.ID)
		}
	}
	if len(users) == 0 {
		return nil
	}
	var sides [2]map[membership.ID][]membership.RegisterRow
	for i, at := range []time.Time{v.From, v.To} {
		p, err := d.Directory.RegisterPage(r.Context(), r.call, membership.RegisterQuery{
			AsOf: membership.AsOf{Time: at}, Group: v.Group.ID, Users: users,
		}, grantsOfThem)
		if err != nil {
			return err
		}
		sides[i] = map[membership.ID][]membership.RegisterRow{}
		for _, row := range p.Rows {
			sides[i][row.User.ID] = append(sides[i][row.User.ID], row)
		}
	}
	for _, user := range users {
		before, now := sides[0][user], sides[1][user]
		if why := grantSteps(before, now); len(why) > 0 {
			one := slices.Concat(before, now)[0]
			v.Rows = append(v.Rows, comparedRow{
				User: one.User, DeletedAt: one.UserDeletedAt, Before: len(before) > 0, After: len(now) > 0, Why: why,
			})
		}
	}
	return nil
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
