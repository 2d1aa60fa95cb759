package membership

import (
	"context"
	"iter"
	"time"
)

// RegisterQuery selects the grants that were open at a time.
type RegisterQuery struct {
	AsOf       time.Time // zero: now
	Group      ID        // zero: any
	User       ID
	Connection ID
	Source     Source // the grant's own; "": both
}

// RegisterRow is a grant with the names of what it is about, as they are today.
// What was deleted has its names still.
type RegisterRow struct {
	Grant          Grant
	ConnectionName string
	Group          Group
	GroupDeletedAt time.Time // zero: living
	User           User
	UserDeletedAt  time.Time
	// OpenedByName and ClosedByName are what is called so that acted: a connection,
	// a token, or the user whom the subject of a JWT names; empty: nothing is. Only
	// the register has them.
	OpenedByName, ClosedByName string
}

// parameters are the query as a manifest tells it.
func (q RegisterQuery) parameters() []Parameter {
	ps := []Parameter{{"as_of", Timestamp(q.AsOf)}}
	for _, p := range []struct {
		name string
		id   ID
	}{{"group_id", q.Group}, {"user_id", q.User}, {"connection_id", q.Connection}} {
		if !p.id.IsZero() {
			ps = append(ps, Parameter{p.name, p.id.String()})
		}
	}
	if q.Source != "" {
		ps = append(ps, Parameter{"membership_source", string(q.Source)})
	}
	return ps
}

// ExportRegister sends the register: who was a member of what at a time, one row
// for each grant that was open then, ordered by group, user and the grant's
// beginning.
func (d *Directory) ExportRegister(
	ctx context.Context, call Call, q RegisterQuery, f Format[RegisterRow], send Send,
) error {
	if err := d.allow(ctx, call, OpReadAudit, q.Group, q.User); err != nil {
		return err
	}
	switch now := d.clock.Now(); {
	case q.AsOf.IsZero():
		q.AsOf = now
	case q.AsOf.After(now):
		return Invalidf("as_of is in the future: nobody knows who will be a member of what")
	}
	q.AsOf = q.AsOf.UTC().Truncate(time.Microsecond)
	return export(ctx, d, call, Manifest{Report: ReportRegister, Query: q.parameters()}, f,
		func(r Reader) iter.Seq2[RegisterRow, error] { return r.Register(ctx, q) }, send)
}
