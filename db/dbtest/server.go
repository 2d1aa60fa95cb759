package dbtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest/cluster"
)

// databaseServer is the PostgreSQL of the tests: one server, or the nodes of a Citus.
type databaseServer struct {
	nodes []*url.URL // the superuser's, the coordinator of a Citus first
	owner string     // the role that databases belong to
}

// ownerOfCitus is a role of its own: row-level security does not hold for it there.
const ownerOfCitus = "scimbridge_owner"

// testServer finds the server of SCIMBRIDGE_TEST_DATABASE_URL. Where that is the
// coordinator of a Citus, each database is on all of its nodes.
var testServer = sync.OnceValues(func() (*databaseServer, error) {
	u, err := url.Parse(os.Getenv("SCIMBRIDGE_TEST_DATABASE_URL"))
	if err != nil {
		return nil, err
	}
	nodes, err := citusNodes(u)
	if err != nil {
		return nil, err
	}
	s := &databaseServer{nodes: []*url.URL{u}, owner: role}
	roles := []string{role}
	if len(nodes) > 0 {
		s.nodes, s.owner = nodes, ownerOfCitus
		roles = append(roles, ownerOfCitus)
	}
	for _, r := range roles {
		if err := s.each(`do $$ begin
				create role ` + r + ` login password '` + password + `' nosuperuser nobypassrls;
			exception when duplicate_object or unique_violation then null; end $$`); err != nil {
			return nil, err
		}
	}
	return s, nil
})

// citusNodes are those of a Citus, its coordinator first; of a plain server there are none.
func citusNodes(server *url.URL) (nodes []*url.URL, err error) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, server.String())
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close(ctx) }()
	var citus bool
	if err := c.QueryRow(ctx, `select to_regclass('pg_dist_node') is not null`).Scan(&citus); err != nil || !citus {
		return nil, err
	}
	rs, err := c.Query(ctx, `select nodename, nodeport from pg_dist_node where noderole = 'primary' order by groupid`)
	if err != nil {
		return nil, err
	}
	var host string
	var port int
	_, err = pgx.ForEachRow(rs, []any{&host, &port}, func() error {
		u := *server
		u.Host = fmt.Sprint(host, ":", port)
		nodes = append(nodes, &u)
		return nil
	})
	return nodes, err
}

// PlainPlans skips a test of PostgreSQL's plans on a Citus: there are none that hold for all
// values there, and each shard's are those that the test sees on a plain server.
func PlainPlans(t testing.TB, engine string) {
	t.Helper()
	if IsCitus(t, engine) {
		t.Skip("it looks at plans of plain PostgreSQL")
	}
}

// IsCitus reports whether the engine of a test is a Citus.
func IsCitus(t testing.TB, engine string) bool {
	t.Helper()
	if engine != "postgres" {
		return false
	}
	Wants(t, engine)
	server, err := testServer()
	require.NoError(t, err)
	return len(server.nodes) > 1
}

// NeedsCitus skips a test of what only a Citus does where the tests do not run on one.
func NeedsCitus(t testing.TB) {
	t.Helper()
	if !IsCitus(t, "postgres") {
		t.Skip("NOT CHECKED: these tests do not run on a Citus")
	}
}

// OwnerURL is that of a test's database for the role that it belongs to.
func OwnerURL(t testing.TB, database string) string {
	t.Helper()
	server, err := testServer()
	require.NoError(t, err)
	u, err := url.Parse(database)
	require.NoError(t, err)
	u.User = url.UserPassword(server.owner, password)
	return u.String()
}

// each runs statements on each node.
func (s *databaseServer) each(statements ...string) error {
	for _, u := range s.nodes {
		if err := cluster.Exec(context.Background(), u, statements...); err != nil {
			return err
		}
	}
	return nil
}

func in(u *url.URL, database string) *url.URL {
	other := *u
	other.Path = "/" + database
	return &other
}

func (s *databaseServer) create(name, template string) error {
	statement := "create database " + name + " template " + template + " owner " + s.owner
	errs := make([]error, len(s.nodes))
	var copies sync.WaitGroup
	for i, u := range s.nodes {
		copies.Go(func() {
			errs[i] = cluster.Exec(context.Background(), u, statement)
		})
	}
	copies.Wait()
	return errors.Join(errs...)
}

// drop tries again where a node of a Citus connects to another just then.
func (s *databaseServer) drop(name string) (err error) {
	for range 50 {
		err = s.each("drop database if exists " + name + " with (force)")
		var pe *pgconn.PgError
		if !errors.As(err, &pe) || pe.Code != "55006" {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return err
}

// join makes the databases of that name one, where the server is a Citus. What its owner
// makes there, the role of the tests may use.
func (s *databaseServer) join(name string) error {
	if len(s.nodes) == 1 {
		return nil
	}
	var nodes []*url.URL
	for _, u := range s.nodes {
		nodes = append(nodes, in(u, name))
	}
	if err := cluster.JoinCitus(context.Background(), nodes); err != nil {
		return err
	}
	return cluster.Exec(context.Background(), nodes[0],
		"alter default privileges for role "+s.owner+" grant select, insert, update, delete on tables to "+role,
		"alter default privileges for role "+s.owner+" grant usage, select on sequences to "+role)
}

// keep gives a database its name, to be copied from then on: what a Citus runs in
// the background would else be connected to it.
func (s *databaseServer) keep(half, name string) error {
	return s.each("alter database "+half+" allow_connections false",
		"select pg_terminate_backend(pid) from pg_stat_activity where datname = '"+half+"'",
		"alter database "+half+" rename to "+name)
}

// url is that of a database for a role.
func (s *databaseServer) url(database, user string) string {
	u := in(s.nodes[0], database)
	u.User = url.UserPassword(user, password)
	return u.String()
}
