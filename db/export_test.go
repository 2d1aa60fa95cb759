package db

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"testing/fstest"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Prepare lets the engine read a query without running it.
func (s *Store) Prepare(ctx context.Context, q string) error {
	return s.engine.view(ctx, membership.ID{}, func(c querier) error {
		switch c := c.(type) {
		case *pgTransaction:
			_, err := c.conn.Prepare(ctx, "", pgText(q))
			return err
		case *sqliteConn:
			for _, one := range []bool{true, false} {
				st, _, err := c.conn.PrepareTransient(sqliteStatement{q, one}.expanded())
				if err != nil {
					return err
				}
				if err := st.Finalize(); err != nil {
					return err
				}
			}
			return nil
		}
		panic("an engine that this test does not know")
	})
}

// Plan explains a query on SQLite, for lists of one and for longer ones.
func (s *Store) Plan(ctx context.Context, q string) (plan []string, err error) {
	err = s.engine.view(ctx, membership.ID{}, func(c querier) error {
		for _, one := range []bool{true, false} {
			text := "explain query plan " + sqliteStatement{q, one}.expanded()
			steps, err := list(ctx, &session{querier: unbound{c}}, text, nil, func(t *string) []any {
				return []any{new(int), new(int), new(int), t}
			})
			if err != nil {
				return err
			}
			plan = append(plan, steps...)
		}
		return nil
	})
	return plan, err
}

// unbound runs statements whose arguments do not matter.
type unbound struct{ querier }

func (u unbound) query(ctx context.Context, q string, _ ...any) (rows, error) {
	return u.querier.query(ctx, q, make([]any, 30)...)
}

// StartParameters are what a connection to PostgreSQL asks for when it starts.
func StartParameters(url string) (map[string]string, error) {
	c, err := postgresConfig(url)
	if err != nil {
		return nil, err
	}
	return c.ConnConfig.RuntimeParams, nil
}

// Query runs any statement in the transaction of one tenant and returns its
// rows as text.
func (s *Store) Query(ctx context.Context, tenant membership.ID, q string, args ...any) (out []string, err error) {
	err = s.engine.view(ctx, tenant, func(c querier) error {
		out, err = list(ctx, &session{querier: c}, q, args, func(t *string) []any { return []any{t} })
		return err
	})
	return out, err
}

// MembersQuery is the text of a query that is put together at run time.
func MembersQuery(q membership.MemberQuery) string {
	text, _ := membersQuery(&session{}, membership.ID{}, q)
	return text
}

// EventsQuery is to NumberedEvents what MembersQuery is to Members.
func EventsQuery(f membership.EventFilter) string {
	text, _ := eventsQuery(&session{}, f)
	return text
}

// ExplainEvents returns the plan of an EventFilter.
func ExplainEvents(ctx context.Context, s *Store, tenant membership.ID, f membership.EventFilter) (plan []string, err error) {
	text, args := eventsQuery(&session{tenant: tenant}, f)
	err = s.engine.view(ctx, tenant, func(c querier) error {
		if s.Engine() == "postgres" {
			plan, err = list(ctx, &session{querier: c}, "explain "+text, args, func(t *string) []any { return []any{t} })
			return err
		}
		plan, err = list(ctx, &session{querier: c}, "explain query plan "+text, args, func(t *string) []any {
			return []any{new(int), new(int), new(int), t}
		})
		return err
	})
	return plan, err
}

// NativeQueries are the texts of the lists of users and of groups.
func NativeQueries(q membership.NativeQuery) (users, groups string) {
	users, _ = usersQuery(&session{}, q)
	groups, _ = groupsQuery(&session{}, q)
	return users, groups
}

// RegisterQuery is to Register what MembersQuery is to Members.
func RegisterQuery(q membership.RegisterQuery) string {
	text, _ := registerQuery(&session{}, q)
	return text
}

// ExceptionsQuery is to ExceptionalGrants what MembersQuery is to Members.
func ExceptionsQuery(after membership.ExceptionPlace, limit int) string {
	text, _ := exceptionsQuery(&session{}, after, limit)
	return text
}

// Stamp is a time as an argument of Exec.
type Stamp = stamp

// Exec runs a statement in a transaction of one tenant.
func (s *Store) Exec(ctx context.Context, tenant membership.ID, q string, args ...any) error {
	return s.engine.update(ctx, tenant, func(c querier) error {
		_, err := c.exec(ctx, q, args...)
		return err
	})
}

