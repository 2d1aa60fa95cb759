package scim

// searchAll is a query on the root, which is about users and groups at once
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
	rest, err := d.page(x, groupType, p)
	if err != nil {
		return err
	}
	shown := groupType.newProjection(p.attributes, p.excluded)
	return d.visitUsers(x, p, at, func(users *userPage) error {
		header(x.w)
		s := newStream(x.w)
		s.begin()
		listed := d.writeUsers(s, users, userType.newProjection(p.attributes, p.excluded), true)
		if s.err != nil {
			return s.close()
		}
		rest.startIndex, rest.count = max(at.startIndex-users.Total, 1), at.count-listed.n
		err := d.visitGroups(x, p, rest, shown, func(groups *groupPage) error {
			seen := d.writeGroups(s, groups, shown, listed.n == 0)
			s.end(users.Total+groups.Total, listed.n+seen.n, pagePosition{startIndex: p.startIndex})
			return nil
		})
		if err != nil {
			s.fail(err)
		}
		return s.close()
	})
}
