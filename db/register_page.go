package db

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// A page of the register is read in windows: so many grants of each table in the order of
// their keys, of which some are what is asked for. The first is small, as nearly all pages
// are filled by it; a page for which few grants match ends after the last, and tells how
// far it came. So a page costs what it shows, or what it looks at.
var registerLimits = struct{ window, grows, most int }{
	window: 1_000,
	grows:  8,
	most:   73_000, // three windows
}

// registerPlace is a member in the order of the register, with the number of the group.
type registerPlace struct {
	group int64
	user  membership.ID
}

var (
	registerBegin = registerPlace{group: math.MinInt64}
	registerEnd   = registerPlace{group: math.MaxInt64, user: lastID}
)

func (p registerPlace) compare(o registerPlace) int {
	return cmp.Or(cmp.Compare(p.group, o.group), p.user.Compare(o.user))
}

func (r *registerRow) place() registerPlace { return registerPlace{r.group, r.user} }

// registerWindow is what of the register is looked at: behind from, up to to.
type registerWindow struct {
	membership.RegisterQuery
	group    int64 // the one that is asked for; 0: any
	from, to registerPlace
}

// tablesOf are those that have grants of a time.
func tablesOf(t membership.AsOf) []string {
	if t.Time.IsZero() {
		return []string{"grants"}
	}
	return []string{"grants", "past_grants"}
}

// between adds the condition on the keys of a window.
func (v registerWindow) between(w *where) {
	if v.group != 0 {
		w.and(`g.group_no =`, v.group)
		if v.Users != nil {
			w.WriteString(` and g.user_id {in ` + w.arg(v.Users) + `}`)
			return
		}
		w.and(`g.user_id >`, v.from.user)
		w.and(`g.user_id <=`, v.to.user)
		return
	}
	w.WriteString(` and (g.group_no, g.user_id) > (` + w.arg(v.from.group) + `, ` + w.arg(v.from.user) + `)
		and (g.group_no, g.user_id) <= (` + w.arg(v.to.group) + `, ` + w.arg(v.to.user) + `)`)
}

const byKey = ` order by g.group_no, g.user_id limit `

// windowEndQuery finds the last member of a window of n grants in a table: there is none
// if the table has less.
func windowEndQuery(s *session, table string, v registerWindow, n int) (string, []any) {
	w := newWhere(s.tenant)
	from, of := grantsFrom(table, v.Source)
	v.between(w)
	return `select g.group_no, g.user_id from ` + from + ` where g.tenant_id = $1` + of + w.String() + byKey +
		`1 offset ` + w.arg(n-1), w.args
}

// windowQuery writes the query of at most n rows of a window in a table.
func windowQuery(s *session, table string, v registerWindow, n int) (string, []any) {
	w := newWhere(s.tenant)
	present, past := v.conditions(w)
	if table == `past_grants` {
		present = past
	}
	user := userArg(w, v.RegisterQuery)
	ofSources(w, v.RegisterQuery)
	v.between(w)
	return selectRegister(table, v.RegisterQuery, user) + ` and ` + present + w.String() + byKey + w.arg(n), w.args
}

// conditions are those of the grants that a page is of, in each of the tables.
func (v registerWindow) conditions(w *where) (present, past string) {
	if v.ChangedSince.IsZero() {
		return openConditions(w, v.AsOf, "g")
	}
	since := w.arg(micros(v.ChangedSince))
	return `(g.opened_at > ` + since + ` or g.expires_at is not null)`, `g.closed_at > ` + since
}

// RegisterPage implements membership.Reader.
func (s *session) RegisterPage(
	ctx context.Context, q membership.RegisterQuery, limit int,
) (p membership.RegisterPage, err error) {
	v, err := s.firstWindow(ctx, q)
	if err != nil {
		if membership.KindOf(err) == membership.KindNotFound { // a group that is not there has no members
			err = nil
		}
		return p, err
	}
	rows, next, err := s.lookThrough(ctx, v, limit)
	if err != nil {
		return p, err
	}
	if p.Part = len(rows) < limit && next != nil; next != nil {
		p.Next = &membership.RegisterPlace{User: next.user}
		if err := s.one(ctx, "group", qRegisterGroup, []any{s.tenant, next.group}, &p.Next.Group); err != nil {
			return p, err
		}
	}
	if p.Rows, err = s.registerRows(ctx, q.AsOf, rows); err != nil {
		return p, err
	}
	return p, (&actorNames{s: s}).fillIn(ctx, p.Rows)
}