// MigrateTo brings the schema to an older version.
func (s *Store) MigrateTo(ctx context.Context, version int) error {
	files := fstest.MapFS{}
	for v := 1; v <= version; v++ {
		names, err := fs.Glob(migrations, fmt.Sprintf("migrations/%s/%05d_*.sql", s.engine.name(), v))
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := migrations.ReadFile(name)
			if err != nil {
				return err
			}
			files[path.Base(name)] = &fstest.MapFile{Data: text}
		}
	}
	return s.engine.migrate(ctx, files) // without what is in Go
}

// WholePages lets pages of more than n resources be selected by their keys.
func WholePages(t interface{ Cleanup(func()) }, n int) {
	was := wholePage
	wholePage = n
	t.Cleanup(func() { wholePage = was })
}

// HoldMembers sets how many members a filter may look into, until the test ends.
func HoldMembers(t interface{ Cleanup(func()) }, n int) {
	was := maxFilteredMembers
	maxFilteredMembers = n
	t.Cleanup(func() { maxFilteredMembers = was })
}

// Waiting is how many writes of a group stand in the line behind the one that
// is under way.
func (s *Store) Waiting(tenant, connection, group membership.ID) int {
	switch e := s.engine.(type) {
	case *sqliteEngine:
		return e.writers.count()
	case *postgresEngine:
		e.writers.mu.Lock()
		defer e.writers.mu.Unlock()
		if l := e.writers.of[memberLine{tenant, connection, group}]; l != nil {
			return l.count()
		}
	}
	return 0
}

func (l *line[T]) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// Lines is how many lines there are; SQLite has one for good.
func (s *Store) Lines() int {
	if e, ok := s.engine.(*postgresEngine); ok {
		e.writers.mu.Lock()
		defer e.writers.mu.Unlock()
		return len(e.writers.of)
	}
	return 0
}

// BreakSharedTransaction fails in the middle of a transaction that others share,
// as a defect of the engine would.
func (s *Store) BreakSharedTransaction(ctx context.Context, err error) error {
	return s.engine.(*sqliteEngine).writers.do(ctx, sqliteWrite{fn: func(querier) error { return err }})
}

// PagePlan explains the query that loads one page of a connection's users.
func (s *Store) PagePlan(ctx context.Context, tenant, connection membership.ID, q membership.ViewQuery) (plan []string, err error) {
	err = s.engine.view(ctx, tenant, func(c querier) error {
		in := &session{querier: c, engine: s.engine, tenant: tenant}
		_, err := viewOf[membership.UserLink]{
			columns: userFilter, table: "user_links", from: userLinkColumns,
			load: func(ctx context.Context, q string, args ...any) (none []membership.UserLink, err error) {
				explain, dest := "explain ", func(t *string) []any { return []any{t} }
				if s.Engine() == "sqlite" {
					explain, dest = "explain query plan ", func(t *string) []any { return []any{new(int), new(int), new(int), t} }
				}
				plan, err = list(ctx, in, explain+q, args, dest)
				return nil, err
			},
		}.page(ctx, in, connection, q)
		return err
	})
	return plan, err
}

// WithoutStatistics leaves the tables without, as if the store had not grown.
func (s *Store) WithoutStatistics() {
	stats := s.engine.(*postgresEngine).stats
	stats.directory.next.Store(0)
	stats.grants.next.Store(0)
}

// Within runs statements in one transaction that others share.
func (s *Store) Within(ctx context.Context, fn func(exec func(q string) error) error) error {
	return s.engine.update(ctx, membership.ID{}, func(q querier) error {
		return fn(func(text string) error {
			_, err := q.exec(ctx, text)
			return err
		})
	})
}

// Translate is the error that callers see.
func (s *Store) Translate(err error) error { return s.translate(err) }

// Row is one row of every kind of value.
type Row struct {
	None, ID   membership.ID
	At         time.Time
	Text       string
	Empty, Nil []byte
	Int        int64
	Bool       bool
	Name       string
}

// Values reads one.
func Values(ctx context.Context, s *Store, q string, args ...any) (r Row, err error) {
	err = s.engine.view(ctx, membership.ID{}, func(c querier) error {
		return (&session{querier: c}).one(ctx, "row", q, args,
			&r.None, &r.ID, (*stamp)(&r.At), &r.Text, &r.Empty, &r.Nil, &r.Int, &r.Bool, &r.Name)
	})
	return r, err
}

// ForgetFaults lets the next question about readiness find out anew.
func ForgetFaults(s *Store) {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	s.health.fault, s.health.tried = nil, time.Time{}
}

// SetScanTime sets how long scans may take, and returns what undoes it.
func SetScanTime(d time.Duration) (undo func()) {
	before := scanTime
	scanTime = d
	return func() { scanTime = before }
}

// ScansOfTenant is how many scans of one tenant run or wait.
const ScansOfTenant = scansOfTenant + scansWaiting
