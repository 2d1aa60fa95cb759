package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) listMemberships(w http.ResponseWriter, r request) error {
	user, err := r.pathID("id", "user")
	if err != nil {
		return err
	}
	after, limit, err := r.query.page()
	if err != nil {
		return err
	}
	ms, next, err := d.Directory.Memberships(r.Context(), r.call, user,
		membership.MembershipQuery{After: after, Limit: limit})
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, ms, appendMembership, next))
}
