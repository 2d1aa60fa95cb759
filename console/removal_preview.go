package console

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// previewRemovals says who would go, if a request that was held is kept whole.
func (d *door) previewRemovals(w http.ResponseWriter, r *request) error {
	group := r.form.id("group", "the group is missing")
	if !r.form.OK() {
		return d.showAllowance(w, r, http.StatusBadRequest, group, r.form, nil)
	}
	v, err := d.allowance(r, group, r.form)
	if err != nil {
		return err
	}
	if v.Kept == nil {
		r.form.fail("", v.NoKept)
		return d.showAllowance(w, r, http.StatusConflict, group, r.form, nil)
	}
	run, err := d.DryRuns.DryRun(r.Context(), r.call, v.Kept.ID)
	if membership.KindOf(err) == membership.KindBodyRedacted {
		r.form.fail("", err.Error())
		return d.showAllowance(w, r, http.StatusConflict, group, r.form, nil)
	}
	if status, taken := r.form.refused(err, ""); taken {
		return d.showAllowance(w, r, status, group, r.form, nil)
	}
	if err != nil {
		return err
	}
	removed, err := d.removedBy(r, run)
	if err != nil {
		return err
	}
	return d.showAllowance(w, r, http.StatusOK, group, r.form, removed)
}

// removedView is the members that a request would remove now, if it were allowed.
type removedView struct {
	Run      membership.DryRun
	Go, Stay []concerned // stay: by another source
	All      int         // who would go
	AllStay  int
}

// MoreGo is how many who would go are not named.
func (v removedView) MoreGo() int { return v.All - len(v.Go) }

// MoreStay is how many who would stay are not named.
func (v removedView) MoreStay() int { return v.AllStay - len(v.Stay) }

func (d *door) removedBy(r *request, run membership.DryRun) (*removedView, error) {
	events := run.IfAllowed
	if run.Outcome != membership.RequestHeld { // it is allowed already, or not held any more
		events = run.Changes
	}
	var gone, stay []membership.ID
	for _, e := range events {
		if e.Action != membership.ActionGrantClosed {
			continue
		}
		for _, m := range e.Members {
			if m.Still {
				stay = append(stay, m.User)
			} else {
				gone = append(gone, m.User)
			}
		}
	}
	v := &removedView{Run: run, All: len(gone), AllStay: len(stay)}
	var err error
	if v.Go, err = d.namedUsers(r, gone, maxRemoved); err != nil {
		return nil, err
	}
	v.Stay, err = d.namedUsers(r, stay, maxConcerned)
	return v, err
}

// maxRemoved bounds how many are named of those who would go.
const maxRemoved = 200
