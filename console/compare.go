package console

import (
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) compareRoutes() []route {
	return []route{d.get("/groups/{id}/compare", d.compare, "from", "to", "cursor")}
}

type compareView struct {
	Form     *form
	Group    membership.Group
	From, To time.Time
	Rows     []comparedRow
	Part     bool // not all members were looked at
	Pages    pager
}

// comparedRow is a person who is not a member by the same sources at both times.
type comparedRow struct {
	User          membership.User
	DeletedAt     time.Time
	Before, After bool // a member then
	Why           []grantStep
}

// grantStep is the beginning or the end of a grant.
type grantStep struct {
	Source          sourceLabel
	Opened          bool
	At              time.Time
	By, Reason, Via string // Via is the request
	Provider        bool   // the request was a provider's
}

func (d *door) compare(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	id, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	v := compareView{Form: newForm(r.query)}
	if v.Group, err = d.Directory.Group(r.Context(), r.call, id); err != nil {
		return err
	}
	for _, t := range []struct {
		name string
		to   *time.Time
	}{{"from", &v.From}, {"to", &v.To}} {
		if *t.to, err = r.query.time(t.name); err != nil {
			v.Form.fail(t.name, err.Error())
		}
	}
	after, err := parsePlace(r.query["cursor"])
	if err != nil {
		return err
	}
	if !v.From.IsZero() && !v.To.IsZero() && v.To.Before(v.From) {
		v.Form.fail("to", "the second time is before the first")
	}
	status := http.StatusOK
	switch {
	case !v.Form.OK():
		status = http.StatusBadRequest
	case v.From.IsZero():
		v.Form.values = map[string]string{"from": asField(time.Now().AddDate(0, -1, 0)), "to": r.query["to"]}
	default:
		err := d.differences(r, &v, after)
		if refused, taken := v.Form.refused(err, "to"); taken {
			err, status = nil, refused
		}
		if err != nil {
			return err
		}
	}
	return d.show(w, r, view{
		template: "compare", title: "Compare " + v.Group.DisplayName, section: groupsPath, status: status, data: v,
	})
}
