package db

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"testing/fstest"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/scimbridge/scimbridge/db/dbtest/statements"
	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/db/sqlite"
	"github.com/scimbridge/scimbridge/membership"
)

// Prepare lets the engine read a query without running it.
func (s *Store) Prepare(ctx context.Context, q string) error {
	ctx = statements.OfTest(ctx)
	return s.engine.Read(ctx, membership.ID{}, func(t engine.Tx) error {
		if s.Engine() == "sqlite" {
			_, err := explainSQLite(ctx, t, q)
			return err
		}
		if _, err := t.Exec(ctx, "prepare tested as "+q); err != nil {
			return err
		}
		_, err := t.Exec(ctx, "deallocate tested")
		return err
	})
}

// Plan explains a query on SQLite, for lists of one and for longer ones.
func (s *Store) Plan(ctx context.Context, q string) (plan []string, err error) {
	err = s.engine.Read(ctx, membership.ID{}, func(t engine.Tx) error {
		plan, err = explainSQLite(ctx, t, q)
		return err
	})
	return plan, err
}

// explainSQLite binds values that do not matter.
func explainSQLite(ctx context.Context, t engine.Tx, q string) (plan []string, err error) {
	for _, value := range []any{nil, []membership.ID{{}, {}}} {
		args := make([]any, 30)
		for i := range args {
			args[i] = value
		}
		steps, err := list(ctx, &session{tx: t}, "explain query plan "+q, args, func(t *string) []any {
			return []any{new(int), new(int), new(int), t}
		})
		if err != nil {
			return nil, err
		}
		plan = append(plan, steps...)
	}
	return plan, nil
}

// OpenWithoutStatistics opens a store whose tables are not analyzed, as if they
// had not grown.
func OpenWithoutStatistics(ctx context.Context, url string) (*Store, error) {
	return Open(ctx, url, Options{noStatistics: true})
}

// Query runs any statement in the transaction of one tenant and returns its
// rows as text.
func (s *Store) Query(ctx context.Context, tenant membership.ID, q string, args ...any) (out []string, err error) {
	return s.query(ctx, tenant, nil, q, args)
}

// QueryEverywhere is Query of what forgets its tenant: a distributed database refuses it.
func (s *Store) QueryEverywhere(ctx context.Context, tenant membership.ID, q string) (out []string, err error) {
	return s.query(ctx, tenant, s.engine.Dialect().ListTenants[1:], q, nil)
}

func (s *Store) query(
	ctx context.Context, tenant membership.ID, before []string, q string, args []any,
) (out []string, err error) {
	ctx = statements.OfTest(ctx)
	err = s.engine.Read(ctx, tenant, func(t engine.Tx) error {
		in := &session{tx: t, store: s}
		if err := in.execAll(ctx, before...); err != nil {
			return err
		}
		out, err = list(ctx, in, q, args, func(t *string) []any { return []any{t} })
		return err
	})
	return out, err
}

// MembersQuery is the text of a query that is put together at run time.
func MembersQuery(q membership.MemberQuery) string {
	text, _ := membersQuery(&session{}, membership.ID{}, q, q.Limit+1)
	return text
}

// ExplainMembers returns the plans that PostgreSQL makes of a list of members, and of
// their ids, for any values.
func ExplainMembers(
	ctx context.Context, s *Store, tenant, connection, group membership.ID, limit int,
) (plan []string, err error) {
	ctx = statements.OfTest(ctx)
	text, args := membersQuery(&session{tenant: tenant}, group, membership.MemberQuery{}, limit+1)
	err = s.engine.Read(ctx, tenant, func(t engine.Tx) error {
		in := &session{tx: t, tenant: tenant}
		for _, q := range []engine.Query{
			{Text: text, Args: args},
			{Text: qMemberIDs, Args: []any{tenant, group, connection, membership.ID{}, lastID}},
		} {
			values := make([]string, len(q.Args))
			for i, a := range q.Args {
				values[i] = fmt.Sprintf("'%v'", a)
			}
			if _, err := t.Exec(ctx, "prepare explained as "+q.Text); err != nil {
				return err
			}
			lines, err := list(ctx, in, "explain execute explained("+strings.Join(values, ", ")+")", nil,
				func(t *string) []any { return []any{t} })
			if err != nil {
				return err
			}
			plan = append(plan, lines...)
			if _, err := t.Exec(ctx, "deallocate explained"); err != nil {
				return err
			}
		}
		return nil
	})
	return plan, err
}

// EventsQuery is to NumberedEvents what MembersQuery is to Members.
func EventsQuery(f membership.EventFilter) string {
	text, _ := eventsQuery(&session{}, f)
	return text
}

