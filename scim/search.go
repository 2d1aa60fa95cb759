package scim

// searchAll is a query on the root, which is about users and groups together
// (RFC 7644 sections 3.4.2.1 and 3.4.3): all users come before all groups, each
// in the order asked for. Its pages are by index.
func (d *door) searchAll(x *exchange) error {
	p, err := d.readParameters(x)
	if err != nil {
		return err
	}
	if p.hasCursor {
		return badRequest(typeInvalidCursor, "a cursor leads through /Users or /Groups, not through both")
	}
	at, err := d.page(x, userType, p)
	if err != nil {
		return err
	}
	users, err := d.findUsers(x, p, at)
	if err != nil {
		return err
	}
	rest, err := d.page(x, groupType, p)
	if err != nil {
		return err
	}
	rest.startIndex, rest.count = max(at.startIndex-users.total, 1), at.count-len(users.links)
	return d.visitGroups(x, p, rest, func(groups foundGroups) error {
		header(x.w)
		s := newStream(x.w)
		s.head(users.total+groups.total, len(users.links)+len(groups.links), pageHead{startIndex: p.startIndex})
		d.writeUsers(s, users, userType.newProjection(p.attributes, p.excluded), true)
		d.writeGroups(s, groups, groupType.newProjection(p.attributes, p.excluded), len(users.links) == 0)
		s.text("]}")
		return s.close()
	})
}
