package scim

// searchAll is a query on the root, which is about users and groups together
// (RFC 7644 sections 3.4.2.1 and 3.4.3): all users come before all groups.
func (d *door) searchAll(x *exchange) error {
	p, err := d.readParameters(x)
	if err != nil {
		return err
	}
	at := p.page()
	users, err := d.findUsers(x, p, at)
	if err != nil {
		return err
	}
	rest := page{startIndex: max(at.startIndex-users.total, 1), count: at.count - len(users.links)}
	return d.visitGroups(x, p, rest, func(groups foundGroups) error {
		header(x.w)
		s := newStream(x.w)
		s.head(users.total+groups.total, p.startIndex, len(users.links)+len(groups.links))
		d.writeUsers(s, users, userType.newProjection(p.attributes, p.excluded), true)
		d.writeGroups(s, groups, groupType.newProjection(p.attributes, p.excluded), len(users.links) == 0)
		s.text("]}")
		return s.close()
	})
}
