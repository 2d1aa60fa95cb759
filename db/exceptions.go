package db

import (
	"context"
	"iter"

	"github.com/scimbridge/scimbridge/membership"
)

// exceptional is the condition on an open grant g, its group gr, user u and
// connection c.
func exceptional(w *where, kind membership.ExceptionKind) string {
	const gone = `(c.id is null or c.removed_at is not null or not exists (select 1 from group_links k
		where k.tenant_id = $1 and k.connection_id = g.connection_id and k.group_id = g.group_id))`
	switch kind {
	case membership.ExceptionLocalInEnterprise:
		return `gr.kind = 'enterprise' and g.connection_id = ` + w.arg(membership.ID{})
	case membership.ExceptionDoublyGranted:
		return `exists (select 1 from grants x where x.tenant_id = $1 and x.group_id = g.group_id
			and x.user_id = g.user_id and x.closed_at is null and x.connection_id <> g.connection_id)`
	case membership.ExceptionInactiveMember:
		return `not u.active and not u.deprovisioned and u.deleted_at is null`
	case membership.ExceptionAfterDeprovisioning:
		return `(u.id is null or u.deleted_at is not null or u.deprovisioned
			or g.connection_id <> ` + w.arg(membership.ID{}) + ` and not ` + gone + ` and not exists (
				select 1 from user_links l
				where l.tenant_id = $1 and l.connection_id = g.connection_id and l.user_id = g.user_id))`
	case membership.ExceptionConnectionGone:
		return `g.connection_id <> ` + w.arg(membership.ID{}) + ` and ` + gone
	}
	panic("no condition for the exceptions " + kind)
}

// exceptionsQuery writes the query of the grants that make exceptions of one
// kind. A limit is one of members, of whom all such grants come.
func exceptionsQuery(s *session, after membership.ExceptionCursor, limit int) (string, []any) {
	w := newWhere(s.tenant)
	of := registerJoins + ` where g.tenant_id = $1 and g.closed_at is null and ` + exceptional(w, after.Kind)
	if after.Group != (membership.ID{}) {
		of += ` and (g.group_id, g.user_id) > (` + w.arg(after.Group) + `, ` + w.arg(after.User) + `)`
	}
	from := ` from grants g`
	if limit > 0 {
		from = ` from (select g.group_id, g.user_id from grants g` + of + `
				group by g.group_id, g.user_id order by g.group_id, g.user_id limit ` + w.arg(limit) + `) m
			join grants g on g.tenant_id = $1 and g.group_id = m.group_id and g.user_id = m.user_id`
	}
	return registerColumns + from + of + registerOrder, w.args
}

// ExceptionalGrants implements membership.Reader.
func (s *session) ExceptionalGrants(
	ctx context.Context, after membership.ExceptionCursor, limit int,
) iter.Seq2[membership.RegisterRow, error] {
	if after.Kind.OfNames() {
		return s.exceptionalNames(ctx, after, limit)
	}
	query, args := exceptionsQuery(s, after, limit)
	return s.register(ctx, query, args, registerDest)
}