// ExplainEvents returns the plan of an EventFilter.
func ExplainEvents(
	ctx context.Context, s *Store, tenant membership.ID, f membership.EventFilter,
) (plan []string, err error) {
	ctx = statements.OfTest(ctx)
	text, args := eventsQuery(&session{tenant: tenant}, f)
	err = s.engine.Read(ctx, tenant, func(t engine.Tx) error {
		if s.Engine() == "postgres" {
			plan, err = list(ctx, &session{tx: t}, "explain "+text, args, func(t *string) []any { return []any{t} })
			return err
		}
		plan, err = list(ctx, &session{tx: t}, "explain query plan "+text, args, func(t *string) []any {
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

// RegisterPageQueries are the queries of a page of the register.
func RegisterPageQueries(q membership.RegisterQuery) (queries []string) {
	v := registerWindow{RegisterQuery: q, from: registerBegin, to: registerEnd}
	if !q.Group.IsZero() {
		v.group = 1
	}
	for _, table := range tablesOf(q.AsOf) {
		end, _ := windowEndQuery(&session{}, table, v, 1)
		rows, _ := windowQuery(&session{}, table, v, 1)
		queries = append(queries, end, rows)
	}
	return queries
}

// SmallPages lets a page of the register look at few grants.
func SmallPages(t interface{ Cleanup(func()) }, window, most int) {
	was := registerLimits
	registerLimits.window, registerLimits.most = window, most
	t.Cleanup(func() { registerLimits = was })
}

// ExceptionsQuery is to ExceptionalGrants what MembersQuery is to Members.
func ExceptionsQuery(kind membership.ExceptionKind, limit int) string {
	text, _ := exceptionsQuery(&session{}, kind, 0, membership.ID{}, limit)
	return text
}

// Stamp is a time as an argument of Exec.
type Stamp = stamp

// Micros is a time of a grant as an argument of Exec.
type Micros = micros

// Exec runs a statement in a transaction of one tenant.
func (s *Store) Exec(ctx context.Context, tenant membership.ID, q string, args ...any) error {
	ctx = statements.OfTest(ctx)
	return s.engine.Update(ctx, tenant, func(t engine.Tx) error {
		_, err := t.Exec(ctx, q, args...)
		return err
	})
}

// MigrateTo brings the schema to an older version.
func (s *Store) MigrateTo(ctx context.Context, version int) error {
	files := fstest.MapFS{}
	for v := 1; v <= version; v++ {
		names, err := fs.Glob(Migrations, fmt.Sprintf("migrations/%s/%05d_*.sql", s.engine.Name(), v))
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := Migrations.ReadFile(name)
			if err != nil {
				return err
			}
			files[path.Base(name)] = &fstest.MapFile{Data: text}
		}
	}
	var inGo []*goose.Migration
	if version >= nameVersion {
		inGo = append(inGo, s.nameMigration())
	}
	return s.engine.Migrate(ctx, files, inGo...)
}

// MigrateWith is Migrate with more migrations, by the names of their files.
func (s *Store) MigrateWith(ctx context.Context, more map[string]string) error {
	return s.migrations(func(files fs.FS, inGo []*goose.Migration) error {
		all := fstest.MapFS{}
		for name, text := range more {
			all[name] = &fstest.MapFile{Data: []byte(text)}
		}
		names, err := fs.Glob(files, "*.sql")
		if err != nil {
			return err
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				return err
			}
			all[name] = &fstest.MapFile{Data: text}
		}
		return s.engine.Migrate(ctx, all, inGo...)
	})
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

// Waiting is how many writes of a group wait behind the one that is under way.
func (s *Store) Waiting(tenant, connection, group membership.ID) int {
	switch d := s.delta.(type) {
	case *sqliteDelta:
		return d.engine.WritesWaiting()
	case *postgresDelta:
		return d.queues.Waiting(engine.Link{Tenant: tenant, Connection: connection, Group: group})
	}
	panic("an engine that this test does not know")
}

// Queues is how many commit queues of links there are; SQLite has one for all.
func (s *Store) Queues() int {
	if d, ok := s.delta.(*postgresDelta); ok {
		return d.queues.Len()
	}
	return 0
}

// BreakSharedTransaction fails in the middle of a transaction that others share,
// as a defect of the engine would.
func (s *Store) BreakSharedTransaction(ctx context.Context, err error) error {
	return s.delta.(*sqliteDelta).engine.Write(ctx,
		sqlite.Write{Run: func(engine.Tx, *sqlite.Versions) error { return err }})
}

// Plans explains every query that fn runs. PostgreSQL tells the plan that is kept
// for any arguments, which is the one that is used.
func (s *Store) Plans(
	ctx context.Context, tenant membership.ID, fn func(membership.Reader) error,
) (plans []string, err error) {
	err = s.engine.Read(ctx, tenant, func(t engine.Tx) error {
		explained := &explainingTx{Tx: t, explain: explainPostgres}
		if s.Engine() == "sqlite" {
			explained.explain = explainOnSQLite
		}
		err := fn(&session{tx: explained, store: s, tenant: tenant})
		plans = explained.plans
		return err
	})
	return plans, err
}

// explainingTx asks for the plan of each query before it runs it.
type explainingTx struct {
	engine.Tx
	explain func(ctx context.Context, t engine.Tx, q string, args []any) ([]string, error)
	plans   []string
}

func (t *explainingTx) Query(ctx context.Context, q string, args ...any) (engine.Rows, error) {
	plan, err := t.explain(ctx, t.Tx, q, args)
	if err != nil {
		return nil, err
	}
	t.plans = append(t.plans, strings.Join(plan, "\n"))
	return t.Tx.Query(ctx, q, args...)
}

func explainOnSQLite(ctx context.Context, t engine.Tx, q string, args []any) ([]string, error) {
	return list(ctx, &session{tx: t}, "explain query plan "+q, args, func(t *string) []any {
		return []any{new(int), new(int), new(int), t}
	})
}

func explainPostgres(ctx context.Context, t engine.Tx, q string, args []any) ([]string, error) {
	ctx = statements.OfTest(ctx)
	if _, err := t.Exec(ctx, "prepare explained as "+q); err != nil {
		return nil, err
	}
	plan, err := list(ctx, &session{tx: t},
		"explain execute explained(null"+strings.Repeat(", null", len(args)-1)+")", nil,
		func(t *string) []any { return []any{t} })
	if err != nil {
		return nil, err
	}
	_, err = t.Exec(ctx, "deallocate explained")
	return plan, err
}

// Within runs statements in one transaction that others share.
func (s *Store) Within(ctx context.Context, fn func(exec func(q string) error) error) error {
	ctx = statements.OfTest(ctx)
	return s.engine.Update(ctx, membership.ID{}, func(t engine.Tx) error {
		return fn(func(text string) error {
			_, err := t.Exec(ctx, text)
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
	ctx = statements.OfTest(ctx)
	err = s.engine.Read(ctx, membership.ID{}, func(t engine.Tx) error {
		return (&session{tx: t}).one(ctx, "row", q, args,
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

// CarryEvents carries the events of before migration 21 over: some in small steps, as
// if it was stopped then, and the rest from where it was.
func (s *Store) CarryEvents(ctx context.Context, tenant membership.ID) error {
	defer func(was int) { eventStep = was }(eventStep)
	eventStep = 5
	for _, next := range []nextBefore{numberedBefore, numberedBefore, numberedBefore, pendingBefore, pendingBefore} {
		if _, err := s.carryNext(ctx, tenant, next); err != nil {
			return err
		}
	}
	return s.carryEvents(ctx, tenant, &carryProgress{log: s.log})
}

// CarrySteps sets how many rows of before a step carries over, until the test ends.
func CarrySteps(t interface{ Cleanup(func()) }, n int) {
	was, wasEvents := carryStep, eventStep
	carryStep, eventStep = n, n
	t.Cleanup(func() { carryStep, eventStep = was, wasEvents })
}

// StopCarrying calls stop after so many steps of grants, once.
func StopCarrying(t interface{ Cleanup(func()) }, steps int, stop func()) {
	carried = func() {
		if steps--; steps == 0 {
			stop()
		}
	}
	t.Cleanup(func() { carried = func() {} })
}

// TenantsBefore lists the tenants of a store that was not migrated.
func (s *Store) TenantsBefore(ctx context.Context) (tenants []membership.ID, err error) {
	ctx = statements.OfTest(ctx)
	err = s.engine.Read(ctx, membership.ID{}, func(t engine.Tx) error {
		tenants, err = (&session{tx: t, store: s}).ids(ctx, qAllTenants)
		return err
	})
	return tenants, err
}

// GrantsBefore are all grants of a tenant of a store that was not migrated.
func (s *Store) GrantsBefore(ctx context.Context, tenant membership.ID) (grants []membership.Grant, err error) {
	ctx = statements.OfTest(ctx)
	err = s.engine.Read(ctx, tenant, func(t engine.Tx) error {
		grants, err = list(ctx, &session{tx: t, store: s, tenant: tenant},
			`select id, group_id, user_id, connection_id, member_since,
				opened_at, opened_by_kind, opened_by_id, opened_request, opened_reason,
				closed_at, coalesce(closed_by_kind, ''), coalesce(closed_by_id, ''), coalesce(closed_request, ''),
				coalesce(closed_reason, '')
			from grants where tenant_id = $1`, []any{tenant}, func(g *membership.Grant) []any {
				return []any{
					&g.ID, &g.Group, &g.User, &g.Connection, (*stamp)(&g.MemberSince),
					(*stamp)(&g.OpenedAt), (*string)(&g.OpenedBy.Kind), &g.OpenedBy.ID, &g.OpenedRequest,
					&g.OpenedReason,
					(*stamp)(&g.ClosedAt), (*string)(&g.ClosedBy.Kind), &g.ClosedBy.ID, &g.ClosedRequest,
					&g.ClosedReason,
				}
			})
		return err
	})
	return grants, err
}
