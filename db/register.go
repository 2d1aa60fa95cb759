package db

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// A grant is in the register whatever became of its user.
const (
	registerColumns = `, coalesce(u.user_name, ''), coalesce(u.email, ''), coalesce(u.name, ''),
		coalesce(u.active, false), u.deleted_at`
	registerUser = ` {maybe users u on u.tenant_id = $1 and u.id = g.user_id}`
)

type registerRow struct {
	grantRow
	row membership.RegisterRow
}

func registerDest(r *registerRow) []any {
	u := &r.row.User
	return append(append(grantDest(&r.grantRow), grantEndDest(&r.grantRow)...),
		&u.UserName, &u.Email, &u.Name, &u.Active, (*stamp)(&r.row.UserDeletedAt))
}

// registerQuery writes the query of a RegisterQuery, from its beginning.
func registerQuery(s *session, q membership.RegisterQuery) (string, []any) {
	w := newWhere(s.tenant)
	if !q.Group.IsZero() {
		w.and(`g.group_no = `+noOfGroup, q.Group)
		w.WriteString(`)`)
	}
	ofSources(w, q)
	user := userArg(w, q)
	return openAsOf(w, q.AsOf, "g", func(table, open string) string {
		return selectRegister(table, q, user) + ` and ` + open + w.String()
	}) + byGroup, w.args
}

// ofSources adds the conditions on where a grant comes from.
func ofSources(w *where, q membership.RegisterQuery) {
	if !q.Connection.IsZero() {
		w.and(`g.connection_no = `+noOfConnection, q.Connection)
		w.WriteString(`)`)
	}
	switch q.Source {
	case membership.SourceLocal:
		w.WriteString(` and g.connection_no = 0`)
	case membership.SourceSCIM:
		w.WriteString(` and g.connection_no <> 0`)
	}
}

// userArg is the argument that is the user of a query; empty: it is of any.
func userArg(w *where, q membership.RegisterQuery) string {
	if q.User.IsZero() {
		return ``
	}
	return w.arg(q.User)
}

// grantsFrom is where the grants of a source are found, with the condition that says so:
// local ones that are open have an index of their own.
func grantsFrom(table string, source membership.Source) (from, of string) {
	if table == `grants` && source == membership.SourceLocal {
		return `grants g {index grants_local}`, ` and g.connection_no = 0`
	}
	return table + ` g`, ``
}

// selectRegister begins the query of the rows of a table, all or those of a user;
// conditions follow.
func selectRegister(table string, q membership.RegisterQuery, user string) string {
	from, of := grantsFrom(table, q.Source)
	end := grantEnd
	if table == `grants` {
		end = grantNoEnd
	}
	switch {
	case user == ``:
	case table == `grants`:
		from, of = `grants g {index grants_of_user}`, ` and g.user_id = `+user
	case !q.Group.IsZero():
		of = ` and g.user_id = ` + user
	default: // the past is by groups: a user's is looked for in each
		from = `groups o {lookup past_grants g on g.tenant_id = $1 and g.group_no = o.no and g.user_id = ` +
			user + `}`
		of = ` and o.tenant_id = $1`
	}
	return `select ` + ofTable(table, grantColumns) + end + registerColumns + ` from ` + from + registerUser + `
		where g.tenant_id = $1` + of
}

// Register implements membership.Reader.
func (s *session) Register(ctx context.Context, q membership.RegisterQuery) iter.Seq2[membership.RegisterRow, error] {
	query, args := registerQuery(s, q)
	return func(yield func(membership.RegisterRow, error) bool) {
		names := actorNames{s: s}
		for part, err := range s.register(ctx, q.AsOf, query, args) {
			if err == nil {
				err = names.fillIn(ctx, part)
			}
			if !yieldAll(part, err, yield) {
				return
			}
		}
	}
}

// partOfRegister is how many grants are read at a time.
const partOfRegister = 1000

