package membership

import (
	"context"
	"iter"
	"time"
)

// RegisterQuery selects the grants that were open at a time.
type RegisterQuery struct {
	AsOf       AsOf
	Group      ID // zero: any
	User       ID
	Connection ID
	Source     Source // the grant's own; "": both
	// After leaves out what comes before the grants that follow this one's member; zero:
	// nothing. It is not part of a report.
	After RegisterPlace
	// Users are those that a page is of; nil: all. ChangedSince, where it is not zero,
	// makes it one of the grants that were opened or closed after that, or may have ended:
	// whose users have no such grant had the same ones at that time and at every later one.
	Users        []ID
	ChangedSince time.Time
}

// RegisterPlace is a member in the order of the register.
type RegisterPlace struct{ Group, User ID }

// RegisterPage is a part of the register.
type RegisterPage struct {
	AsOf time.Time // the time that it is of: the rest is to be asked for with it
	Rows []RegisterRow
	Next *RegisterPlace // where the next page begins; nil: there was no more
	Part bool           // it has fewer rows than it may: it ends where no more grants were looked at
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
	// a token, or the user that the subject of a JWT names; empty: nothing is. Only
	// the register has them.
	OpenedByName, ClosedByName string
}

// parameters are the query as a manifest tells it.
func (q RegisterQuery) parameters() []Parameter {
	ps := []Parameter{{"as_of", Timestamp(q.AsOf.Time)}}
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

// RegisterPage returns about limit rows of the register: it ends with the last grant of
// a member.
func (d *Directory) RegisterPage(
	ctx context.Context, call Call, q RegisterQuery, limit int,
) (p RegisterPage, err error) {
	if err := d.allow(ctx, call, OpReadAudit, q.Group, q.User); err != nil {
		return p, err
	}
	err = d.store.Read(ctx, call.Tenant, func(r Reader) error {
		if q.AsOf, err = d.asOf(ctx, r, q.AsOf.Time); err != nil {
			return err
		}
		at := q.AsOf.Time
		if q, err = d.onSnapshot(ctx, r, q); err != nil {
			return err
		}
		p, err = r.RegisterPage(ctx, q, limit)
		p.AsOf = at
		return err
	})
	return p, err
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
	if err := d.store.Read(ctx, call.Tenant, func(r Reader) (err error) {
		q.AsOf, err = d.asOf(ctx, r, q.AsOf.Time)
		return err
	}); err != nil {
		return err
	}
	return export(ctx, d, call, Manifest{Report: ReportRegister, Query: q.parameters()}, f,
		func(r Reader) iter.Seq2[RegisterRow, error] { return d.register(ctx, r, q) }, send)
}

// register reads the register.
func (d *Directory) register(ctx context.Context, r Reader, q RegisterQuery) iter.Seq2[RegisterRow, error] {
	return func(yield func(RegisterRow, error) bool) {
		q, err := d.onSnapshot(ctx, r, q)
		if err != nil {
			yield(RegisterRow{}, err)
			return
		}
		r.Register(ctx, q)(yield)
	}
}

// onSnapshot is a query whose time, if it is near now, is after the snapshot was taken.
func (d *Directory) onSnapshot(ctx context.Context, r EventReader, q RegisterQuery) (RegisterQuery, error) {
	if !q.AsOf.Behind.IsZero() {
		if _, err := r.LastWritten(ctx); err != nil { // the snapshot is that of the first statement
			return q, err
		}
		q.AsOf = q.AsOf.of(d.clock.machine.Now())
	}
	return q, nil
}
