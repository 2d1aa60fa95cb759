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

// head begins the answer: itemsPerPage is the true length of the page, which
// Pocket ID advances by. A page by cursor has its neighbours instead of an index
// (RFC 9865 section 2.1).
func (s *stream) head(total, length int, at pageHead) {
	s.text(`{"schemas":["` + listSchema + `"],"totalResults":`)
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
	s.text(`,"Resources":[`)
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
	users, err := d.findUsers(x, p, at)
	if err != nil {
		return err
	}
	links, head, err := turn(at, users.links, func(l membership.UserLink) membership.ID { return l.User })
	if err != nil {
		return err
	}
	users.links = links
	header(x.w)
	s := newStream(x.w)
	s.head(users.total, len(users.links), head)
	d.writeUsers(s, users, userType.newProjection(p.attributes, p.excluded), true)
	s.text("]}")
	return s.close()
}

// foundUsers is one page of users and the number of all.
type foundUsers struct {
	links  []membership.UserLink
	groups map[membership.ID][]membership.GroupRef
	total  int
}

func (d *door) findUsers(x *exchange, p parameters, at page) (found foundUsers, err error) {
	readings, err := p.readings(userType)
	if err != nil {
		return found, err
	}
	x.ignored.addFilter(readings[0])
	err = find(readings, func(f membership.Filter) (int, error) {
		var err error
		found.links, found.groups, found.total, err = d.directory.ProvisionedUsers(x.ctx(), x.call, at.query(f))
		return found.total, err
	})
	return found, err
}

func (d *door) writeUsers(s *stream, users foundUsers, shown projection, first bool) {
	for _, l := range users.links {
		if !first {
			s.text(",")
		}
		first = false
		s.user(d, l, users.groups[l.User], shown)
		if s.err != nil {
			return
		}
	}
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
	return d.visitGroups(x, p, at, func(groups foundGroups) error {
		links, head, err := turn(at, groups.links, func(l membership.GroupLink) membership.ID { return l.Group })
		if err != nil {
			return err
		}
		groups.links = links
		header(x.w)
		s := newStream(x.w)
		s.head(groups.total, len(groups.links), head)
		d.writeGroups(s, groups, groupType.newProjection(p.attributes, p.excluded), true)
		s.text("]}")
		return s.close()
	})
}

// foundGroups is one page of groups and the number of all; it is valid during
// the visit.
type foundGroups struct {
	links   []membership.GroupLink
	members membership.MembersOf
	total   int
}

func (d *door) visitGroups(x *exchange, p parameters, at page, visit func(foundGroups) error) error {
	readings, err := p.readings(groupType)
	if err != nil {
		return err
	}
	x.ignored.addFilter(readings[0])
	left := len(readings)
	return find(readings, func(f membership.Filter) (total int, err error) {
		left--
		err = d.directory.VisitProvisionedGroups(x.ctx(), x.call, at.query(f),
			func(links []membership.GroupLink, n int, members membership.MembersOf) error {
				if total = n; total == 0 && left > 0 {
					return nil
				}
				return visit(foundGroups{links, members, n})
			})
		return total, err
	})
}

func (d *door) writeGroups(s *stream, groups foundGroups, shown projection, first bool) {
	for _, l := range groups.links {
		if !first {
			s.text(",")
		}
		first = false
		s.group(d, l, groups.members, shown)
		if s.err != nil {
			return
		}
	}
}
