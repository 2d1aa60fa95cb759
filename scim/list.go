package scim

import (
	"github.com/scimbridge/scimbridge/membership"
)

const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// page is one page of a list by index (RFC 7644 section 3.4.2.4). The order is
// that of the ids. Cursors and sorting will have their place here.
type page struct {
	startIndex int // of the first result, from 1
	count      int // at most so many
}

func (p parameters) page() page { return page{p.startIndex, p.count} }

// query returns the page as the domain asks for it.
func (p page) query(f membership.Filter) membership.ViewQuery {
	return membership.ViewQuery{Filter: f, Offset: p.startIndex - 1, Limit: p.count}
}

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
// Pocket ID advances by.
func (s *stream) head(total, start, length int) {
	s.text(`{"schemas":["` + listSchema + `"],"totalResults":`)
	s.number(total)
	s.text(`,"startIndex":`)
	s.number(start)
	s.text(`,"itemsPerPage":`)
	s.number(length)
	s.text(`,"Resources":[`)
}

// listUsers is RFC 7644 section 3.4.2, and section 3.4.3 on /Users/.search.
func (d *door) listUsers(x *exchange) error {
	p, err := d.readParameters(x)
	if err != nil {
		return err
	}
	users, err := d.findUsers(x, p, p.page())
	if err != nil {
		return err
	}
	header(x.w)
	s := newStream(x.w)
	s.head(users.total, p.startIndex, len(users.links))
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
	err = find(readings, func(f membership.Filter) (int, error) {
		var err error
		found.links, found.groups, found.total, err = d.directory.ProvisionedUsers(x.ctx(), x.call, at.query(f))
		return found.total, err
	})
	return found, err
}

func (d *door) writeUsers(s *stream, users foundUsers, shown projection, first bool) {
	for _, l := range users.links {
		r, err := d.userResource(l, users.groups[l.User])
		if err != nil {
			s.fail(err)
			return
		}
		if !first {
			s.text(",")
		}
		first = false
		s.value(shown.of(r))
	}
}

// listGroups is to groups what listUsers is to users.
func (d *door) listGroups(x *exchange) error {
	p, err := d.readParameters(x)
	if err != nil {
		return err
	}
	return d.visitGroups(x, p, p.page(), func(groups foundGroups) error {
		header(x.w)
		s := newStream(x.w)
		s.head(groups.total, p.startIndex, len(groups.links))
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
		r, err := d.groupResource(l)
		if err != nil {
			s.fail(err)
			return
		}
		if !first {
			s.text(",")
		}
		first = false
		s.group(r, groups.members(l.Group), shown)
		if s.err != nil {
			return
		}
	}
}
