package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) userRoutes() []route {
	const (
		users = "/v1/users"
		user  = "/v1/users/{id}"
	)
	return []route{
		{http.MethodGet, users, d.private(d.listUsers, "limit", "cursor", "user_name", "user_name_prefix",
			"email", "active", "origin")},
		{http.MethodPost, users, d.private(d.createUser)},
		{http.MethodGet, user, d.private(d.getUser)},
		{http.MethodPatch, user, d.private(d.changeUser)},
		{http.MethodDelete, user, d.private(d.deleteUser, "reason")},
		{http.MethodPost, user + "/erase", d.private(d.eraseUser)},
		{http.MethodGet, user + "/groups", d.private(d.listMemberships, "limit", "cursor")},
	}
}

func (d *door) createUser(w http.ResponseWriter, r request) error {
	var n membership.NewUser
	if err := d.decode(w, r, fields{
		"user_name": &n.UserName, "email": &n.Email, "name": &n.Name, "active": &n.Active, "reason": &r.call.Reason,
	}, "user_name", "email", "name"); err != nil {
		return err
	}
	u, err := d.Directory.CreateUser(r.Context(), r.call, n)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, appendUser(nil, u))
}

func (d *door) listUsers(w http.ResponseWriter, r request) error {
	q, limit, err := r.query.native("user_name")
	if err != nil {
		return err
	}
	us, err := d.Directory.Users(r.Context(), r.call, q)
	if err != nil {
		return err
	}
	us, next := cut(us, limit, func(u membership.User) membership.ID { return u.ID })
	return send(w, http.StatusOK, appendPage(nil, us, appendUser, next))
}

func (d *door) getUser(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	u, err := d.Directory.User(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendUser(nil, u))
}

func (d *door) changeUser(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	var c membership.UserChange
	if err := d.decode(w, r, fields{
		"user_name": &c.UserName, "email": &c.Email, "name": &c.Name, "active": &c.Active, "reason": &r.call.Reason,
	}); err != nil {
		return err
	}
	u, err := d.Directory.ChangeUser(r.Context(), r.call, id, c)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendUser(nil, u))
}

func (d *door) deleteUser(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Directory.DeleteUser(r.Context(), r.call, id); err != nil {
		return err
	}
	return sendNothing(w)
}

func (d *door) eraseUser(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	if err := d.decode(w, r, fields{"reason": &r.call.Reason}, "reason"); err != nil {
		return err
	}
	erased, err := d.Directory.EraseUser(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendErased(nil, erased))
}

// AppendErased appends what an erasure did as JSON.
func AppendErased(b []byte, e membership.Erased) []byte {
	b = append(b, `{"erased":{`...)
	for i, n := range e.Counts() {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendNumberField(b, n.Name, int64(n.N))
	}
	return append(b, "}}"...)
}
