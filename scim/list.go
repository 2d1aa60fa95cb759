package scim

import (
	"github.com/scimbridge/scimbridge/membership"
)

const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// find runs a query with the readings of a filter until one finds something.
func find(readings []membership.Filter, run func(membership.Filter) (total int, err error)) error {
	for _, f := range readings {
		total, err := run(f)
		if err != nil || total > 0 {
			return err
		}
	}
	return nil
}

// readParameters reads those of a list, from the query or the body.
func (d *door) readParameters(x *exchange) (parameters, error) {
	if x.r.Method != "POST" {
		return readQuery(x.r.URL.RawQuery)
	}
	body, err := x.body(d.maxBody)
	if err != nil {
		return parameters{}, err
	}
	return readSearch(body)
}

// readings of the filter of a list; without one there is one reading, of all.
func (p parameters) readings(t *resourceType) ([]membership.Filter, error) {
	if !p.hasFilter {
		return []membership.Filter{nil}, nil
	}
	return t.readings(p.filter)
}

// begin begins the answer. What it says of the page comes behind the resources:
// some may be deleted while the page is read.
func (s *stream) begin() { s.text(`{"schemas":["` + listSchema + `"],"Resources":[`) }

// end ends the answer: itemsPerPage is the true length of the page, which Pocket
// ID advances by. A page by cursor has its neighbours instead of an index (RFC
// 9865 section 2.1).
func (s *stream) end(total, length int, at pagePosition) {
	s.text(`],"totalResults":`)
	s.number(total)
	if at.startIndex > 0 {
		s.text(`,"startIndex":`)
		s.number(at.startIndex)
	}
	s.text(`,"itemsPerPage":`)
	s.number(length)
	if at.next != "" {
		s.text(`,"nextCursor":"` + at.next + `"`)
	}
	if at.previous != "" {
		s.text(`,"previousCursor":"` + at.previous + `"`)
	}
	s.text("}")
}

// listUsers is RFC 7644 section 3.4.2, and section 3.4.3 on /Users/.search.
func (d *door) listUsers(x *exchange) error {
	p, err := d.readParameters(x)
	if err != nil {
		return err
	}
	at, err := d.page(x, userType, p)
	if err != nil {
		return err
	}
	return d.visitUsers(x, p, at, func(users *userPage) error {
		header(x.w)
		s := newStream(x.w)
		s.begin()
		seen := d.writeUsers(s, users, userType.newProjection(p.attributes, p.excluded), true)
		position, err := positionOf(at, seen, users.More, userCursor)
		if err != nil {
			s.fail(err)
		}
		s.end(users.Total, seen.n, position)
		return s.close()
	})
}

type (
	userPage  = membership.ProvisionedPage[membership.ProvisionedUser]
	groupPage = membership.ProvisionedPage[membership.ProvisionedGroup]
)

// visitUsers shows the page of the first reading of the filter that finds
// something, or of the last.
func (d *door) visitUsers(x *exchange, p parameters, at page, visit func(*userPage) error) error {
	readings, err := p.readings(userType)
	if err != nil {
		return err
	}
	d.readFilter(x, readings[0])
	left := len(readings)
	return find(readings, func(f membership.Filter) (total int, err error) {
		left--
		err = d.directory.VisitProvisionedUsers(x.ctx(), x.call, at.query(f), func(users *userPage) error {
			if total = users.Total; total == 0 && left > 0 {
				return nil
			}
			return visit(users)
		})
		return total, err
	})
}

// writeUsers writes the users of a page, and returns what was written.
func (d *door) writeUsers(
	s *stream, users *userPage, shown projection, first bool,
) (seen written[membership.UserLink]) {
	for u, err := range users.Items {
		if err != nil {
			s.fail(err)
			return seen
		}
		if !first {
			s.text(",")
		}
		first = false
		s.user(d, u, shown)
		if s.err != nil {
			return seen
		}
		seen.add(u.UserLink)
	}
	return seen
}

// listGroups is to groups what listUsers is to users.
func (d *door) listGroups(x *exchange) error {
	p, err := d.readParameters(x)
	if err != nil {
		return err
	}
	at, err := d.page(x, groupType, p)
	if err != nil {
		return err
	}
	shown := groupType.newProjection(p.attributes, p.excluded)
	return d.visitGroups(x, p, at, shown, func(groups *groupPage) error {
		header(x.w)
		s := newStream(x.w)
		s.begin()
		seen := d.writeGroups(s, groups, shown, true)
		position, err := positionOf(at, seen, groups.More, groupCursor)
		if err != nil {
			s.fail(err)
		}
		s.end(groups.Total, seen.n, position)
		return s.close()
	})
}

// visitGroups is to groups what visitUsers is to users.
func (d *door) visitGroups(x *exchange, p parameters, at page, shown projection, visit func(*groupPage) error) error {
	readings, err := p.readings(groupType)
	if err != nil {
		return err
	}
	d.readFilter(x, readings[0])
	left, members := len(readings), shown.members()
	return find(readings, func(f membership.Filter) (total int, err error) {
		left--
		err = d.directory.VisitProvisionedGroups(x.ctx(), x.call, at.query(f), members, func(groups *groupPage) error {
			if total = groups.Total; total == 0 && left > 0 {
				return nil
			}
			return visit(groups)
		})
		return total, err
	})
}

// writeGroups is to groups what writeUsers is to users.
func (d *door) writeGroups(
	s *stream, groups *groupPage, shown projection, first bool,
) (seen written[membership.GroupLink]) {
	for g, err := range groups.Items {
		if err != nil {
			s.fail(err)
			return seen
		}
		if !first {
			s.text(",")
		}
		first = false
		s.group(d, g, shown)
		if s.err != nil {
			return seen
		}
		seen.add(g.GroupLink)
	}
	return seen
}

// written is what was written of a page.
type written[L any] struct {
	n           int
	first, last L
}

func (w *written[L]) add(l L) {
	if w.n == 0 {
		w.first = l
	}
	w.n, w.last = w.n+1, l
}