// register reads the grants of a query in parts. Each has all grants that its users
// have in a group, the oldest first.
func (s *session) register(
	ctx context.Context, at membership.AsOf, query string, args []any,
) iter.Seq2[[]membership.RegisterRow, error] {
	return func(yield func([]membership.RegisterRow, error) bool) {
		cursor, err := s.cursor(ctx, query, args...)
		if err != nil {
			yield(nil, err)
			return
		}
		defer cursor.Close(ctx) //nolint:errcheck // it ends with the transaction in any case
		var begun []registerRow // of the last user of a part
		for more := true; more; {
			var part []registerRow
			if err = cursor.Next(ctx, partOfRegister, func(rs engine.Rows) (err error) {
				part, err = collect(make([]registerRow, 0, partOfRegister), engine.Each(rs, registerDest))
				return err
			}); err != nil {
				break
			}
			more = len(part) == partOfRegister
			part, begun = append(begun, part...), nil
			if more {
				end := len(part) - 1
				for end > 0 && part[end-1].sameMember(&part[end]) {
					end--
				}
				begun, part = slices.Clone(part[end:]), part[:end]
			}
			var rows []membership.RegisterRow
			if rows, err = s.registerRows(ctx, at, part); err != nil || !yield(rows, nil) {
				break
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

func (r *registerRow) sameMember(o *registerRow) bool { return r.group == o.group && r.user == o.user }

const qRegisterGroups = `select o.no, o.id, o.display_name, o.kind, o.deleted_at from groups o {index groups_no}
	where o.tenant_id = $1 and o.no {in numbers $2}`

// registerRows completes a part of the register.
func (s *session) registerRows(
	ctx context.Context, at membership.AsOf, part []registerRow,
) ([]membership.RegisterRow, error) {
	type group struct {
		no int64
		membership.RegisterRow
	}
	var found []group
	groups := map[int64]*group{}
	for i := range part {
		note(groups, part[i].group)
	}
	if len(groups) == 0 {
		return nil, nil
	}
	grants := pointers(part, func(r *registerRow) *grantRow { return &r.grantRow })
	if err := s.endsAsOf(ctx, at, grants); err != nil {
		return nil, err
	}
	facts, err := s.factsOf(ctx, grants,
		all(&found, qRegisterGroups, []any{s.tenant, numbers(groups)}, func(g *group) []any {
			return []any{&g.no, &g.Group.ID, &g.Group.DisplayName, (*string)(&g.Group.Kind),
				(*stamp)(&g.GroupDeletedAt)}
		}))
	if err != nil {
		return nil, err
	}
	for i := range found {
		groups[found[i].no] = &found[i]
	}
	out := make([]membership.RegisterRow, len(part))
	for i := range part {
		r, g, source := &part[i], groups[part[i].group], facts.source(&part[i].grantRow, groups[part[i].group].Group.ID)
		out[i] = r.row
		out[i].Grant, out[i].ConnectionName = source.Grant, source.ConnectionName
		out[i].Group, out[i].GroupDeletedAt = g.Group, g.GroupDeletedAt
		out[i].Group.Tenant = s.tenant
		out[i].User.Tenant, out[i].User.ID = s.tenant, r.user
	}
	for first := 0; first < len(part); {
		n := 1
		for first+n < len(part) && part[first+n].sameMember(&part[first]) {
			n++
		}
		if n > 1 {
			slices.SortFunc(out[first:first+n], func(a, b membership.RegisterRow) int {
				return compareOpening(&a.Grant, &b.Grant)
			})
		}
		first += n
	}
	return out, nil
}

// yieldAll yields rows, or the error that came instead of them.
func yieldAll(rows []membership.RegisterRow, err error, yield func(membership.RegisterRow, error) bool) bool {
	if err != nil {
		yield(membership.RegisterRow{}, err)
		return false
	}
	for _, r := range rows {
		if !yield(r, nil) {
			return false
		}
	}
	return true
}

// actorNames finds what is called by the ids of actors: a connection, a token, or the
// user that the subject of a JWT names.
type actorNames struct {
	s     *session
	known map[membership.Actor]string
}

// knownActors bounds how many names are kept.
const knownActors = 10_000

const (
	qActorConnections = `select n.id, n.name from connections n where n.tenant_id = $1 and n.id {in $2}`
	qActorTokens      = `select n.id, n.name from tokens n where n.tenant_id = $1 and n.id {in $2}`
	qActorUsers       = `select n.id, n.user_name from users n where n.tenant_id = $1 and n.id {in $2}`
)

func (a *actorNames) fillIn(ctx context.Context, rows []membership.RegisterRow) error {
	if a.known == nil || len(a.known) > knownActors {
		a.known = map[membership.Actor]string{}
	}
	asked := map[membership.Actor]membership.ID{}
	for i := range rows {
		for _, actor := range []membership.Actor{rows[i].Grant.OpenedBy, rows[i].Grant.ClosedBy} {
			if _, known := a.known[actor]; !known {
				a.known[actor] = ""
				if id, err := membership.ParseID(actor.ID); err == nil {
					asked[actor] = id
				}
			}
		}
	}
	if err := a.read(ctx, asked); err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		r.OpenedByName, r.ClosedByName = a.known[r.Grant.OpenedBy], a.known[r.Grant.ClosedBy]
	}
	return nil
}

func (a *actorNames) read(ctx context.Context, asked map[membership.Actor]membership.ID) error {
	if len(asked) == 0 {
		return nil
	}
	type named struct {
		id   membership.ID
		name string
	}
	var connections, tokens, users []named
	dest := func(n *named) []any { return []any{&n.id, &n.name} }
	args := []any{a.s.tenant, slices.Collect(maps.Values(asked))}
	if err := a.s.pipeline(ctx, all(&connections, qActorConnections, args, dest),
		all(&tokens, qActorTokens, args, dest), all(&users, qActorUsers, args, dest)); err != nil {
		return err
	}
	names, others := map[membership.ID]string{}, map[membership.ID]string{}
	for _, n := range connections {
		names[n.id] = n.name
	}
	for _, n := range slices.Concat(users, tokens) {
		others[n.id] = n.name
	}
	for actor, id := range asked {
		if actor.Kind == membership.ActorConnection {
			a.known[actor] = names[id]
		} else {
			a.known[actor] = others[id]
		}
	}
	return nil
}