// firstWindow begins where the page does.
func (s *session) firstWindow(ctx context.Context, q membership.RegisterQuery) (registerWindow, error) {
	v := registerWindow{RegisterQuery: q, from: registerBegin}
	if err := s.groupNo(ctx, q.Group, &v.group); err != nil || q.After.Group.IsZero() {
		return v, err
	}
	v.from.user = q.After.User
	return v, s.groupNo(ctx, q.After.Group, &v.from.group)
}

const qRegisterGroup = `select o.id from groups o {index groups_no} where o.tenant_id = $1 and o.no = $2`

// groupNo reads the number of a group; the zero one has none.
func (s *session) groupNo(ctx context.Context, id membership.ID, no *int64) error {
	if id.IsZero() {
		return nil
	}
	return s.one(ctx, "group", qGroupNo, []any{s.tenant, id}, no)
}

// lookThrough reads window after window until there is a page. next is where the page
// after it begins; nil: there is none.
func (s *session) lookThrough(
	ctx context.Context, v registerWindow, limit int,
) (rows []registerRow, next *registerPlace, err error) {
	for size, looked := max(registerLimits.window, 2*limit), 0; ; size *= registerLimits.grows {
		if err := s.endWindow(ctx, &v, size); err != nil {
			return nil, nil, err
		}
		some, err := s.rowsOfWindow(ctx, &v, limit+1)
		if err != nil {
			return nil, nil, err
		}
		rows, looked = append(rows, some...), looked+size
		if n := wholePart(rows, limit); n < len(rows) {
			last := rows[n-1].place()
			return rows[:n], &last, nil
		}
		if v.to == registerEnd {
			return rows, nil, nil
		}
		if looked >= registerLimits.most {
			return rows, &v.to, nil
		}
		v.from = v.to
	}
}

// endWindow sets where a window ends: where the first of the tables has so many grants.
func (s *session) endWindow(ctx context.Context, v *registerWindow, size int) error {
	v.to = registerEnd
	if !v.User.IsZero() || v.Users != nil { // whose grants are few
		return nil
	}
	tables := tablesOf(v.AsOf)
	ends := make([][]registerPlace, len(tables))
	queries := make([]engine.Query, len(tables))
	for i, table := range tables {
		text, args := windowEndQuery(s, table, *v, size)
		queries[i] = all(&ends[i], text, args, func(p *registerPlace) []any { return []any{&p.group, &p.user} })
	}
	if err := s.pipeline(ctx, queries...); err != nil {
		return err
	}
	for _, end := range slices.Concat(ends...) {
		if end.compare(v.to) < 0 {
			v.to = end
		}
	}
	return nil
}

// rowsOfWindow are the first rows of a window, about n of each table, in the order of
// their members, each with all of its grants. It ends the window where they end.
func (s *session) rowsOfWindow(ctx context.Context, v *registerWindow, n int) ([]registerRow, error) {
	tables := tablesOf(v.AsOf)
	for ; ; n *= 2 { // until there is a whole member
		parts := make([][]registerRow, len(tables))
		queries := make([]engine.Query, len(tables))
		for i, table := range tables {
			text, args := windowQuery(s, table, *v, n)
			queries[i] = all(&parts[i], text, args, registerDest)
		}
		if err := s.pipeline(ctx, queries...); err != nil {
			return nil, err
		}
		var cut *registerPlace // the first member of whom there may be more
		for _, part := range parts {
			if len(part) < n {
				continue
			}
			if last := part[n-1].place(); cut == nil || last.compare(*cut) < 0 {
				cut = &last
			}
		}
		rows := slices.Concat(parts...)
		slices.SortStableFunc(rows, func(a, b registerRow) int { return a.place().compare(b.place()) })
		if cut == nil {
			return rows, nil
		}
		whole := slices.IndexFunc(rows, func(r registerRow) bool { return r.place().compare(*cut) >= 0 })
		if whole > 0 {
			v.to = rows[whole-1].place()
			return rows[:whole], nil
		}
	}
}

// wholePart is how many rows are a page: it ends with the last grant of a member. It is all
// of them if there is no other member behind it.
func wholePart(rows []registerRow, limit int) int {
	n := min(limit, len(rows))
	for n > 0 && n < len(rows) && rows[n].sameMember(&rows[n-1]) {
		n++
	}
	return n
}
