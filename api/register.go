package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) exportRegister(w http.ResponseWriter, r request) error {
	format, err := r.reportFormat(FormatJSONL)
	if err != nil {
		return err
	}
	q, err := r.query.register()
	if err != nil {
		return err
	}
	return d.Directory.ExportRegister(r.Context(), r.call, q, RegisterFormat(format), answerReport(w))
}

func (q query) register() (rq membership.RegisterQuery, err error) {
	if rq.AsOf.Time, err = q.time("as_of"); err != nil {
		return rq, err
	}
	if rq.Group, err = q.id("group_id"); err != nil {
		return rq, err
	}
	if rq.User, err = q.id("user_id"); err != nil {
		return rq, err
	}
	if rq.Connection, err = q.id("connection_id"); err != nil {
		return rq, err
	}
	rq.Source, err = oneOf(q, "membership_source", membership.SourceLocal, membership.SourceSCIM)
	return rq, err
}

// RegisterFormat is how the register is written.
func RegisterFormat(format string) membership.Format[membership.RegisterRow] {
	return reportOf(format, registerColumns)
}

// widths is how many columns each report has.
var widths = map[membership.Report]int{
	membership.ReportRegister:   width(registerColumns),
	membership.ReportExceptions: width(exceptionColumns),
}

func width[T any](describe func(columns, T)) int {
	var h csvHeader
	var none T
	describe(&h, none)
	return h.n
}

func registerColumns(c columns, r membership.RegisterRow) {
	g := r.Grant
	c.id("group_id", r.Group.ID)
	c.text("display_name", r.Group.DisplayName)
	c.text("group_kind", string(r.Group.Kind))
	c.time("group_deleted_at", r.GroupDeletedAt)
	c.id("user_id", r.User.ID)
	c.text("user_name", r.User.UserName)
	c.text("email", r.User.Email)
	c.text("name", r.User.Name)
	c.yes("active", r.User.Active)
	c.time("user_deleted_at", r.UserDeletedAt)
	c.text("membership_source", string(g.Source()))
	c.id("connection_id", g.Connection)
	c.optional("connection_name", r.ConnectionName)
	c.id("grant_id", g.ID)
	c.time("granted_at", g.OpenedAt)
	c.text("granted_by", g.OpenedBy.String())
	c.optional("granted_by_name", r.OpenedByName)
	c.text("granted_request_id", g.OpenedRequest)
	c.optional("reason", g.OpenedReason)
	c.time("joined_at", g.MemberSince)
	c.time("ended_at", g.ClosedAt)
	by := ""
	if !g.ClosedAt.IsZero() {
		by = g.ClosedBy.String()
	}
	c.optional("ended_by", by)
	c.optional("ended_by_name", r.ClosedByName)
	c.optional("ended_request_id", g.ClosedRequest)
	c.optional("ended_reason", g.ClosedReason)
	c.time("expires_at", g.ExpiresAt)
}
