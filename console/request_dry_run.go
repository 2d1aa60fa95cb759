package console

import (
	"context"
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// DryRuns tries kept requests again, and changes nothing.
type DryRuns interface {
	DryRun(ctx context.Context, call membership.Call, id membership.ID) (membership.DryRun, error)
}

// dryRunView is what a request would do now.
type dryRunView struct {
	membership.DryRun
	Changes []changeRow
}

// changeRow is an event that would be written.
type changeRow struct {
	Action membership.Action
	Group  concerned
	People []concerned
	More   int // people who are not named
}

// namedInDryRun is how many people of a dry run are named.
const namedInDryRun = 100

func (d *door) tryRequest(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "request")
	if err != nil {
		return err
	}
	run, err := d.DryRuns.DryRun(r.Context(), r.call, id)
	if membership.KindOf(err) == membership.KindBodyRedacted {
		r.form.fail("", err.Error())
		return d.showRequest(w, r, http.StatusConflict, keptView{Form: r.form})
	}
	if status, taken := r.form.refused(err, ""); taken {
		return d.showRequest(w, r, status, keptView{Form: r.form})
	}
	if err != nil {
		return err
	}
	v, err := d.dryRunOf(r, run)
	if err != nil {
		return err
	}
	return d.showRequest(w, r, http.StatusOK, keptView{Form: r.form, Run: v})
}

// dryRunOf names what a dry run tells of.
func (d *door) dryRunOf(r *request, run membership.DryRun) (*dryRunView, error) {
	v := &dryRunView{DryRun: run}
	left := namedInDryRun
	for _, e := range run.Changes {
		row := changeRow{Action: e.Action}
		if !e.Group.IsZero() {
			gs, err := d.namedGroups(r, []membership.ID{e.Group}, 1)
			if err != nil {
				return nil, err
			}
			row.Group = gs[0]
		}
		var users []membership.ID
		for _, m := range e.Members {
			users = append(users, m.User)
		}
		if len(users) == 0 && !e.User.IsZero() {
			users = []membership.ID{e.User}
		}
		var err error
		if row.People, err = d.namedUsers(r, users, left); err != nil {
			return nil, err
		}
		row.More = len(users) - len(row.People)
		left -= len(row.People)
		v.Changes = append(v.Changes, row)
	}
	return v, nil
}
