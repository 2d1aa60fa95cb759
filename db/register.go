package db

import (
	"context"
	"iter"

	"github.com/scimbridge/scimbridge/membership"
)

// The joins are left ones: a grant is in the register whatever became of the
// rest, and the planner has to begin with the grants.
const (
	registerColumns = `select ` + grantColumns + `,
	g.closed_at, coalesce(g.closed_by_kind, ''), coalesce(g.closed_by_id, ''),
	coalesce(g.closed_request, ''), coalesce(g.closed_reason, ''), coalesce(c.name, ''),
	coalesce(gr.display_name, ''), coalesce(gr.kind, ''), gr.deleted_at,
	coalesce(u.user_name, ''), coalesce(u.email, ''), coalesce(u.name, ''), coalesce(u.active, false), u.deleted_at`
	registerJoins = `
	left join groups gr on gr.tenant_id = $1 and gr.id = g.group_id
	left join users u on u.tenant_id = $1 and u.id = g.user_id
	left join connections c on c.tenant_id = $1 and c.id = g.connection_id`
	// The names of who opened and closed a grant.
	registerNames = `, coalesce(case g.opened_by_kind when 'connection' then (select n.name from connections n
			where n.tenant_id = $1 and n.id = {id of g.opened_by_id}) else coalesce(
			(select n.name from tokens n where n.tenant_id = $1 and n.id = {id of g.opened_by_id}),
			(select n.user_name from users n where n.tenant_id = $1 and n.id = {id of g.opened_by_id})) end, ''),
		coalesce(case g.closed_by_kind when 'connection' then (select n.name from connections n
			where n.tenant_id = $1 and n.id = {id of g.closed_by_id}) else coalesce(
			(select n.name from tokens n where n.tenant_id = $1 and n.id = {id of g.closed_by_id}),
			(select n.user_name from users n where n.tenant_id = $1 and n.id = {id of g.closed_by_id})) end, '')`
	registerOrder = ` order by g.group_id, g.user_id, g.opened_at, g.id`
)

func registerDest(r *membership.RegisterRow) []any {
	return append(grantDest(&r.Grant),
		(*stamp)(&r.Grant.ClosedAt), (*string)(&r.Grant.ClosedBy.Kind), &r.Grant.ClosedBy.ID,
		&r.Grant.ClosedRequest, &r.Grant.ClosedReason, &r.ConnectionName,
		&r.Group.DisplayName, (*string)(&r.Group.Kind), (*stamp)(&r.GroupDeletedAt),
		&r.User.UserName, &r.User.Email, &r.User.Name, &r.User.Active, (*stamp)(&r.UserDeletedAt))
}

// registerQuery writes the query of a RegisterQuery.
func registerQuery(s *session, q membership.RegisterQuery) (string, []any) {
	w := newWhere(s.tenant)
	at := w.arg(stamp(q.AsOf.Time))
	from := `grants g`
	if !q.User.IsZero() {
		// Two indexes know a user's grants: one the open, one the closed.
		of := ` select * from grants where tenant_id = $1 and user_id = ` + w.arg(q.User)
		from = `(` + of + ` and closed_at is null union all` + of + ` and closed_at > ` + at + `) g`
	}
	w.WriteString(registerColumns + registerNames + ` from ` + from + registerJoins +
		` where g.tenant_id = $1 and ` + openAsOf("g", q.AsOf, at, w.arg))
	w.id("g.group_id", q.Group)
	w.id("g.connection_id", q.Connection)
	switch q.Source {
	case membership.SourceLocal:
		w.and("g.connection_id =", membership.ID{})
	case membership.SourceSCIM:
		w.and("g.connection_id <>", membership.ID{})
	}
	return w.String() + registerOrder, w.args
}

// openAsOf is the condition on a grant that it was open at a time, whose argument
// is at.
func openAsOf(grant string, t membership.AsOf, at string, arg func(any) string) string {
	opened, closed := grant+".opened_at <= "+at, grant+".closed_at > "+at
	if !t.Behind.IsZero() {
		now := arg(stamp(t.Behind))
		opened = "(" + opened + " or " + grant + ".opened_at > " + now + ")"
		closed += " and " + grant + ".closed_at <= " + now
	}
	return opened + " and (" + grant + ".closed_at is null or " + closed + ")"
}

// Register implements membership.Reader.
func (s *session) Register(ctx context.Context, q membership.RegisterQuery) iter.Seq2[membership.RegisterRow, error] {
	query, args := registerQuery(s, q)
	return s.register(ctx, query, args, func(r *membership.RegisterRow) []any {
		return append(registerDest(r), &r.OpenedByName, &r.ClosedByName)
	})
}

func (s *session) register(
	ctx context.Context, query string, args []any, dest func(*membership.RegisterRow) []any,
) iter.Seq2[membership.RegisterRow, error] {
	return func(yield func(membership.RegisterRow, error) bool) {
		for r, err := range stream(ctx, s, query, args, dest) {
			r.Group.Tenant, r.Group.ID = s.tenant, r.Grant.Group
			r.User.Tenant, r.User.ID = s.tenant, r.Grant.User
			if !yield(r, err) {
				return
			}
		}
	}
}
