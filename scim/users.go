package scim

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// createUser is RFC 7644 section 3.3.
func (d *door) createUser(x *exchange) error {
	shown, edits, err := d.readUser(x)
	if err != nil {
		return err
	}
	// A user is active unless the provider says otherwise.
	r := map[string]any{"active": true}
	if err := applyAll(r, edits); err != nil {
		return err
	}
	var link membership.UserLink
	if err := setUser(&link, r); err != nil {
		return err
	}
	l, err := d.directory.ProvisionUser(x.ctx(), x.call, link)
	if err != nil {
		return err
	}
	return d.sendUser(x, http.StatusCreated, membership.ProvisionedUser{UserLink: l}, shown)
}

// readUser reads the body of a POST or PUT.
func (d *door) readUser(x *exchange) (projection, []edit, error) {
	shown, err := x.projection(userType)
	if err != nil {
		return shown, nil, err
	}
	body, err := x.body(d.maxBody)
	if err != nil {
		return shown, nil, err
	}
	values, err := object(body)
	if err != nil {
		return shown, nil, err
	}
	edits, err := userType.expand(opReplace, values)
	x.ignored.addEdits(edits)
	return shown, edits, err
}

// getUser is RFC 7644 section 3.4.1.
func (d *door) getUser(x *exchange) error {
	id, err := x.id("user")
	if err != nil {
		return err
	}
	shown, err := x.projection(userType)
	if err != nil {
		return err
	}
	u, err := d.directory.ProvisionedUser(x.ctx(), x.call, id)
	if err != nil {
		return err
	}
	if x.notModified(u.Version) {
		return nil
	}
	return d.sendUser(x, http.StatusOK, u, shown)
}

// replaceUser is RFC 7644 section 3.5.1: what is left out is cleared, except
// active. That holds for externalId as well: Rauthy unlinks a user so, and
// JumpCloud, which leaves it out, finds the user by the id that it has stored.
func (d *door) replaceUser(x *exchange) error {
	id, err := x.id("user")
	if err != nil {
		return err
	}
	shown, edits, err := d.readUser(x)
	if err != nil {
		return err
	}
	return d.updateUser(x, id, shown, func(l *membership.UserLink) error {
		r := map[string]any{"active": l.Active}
		if err := applyAll(r, edits); err != nil {
			return err
		}
		return setUser(l, r)
	})
}

// patchUser is RFC 7644 section 3.5.2.
func (d *door) patchUser(x *exchange) error {
	id, err := x.id("user")
	if err != nil {
		return err
	}
	shown, err := x.projection(userType)
	if err != nil {
		return err
	}
	body, err := x.body(d.maxBody)
	if err != nil {
		return err
	}
	patch, err := readPatch(body)
	if err != nil {
		return err
	}
	if patch.Operations == nil {
		return errNoOperations
	}
	edits, err := userType.edits(patch.Operations)
	if err != nil {
		return err
	}
	x.ignored.addEdits(edits)
	return d.updateUser(x, id, shown, func(l *membership.UserLink) error {
		r, err := userAttributes(*l)
		if err != nil {
			return err
		}
		if err := applyAll(r, edits); err != nil {
			return err
		}
		return setUser(l, r)
	})
}

// updateUser changes a user and answers with the resource: Okta and Pocket ID
// want it.
func (d *door) updateUser(
	x *exchange, id membership.ID, shown projection, change func(*membership.UserLink) error,
) error {
	ifVersion, err := x.precondition(d.userVersion(x, id))
	if err != nil {
		return err
	}
	l, err := d.directory.UpdateProvisionedUser(x.ctx(), x.call, id, ifVersion, change)
	if err != nil {
		return err
	}
	if x.r.Method == http.MethodPatch && shown.showsAll() {
		if x.prefers(returnMinimal) {
			x.describe(d.location(userType, id), l.Version)
			return x.sendNothing(http.StatusNoContent)
		}
		x.prefers(returnRepresentation)
	}
	u := membership.ProvisionedUser{UserLink: l}
	if shown.keeps("", "groups") {
		if u, err = d.directory.ProvisionedUser(x.ctx(), x.call, id); err != nil {
			return err
		}
	}
	return d.sendUser(x, http.StatusOK, u, shown)
}

func (d *door) userVersion(x *exchange, id membership.ID) func() (int64, error) {
	return func() (int64, error) {
		u, err := d.directory.ProvisionedUser(x.ctx(), x.call, id)
		return u.Version, err
	}
}

// deleteUser is RFC 7644 section 3.6.
func (d *door) deleteUser(x *exchange) error {
	id, err := x.id("user")
	if err != nil {
		return err
	}
	ifVersion, err := x.precondition(d.userVersion(x, id))
	if err != nil {
		return err
	}
	if err := d.directory.DeprovisionUser(x.ctx(), x.call, id, ifVersion); err != nil {
		return err
	}
	return x.sendNothing(http.StatusNoContent)
}

func (d *door) sendUser(x *exchange, status int, u membership.ProvisionedUser, shown projection) error {
	if err := x.w.Reserve(int(2 * u.Size())); err != nil { // the user, and the text of it
		return err
	}
	header(x.w)
	x.describe(d.location(userType, u.User), u.Version)
	s := newStream(&withStatus{x.w, status})
	s.user(d, u, shown)
	return s.close()
}
