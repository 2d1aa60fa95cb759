package api

import (
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) removalAllowanceRoutes() []route {
	const (
		allowances = "/v1/connections/{id}/removal-allowances"
		allowance  = allowances + "/{allowance_id}"
	)
	return []route{
		{http.MethodGet, allowances, d.private(d.listRemovalAllowances)},
		{http.MethodPost, allowances, d.private(d.allowRemovals)},
		{http.MethodDelete, allowance, d.private(d.withdrawRemovals, "reason")},
	}
}

func (d *door) listRemovalAllowances(w http.ResponseWriter, r request) error {
	connection, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	all, err := d.Directory.RemovalAllowances(r.Context(), r.call, connection)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, all, AppendRemovalAllowance, membership.ID{}))
}

func (d *door) allowRemovals(w http.ResponseWriter, r request) error {
	connection, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	s, err := d.decodeAllowance(w, &r)
	if err != nil {
		return err
	}
	a, err := d.Directory.AllowRemovals(r.Context(), r.call, connection, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendRemovalAllowance(nil, a))
}

func (d *door) decodeAllowance(w http.ResponseWriter, r *request) (s membership.RemovalAllowanceSpec, err error) {
	var group *string
	var seconds *int64
	if err := d.decode(w, *r, fields{
		"group_id": &group, "expires_in_seconds": &seconds, "reason": &r.call.Reason,
	}); err != nil {
		return s, err
	}
	if group != nil {
		if s.Group, err = membership.ParseID(*group); err != nil {
			return s, membership.Invalidf("group_id must be a UUID")
		}
		if s.Group.IsZero() { // to the domain that means any; here it was said
			return s, membership.NotFound("group")
		}
	}
	if seconds != nil {
		// Bounded before it becomes nanoseconds, so that it cannot overflow.
		if most := int64(membership.MaxAllowanceLife / time.Second); *seconds < 1 || *seconds > most {
			return s, membership.Invalidf("expires_in_seconds must be a number from 1 to %d", most)
		}
		s.Life = time.Duration(*seconds) * time.Second
	}
	return s, nil
}

func (d *door) withdrawRemovals(w http.ResponseWriter, r request) error {
	connection, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	id, err := r.pathID("allowance_id", "removal allowance")
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Directory.WithdrawRemovals(r.Context(), r.call, connection, id); err != nil {
		return err
	}
	return sendNothing(w)
}

// AppendRemovalAllowance appends an allowance as a JSON object.
func AppendRemovalAllowance(b []byte, a membership.RemovalAllowance) []byte {
	b = appendIDField(append(b, '{'), "id", a.ID)
	b = appendIDField(append(b, ','), "connection_id", a.Connection)
	if !a.Group.IsZero() {
		b = appendIDField(append(b, ','), "group_id", a.Group)
	}
	b = appendField(append(b, ','), "allowed_by", a.AllowedBy)
	if a.Reason != "" {
		b = appendField(append(b, ','), "reason", a.Reason)
	}
	b = appendTimeField(append(b, ','), "created_at", a.CreatedAt)
	b = appendTimeField(append(b, ','), "expires_at", a.ExpiresAt)
	return append(b, '}')
}
