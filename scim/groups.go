package scim

import (
	"net/http"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// createGroup is RFC 7644 section 3.3.
func (d *door) createGroup(x *exchange) error {
	shown, change, err := d.readGroup(x)
	if err != nil {
		return err
	}
	var link membership.GroupLink
	r := map[string]any{}
	if err := applyAll(r, change.edits); err != nil {
		return err
	}
	if err := setGroup(&link, r); err != nil {
		return err
	}
	l, err := d.directory.ProvisionGroup(x.ctx(), x.call, link, change.members)
	if err != nil {
		return err
	}
	return d.sendGroup(x, http.StatusCreated, l.Group, shown)
}

// readGroup reads the body of a POST or PUT.
func (d *door) readGroup(x *exchange) (projection, groupChange, error) {
	var change groupChange
	shown, err := x.projection(groupType)
	if err != nil {
		return shown, change, err
	}
	body, err := x.reader(d.maxGroupBody)
	if err != nil {
		return shown, change, err
	}
	defer body.drain()
	t := newTokens(body)
	parts, err := t.groupParts(&attributeBudget{d.maxBody})
	if err == nil {
		err = t.end()
	}
	if err != nil {
		return shown, change, err
	}
	// What is left out of a PUT is cleared, and so are members: Pocket ID leaves
	// an empty list out. A new group has no members to remove.
	if x.r.Method == http.MethodPut {
		change.members.Clear()
	}
	err = change.foldBody(parts)
	x.ignored.addAll(change.ignored)
	return shown, change, err
}

// getGroup is RFC 7644 section 3.4.1.
func (d *door) getGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	shown, err := x.projection(groupType)
	if err != nil {
		return err
	}
	return d.sendGroup(x, http.StatusOK, id, shown)
}

// sendGroup answers with a group as it is now.
func (d *door) sendGroup(x *exchange, status int, id membership.ID, shown projection) error {
	reads := x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
	write := func(g membership.ProvisionedGroup) error {
		if reads && x.notModified(g.Version) {
			return nil
		}
		header(x.w)
		x.describe(d.location(groupType, id), g.Version)
		s := newStream(&withStatus{x.w, status})
		s.group(d, g, shown)
		return s.close()
	}
	detail := shown.members()
	if detail == membership.NoMembers {
		l, err := d.directory.ProvisionedGroup(x.ctx(), x.call, id)
		if err != nil {
			return err
		}
		return write(membership.ProvisionedGroup{GroupLink: l})
	}
	wanted := func(l membership.GroupLink) membership.MemberDetail {
		if reads && x.hasVersion(l.Version) {
			return membership.NoMembers
		}
		return detail
	}
	return d.directory.VisitProvisionedGroup(x.ctx(), x.call, id, wanted, write)
}

// withStatus sends a status with the first byte, so that until then an error
// can have its own.
type withStatus struct {
	*auth.Answer
	status int
}

// Write implements io.Writer.
func (w *withStatus) Write(b []byte) (int, error) {
	if !w.Begun() {
		w.WriteHeader(w.status)
	}
	return w.Answer.Write(b)
}

// replaceGroup is RFC 7644 section 3.5.1.
func (d *door) replaceGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	shown, change, err := d.readGroup(x)
	if err != nil {
		return err
	}
	ifVersion, err := x.precondition(d.groupVersion(x, id))
	if err != nil {
		return err
	}
	if _, err := d.directory.UpdateProvisionedGroup(x.ctx(), x.call, id, membership.GroupUpdate{
		Members: change.members, IfVersion: ifVersion,
		Change: func(l *membership.GroupLink) error {
			r := map[string]any{}
			if err := applyAll(r, change.edits); err != nil {
				return err
			}
			return setGroup(l, r)
		},
	}); err != nil {
		return err
	}
	return d.sendGroup(x, http.StatusOK, id, shown)
}

// patchGroup is RFC 7644 section 3.5.2. It answers 204, which Entra asks for,
// unless the caller says what to show: no provider reads the members back.
func (d *door) patchGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	shown, err := x.projection(groupType)
	if err != nil {
		return err
	}
	body, err := x.reader(d.maxGroupBody)
	if err != nil {
		return err
	}
	defer body.drain()
	var change groupChange
	old, plain := false, false
	if change.members, plain = plainMemberPatch(body.whole); !plain {
		if change, old, err = readGroupPatch(newTokens(body), &attributeBudget{d.maxBody},
			d.membersWhere(x, id)); err != nil {
			return err
		}
		x.ignored.addAll(change.ignored)
	}
	ifVersion, err := x.precondition(d.groupVersion(x, id))
	if err != nil {
		return err
	}
	l, err := d.directory.UpdateProvisionedGroup(x.ctx(), x.call, id, membership.GroupUpdate{
		Change: change.change(), Members: change.members, IfVersion: ifVersion,
	})
	if err != nil {
		return err
	}
	switch {
	case old || !shown.showsAll():
		return d.sendGroup(x, http.StatusOK, id, shown)
	case x.prefers(returnRepresentation):
		return d.sendGroup(x, http.StatusOK, id, shown)
	}
	x.prefers(returnMinimal)
	x.describe(d.location(groupType, id), l.Version)
	return x.sendNothing(http.StatusNoContent)
}

func (d *door) groupVersion(x *exchange, id membership.ID) func() (int64, error) {
	return func() (int64, error) {
		l, err := d.directory.ProvisionedGroup(x.ctx(), x.call, id)
		return l.Version, err
	}
}

// deleteGroup is RFC 7644 section 3.6.
func (d *door) deleteGroup(x *exchange) error {
	id, err := x.id("group")
	if err != nil {
		return err
	}
	ifVersion, err := x.precondition(d.groupVersion(x, id))
	if err != nil {
		return err
	}
	if err := d.directory.DeprovisionGroup(x.ctx(), x.call, id, ifVersion); err != nil {
		return err
	}
	return x.sendNothing(http.StatusNoContent)
}
