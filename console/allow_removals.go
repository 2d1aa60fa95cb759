package console

import (
	"cmp"
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// allowView is what may pass the removal guard once.
type allowView struct {
	Form       *form
	Connection membership.Connection
	Group      concerned // its id is zero: any group of the connection
	Held       *heldRow  // what is held now; nil: nothing is known of it
	Provider   string
	Waiting    []allowanceRow
	Confirm    confirm
	Hours      []hours
	// Kept is a request that was held and can be tried; NoKept is why there is none.
	Kept   *membership.Request
	NoKept string
	Run    *removedView
}

// hours is how long an allowance waits, as its form offers it.
type hours struct{ Value, Label string }

// allowanceHours are those that are offered. The first is the usual one.
var allowanceHours = []hours{{"24", "24 hours"}, {"1", "1 hour"}, {"72", "3 days"}, {"168", "7 days"}}

// Again is how the provider sends its request again.
func (v allowView) Again() string {
	return membership.RemedyFor(v.Provider, "PATCH /Groups/{id}", "", "held").AtProvider
}

func (d *door) allowanceForm(w http.ResponseWriter, r *request) error {
	group, err := r.query.id("group")
	if err != nil {
		return err
	}
	return d.showAllowance(w, r, http.StatusOK, group, newForm(nil), nil)
}

func (d *door) showAllowance(
	w http.ResponseWriter, r *request, status int, group membership.ID, f *form, run *removedView,
) error {
	v, err := d.allowance(r, group, f)
	if err != nil {
		return err
	}
	v.Run = run
	return d.show(w, r, view{
		template: "allow_removals", title: "Allow a removal once", section: guardPath, status: status, data: v,
	})
}

// allowance finds what an allowance would be about.
func (d *door) allowance(r *request, group membership.ID, f *form) (v allowView, err error) {
	v = allowView{Form: f, Hours: allowanceHours}
	id, err := r.pathID("id", "connection")
	if err != nil {
		return v, err
	}
	if v.Connection, err = d.Directory.Connection(r.Context(), r.call, id); err != nil {
		return v, err
	}
	v.Provider = membership.Provider(v.Connection.IDP, "")
	waiting, err := d.allowancesOf(r, v.Connection)
	if err != nil {
		return v, err
	}
	for _, a := range waiting {
		if a.Group.IsZero() || a.Group == group {
			v.Waiting = append(v.Waiting, a)
		}
	}
	if group.IsZero() {
		// How many people it will be is not known.
		v.Confirm = confirm{Name: toType(v.Connection.Name, v.Connection.ID), People: namesAbove + 1}
		return v, nil
	}
	v.Group.ID = group
	why, err := d.why(r, membership.OpReadGroups, group, membership.ID{})
	if err != nil {
		return v, err
	}
	if why == "" {
		g, err := d.Directory.Group(r.Context(), r.call, group)
		if err != nil {
			return v, err
		}
		v.Group.Name = g.DisplayName
	}
	v.Confirm = confirm{Name: toType(v.Group.Name, group), People: namesAbove + 1}
	if err := d.heldIn(r, &v); err != nil {
		return v, err
	}
	return v, d.keptHeld(r, &v)
}

// heldIn finds what is held of the group.
func (d *door) heldIn(r *request, v *allowView) error {
	why, err := d.why(r, membership.OpReadAudit, membership.ID{}, membership.ID{})
	if err != nil || why != "" {
		return err
	}
	rows, _, err := d.held(r, v.Connection.ID, v.Group.ID)
	if err != nil || len(rows) == 0 {
		return err
	}
	v.Held = &rows[0]
	v.Confirm.People = v.Held.Closing
	v.Confirm.Counts = []count{{"members would go", v.Held.Closing}}
	return nil
}

// keptHeld finds the last request that was held in the group and can be tried again: it
// says who would go.
func (d *door) keptHeld(r *request, v *allowView) error {
	why, err := d.why(r, membership.OpReadRequests, membership.ID{}, membership.ID{})
	if err != nil {
		return err
	}
	if why != "" {
		v.NoKept = why
		return nil
	}
	f := membership.RequestFilter{
		Connection: v.Connection.ID, Group: v.Group.ID, Outcome: membership.RequestHeld, Limit: pageSize,
	}
	p, _, err := d.Directory.Requests(r.Context(), r.call, membership.RequestQuery{RequestFilter: f})
	switch {
	case membership.KindOf(err) == membership.KindNotFound:
		v.NoKept = sentence(err.Error())
		return nil
	case err != nil:
		return err
	case len(p.Requests) == 0:
		v.NoKept = "No held request of the group is kept."
		return nil
	}
	for _, kept := range p.Requests {
		if why := kept.Triable(); why != nil {
			v.NoKept = cmp.Or(v.NoKept, sentence(why.Error()))
			continue
		}
		v.Kept, v.NoKept = &kept, ""
		return nil
	}
	return nil
}

func (d *door) allowRemovals(w http.ResponseWriter, r *request) error {
	var group membership.ID
	if r.form.Value("group") != "" {
		if group = r.form.id("group", "the group is no id"); group.IsZero() {
			return d.showAllowance(w, r, http.StatusBadRequest, group, r.form, nil)
		}
	}
	v, err := d.allowance(r, group, r.form)
	if err != nil {
		return err
	}
	r.form.require("reason", "say why: it is kept with the allowance")
	v.Confirm.check(r.form)
	spec := membership.RemovalAllowanceSpec{Group: group}
	switch r.form.Value("hours") {
	case "1":
		spec.Life = time.Hour
	case "", "24":
		spec.Life = 24 * time.Hour
	case "72":
		spec.Life = 72 * time.Hour
	case "168":
		spec.Life = membership.MaxAllowanceLife
	default:
		r.form.fail("hours", "choose one of the times")
	}
	if !r.form.OK() {
		return d.showAllowance(w, r, http.StatusBadRequest, group, r.form, nil)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	_, err = d.Directory.AllowRemovals(r.Context(), call, v.Connection.ID, spec)
	if status, taken := r.form.refused(err, ""); taken {
		return d.showAllowance(w, r, status, group, r.form, nil)
	}
	if err != nil {
		return err
	}
	return d.done(w, r, guardPath, "removal-allowed")
}

func (d *door) withdrawRemovals(w http.ResponseWriter, r *request) error {
	connection, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	id, err := r.pathID("allowance_id", "removal allowance")
	if err != nil {
		return err
	}
	if err := d.Directory.WithdrawRemovals(r.Context(), r.call, connection, id); err != nil {
		return err
	}
	return d.done(w, r, guardPath, "allowance-withdrawn")
}
