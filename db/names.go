package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// Whatever became of them: nothing that has a name is ever deleted, but issuers.
const qNames = `select 0, u.id, u.user_name from users u where u.tenant_id = $1 and u.id {in $2}
	union all select 1, g.id, g.display_name from groups g where g.tenant_id = $1 and g.id {in $3}
	union all select 2, c.id, c.name from connections c where c.tenant_id = $1 and c.id {in $4}
	union all select 3, t.id, t.name from tokens t where t.tenant_id = $1 and t.id {in $5}
	union all select 4, i.id, i.issuer from issuers i where i.tenant_id = $1 and i.id {in $6}`

// Names implements membership.Reader.
func (s *session) Names(ctx context.Context, q membership.NameQuery) (n membership.Names, err error) {
	of := []*map[membership.ID]string{&n.Users, &n.Groups, &n.Connections, &n.Tokens, &n.Issuers}
	for _, m := range of {
		*m = map[membership.ID]string{}
	}
	type row struct {
		what int
		id   membership.ID
		name string
	}
	args := []any{s.tenant, q.Users, q.Groups, q.Connections, q.Tokens, q.Issuers}
	for r, err := range stream(ctx, s, qNames, args, func(r *row) []any { return []any{&r.what, &r.id, &r.name} }) {
		if err != nil {
			return n, err
		}
		(*of[r.what])[r.id] = r.name
	}
	return n, nil
}
