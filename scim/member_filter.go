package scim

import (
	"github.com/scimbridge/scimbridge/membership"
)

// memberFinder returns the members of a group that a filter matches which asks
// for more than ids; nil: there are none yet.
type memberFinder func(membership.Filter) ([]membership.ID, error)

// maxSearched bounds into how many members the paths of one request look.
const maxSearched = 1_000_000

// membersWhere returns the finder for a group: it goes through the members as
// they are when the operation is read and keeps those that match. Who is added
// meanwhile was added after the operation, as if the requests had come so.
func (d *door) membersWhere(x *exchange, group membership.ID) memberFinder {
	return func(f membership.Filter) (found []membership.ID, err error) {
		m := map[string]any{"type": userType.name}
		names := func(membership.GroupLink) membership.MemberDetail { return membership.MemberNames }
		err = d.directory.VisitProvisionedGroup(x.ctx(), x.call, group, names,
			func(g membership.ProvisionedGroup) error {
				for member, err := range g.Members {
					if err != nil {
						return err
					}
					if x.searched++; x.searched > maxSearched {
						return &membership.Error{
							Kind:    membership.KindTooMany,
							Message: "the paths of the request look into too many members: name them by their ids",
						}
					}
					m["value"], m["display"], m["$ref"] = member.User.String(), member.Name,
						d.location(userType, member.User)
					if f.Match(m) {
						found = append(found, member.User)
					}
				}
				return nil
			})
		return found, err
	}
}

// foldMembers folds one operation on members in.
func (c *groupChange) foldMembers(op string, s selection, l memberList) error {
	if s.match == nil || s.sub != "" {
		return foldMembers(&c.members, op, s, l)
	}
	switch {
	case op == opAdd:
		return errAddByFilter
	case op == opReplace && !l.given:
		return badRequest(typeInvalidValue, "%s of members needs a value", op)
	case c.members.Adds():
		// Whether they match is not known yet.
		return badRequest(typeInvalidFilter,
			"members are added before they are chosen by more than their ids: make it "+
				"two requests")
	}
	if c.find != nil {
		found, err := c.find(s.match)
		if err != nil {
			return err
		}
		c.members.Remove(found...)
	}
	if op == opReplace {
		l.addTo(&c.members)
	}
	return nil
}

var errAddByFilter = badRequest(typeInvalidPath, "a path can add members only by their ids")
