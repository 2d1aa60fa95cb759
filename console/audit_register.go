package console

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) registerRoutes() []route {
	return []route{
		d.get("/audit/register", d.register, "as_of", "group", "user", "connection", "source", "cursor"),
		d.post("/audit/register", d.exportRegister, "as_of", "group", "user", "connection", "source", "format"),
	}
}

type registerView struct {
	Form  *form
	Query membership.RegisterQuery // what the rows are of
	Rows  []membership.RegisterRow
	Pages pager
	Part  bool // the page ends where no more were looked at
	Asked bool // for some of them
	Past  bool // of a time that was asked for
}

func (d *door) register(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	v := registerView{Form: newForm(r.query), Past: r.query["as_of"] != ""}
	for _, name := range []string{"group", "user", "connection", "source"} {
		v.Asked = v.Asked || r.query[name] != ""
	}
	var err error
	if v.Query.AsOf.Time, err = r.query.time("as_of"); err != nil {
		v.Form.fail("as_of", err.Error())
	}
	if v.Query.Source, err = oneOf(r.query, "source", membership.SourceLocal, membership.SourceSCIM); err != nil {
		v.Form.fail("source", err.Error())
	}
	if err := d.found(r, v.Form, &v.Query.User, &v.Query.Group, &v.Query.Connection); err != nil {
		return err
	}
	if v.Query.After, err = parsePlace(r.query["cursor"]); err != nil {
		return err
	}
	status := http.StatusBadRequest
	if v.Form.OK() {
		p, err := d.Directory.RegisterPage(r.Context(), r.call, v.Query, pageSize)
		var taken bool
		if status, taken = v.Form.refused(err, "as_of"); !taken {
			if err != nil {
				return err
			}
			status = http.StatusOK
			v.Rows, v.Part, v.Query.AsOf = p.Rows, p.Part, membership.AsOf{Time: p.AsOf}
			r.query["as_of"] = p.AsOf.Format(time.RFC3339Nano) // the other pages are of the same time
			v.Pages = r.pagesAt(placeText(p.Next))
		}
	}
	if t := v.Query.AsOf.Time; v.Past && !t.IsZero() {
		v.Form.values["as_of"] = t.Format("2006-01-02T15:04:05") // as a browser's field takes it
	}
	return d.show(w, r, view{
		template: "audit_register", title: "Register", section: auditPath, status: status, data: v,
	})
}

// exportRegister sends the register as a file, whole and with its manifest.
func (d *door) exportRegister(w http.ResponseWriter, r *request) error {
	sent := query(r.form.values)
	var q membership.RegisterQuery
	var err error
	if q.AsOf.Time, err = sent.time("as_of"); err != nil {
		return err
	}
	for _, id := range []struct {
		name string
		to   *membership.ID
	}{{"group", &q.Group}, {"user", &q.User}, {"connection", &q.Connection}} {
		if *id.to, err = sent.id(id.name); err != nil {
			return err
		}
	}
	if q.Source, err = oneOf(sent, "source", membership.SourceLocal, membership.SourceSCIM); err != nil {
		return err
	}
	return d.Reports.Register(r.Context(), w, r.call, q, sent["format"])
}

// A place in the register is its two ids; in the address it is opaque.

func placeText(p *membership.RegisterPlace) string {
	if p == nil {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(p.Group[:], p.User[:]...))
}

func parsePlace(s string) (p membership.RegisterPlace, err error) {
	if s == "" {
		return p, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(p.Group)+len(p.User) {
		return p, membership.Invalidf("cursor is none that this console gave out")
	}
	p.Group, p.User = membership.ID(b[:len(p.Group)]), membership.ID(b[len(p.Group):])
	return p, nil
}
