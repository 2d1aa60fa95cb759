package main

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/db/dbtest/cluster"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	citusShards = 6               // two for each of three workers
	moveStops   = 3 * time.Second // a tenant that moves, at most; promised is less (docs/citus.md)
	citusOutage = 10 * time.Second
)

// A tenant moves to another node while it is used: nothing is lost, and nothing waits long.
func TestCitusMovesATenant(t *testing.T) {
	c := startCitus(t)
	moved, stays := c.tenantAt(t, 1), c.tenantAt(t, 2)
	writers, stop := moved.write(t)
	others, stopOthers := stays.write(t)
	both := slices.Concat(writers, others)
	both.awaitAnswers(t, time.Now(), answeredWithin)
	both.forgetLongest()
	began := time.Now()
	c.owner(t, fmt.Sprintf("select citus_move_shard_placement("+
		"get_shard_id_for_distribution_column('tenants', '%s'::uuid), '127.0.0.1', %d, '127.0.0.1', %d)",
		moved.tenant.TenantID, c.nodes[1].Port(), c.nodes[2].Port()))
	took := time.Since(began)
	time.Sleep(time.Second)
	stop()
	stopOthers()
	require.EqualValues(t, 2, c.nodeOf(t, moved.tenant.TenantID))
	t.Logf("moved in %s; the longest answer took %s, elsewhere %s; %d acknowledged", took.Round(time.Millisecond),
		writers.longest().Round(time.Millisecond), others.longest().Round(time.Millisecond), both.acknowledged())
	assert.Less(t, both.longest(), moveStops)
	assert.Zero(t, both.refused())
	assert.Empty(t, both.wrong())
	c.server.stop(t)
	moved.compare(t, writers)
	stays.compare(t, others)
}

// A worker is away for ten seconds: its tenants get 503, and are back without a restart;
// others see nothing of it.
func TestCitusWithoutAWorker(t *testing.T) {
	c := startCitus(t)
	lost, stays := c.tenantAt(t, 1), c.tenantAt(t, 2)
	writers, stop := lost.write(t)
	others, stopOthers := stays.write(t)
	slices.Concat(writers, others).awaitAnswers(t, time.Now(), answeredWithin)
	others.forgetLongest()
	require.NoError(t, c.nodes[1].Kill())
	time.Sleep(citusOutage)
	res, err := http.Get(c.server.base + "/readyz")
	require.NoError(t, err)
	_ = res.Body.Close()
	assert.Equal(t, http.StatusOK, res.StatusCode, "the store can be reached")
	require.NoError(t, c.nodes[1].Restart())
	returned := time.Now()
	back := writers.awaitAnswers(t, returned, answeredWithin)
	stop()
	stopOthers()
	t.Logf("served again %s after the return of the worker, %d refused; the longest answer elsewhere took %s",
		back.Sub(returned).Round(time.Millisecond), writers.refused(), others.longest().Round(time.Millisecond))
	assert.Positive(t, writers.refused())
	assert.Less(t, back.Sub(returned), backWithin)
	assert.Zero(t, others.refused())
	assert.Less(t, others.longest(), time.Second)
	assert.Empty(t, slices.Concat(writers, others).wrong())
	c.server.stop(t)
	lost.compare(t, writers)
	stays.compare(t, others)
}

// A worker is added and takes its part of the shards while tenants are used.
func TestCitusTakesAWorker(t *testing.T) {
	c := startCitus(t)
	p := c.tenantAt(t, 1)
	writers, stop := p.write(t)
	writers.awaitAnswers(t, time.Now(), answeredWithin)
	bin, err := cluster.Find()
	require.NoError(t, err)
	added, err := cluster.StartCitusNode(bin, false)
	require.NoError(t, err)
	t.Cleanup(added.Stop)
	at := address(t, added.URL())
	require.NoError(t, cluster.Exec(t.Context(), at, "create extension citus"))
	require.NoError(t, cluster.Exec(t.Context(), address(t, c.nodes[0].URL()),
		fmt.Sprintf("select citus_add_node('%s', %s)", at.Hostname(), at.Port())))
	c.owner(t, "select citus_rebalance_start()")
	c.owner(t, "select citus_rebalance_wait()")
	stop()
	require.EqualValues(t, citusShards/3, c.shardsAt(t, 3))
	require.EqualValues(t, 3, c.nodeOf(t, c.tenantAt(t, 3).tenant.TenantID), "new tenants come to it")
	assert.Zero(t, writers.refused())
	assert.Empty(t, writers.wrong())
	c.server.stop(t)
	p.compare(t, writers)
}

// A store of one machine goes to several with all that it has, and any of them serves it.
func TestCitusTakesAStore(t *testing.T) {
	c := citusNodes(t)
	var urls []*url.URL
	for _, n := range c.nodes {
		urls = append(urls, address(t, n.URL()))
	}
	// As on one machine: one role has the tables, and serves.
	require.NoError(t, cluster.Exec(t.Context(), urls[0], citusServes,
		"grant create on schema public to bridge"))
	c.url = as(t, urls[0], "bridge")
	p := &pair{url: c.url, server: start(t, c.url), tenant: tenancy(t, c.url)}
	p.group = scimCaller(p.server, p.tenant).group(t, "before")
	writers, stop := p.write(t)
	writers.awaitAnswers(t, time.Now(), answeredWithin)
	stop()
	p.server.stop(t)

	require.NoError(t, cluster.JoinCitus(t.Context(), urls))
	_, err := runProcess(t, c.url, "serve")
	require.ErrorContains(t, err, "run scimbridge migrate", "a server does not do it by itself")
	said, err := runProcess(t, c.url, "migrate", "--dry-run")
	require.NoError(t, err)
	require.Contains(t, said, "tables to the nodes of Citus")
	roles := slices.DeleteFunc(slices.Clone(citusRoles), func(s string) bool { return s == citusServes })
	require.NoError(t, cluster.Exec(t.Context(), urls[0], slices.Concat(roles, []string{
		"reassign owned by bridge to owner", "revoke create on schema public from bridge",
		"grant select, insert, update, delete on all tables in schema public to bridge",
		"grant usage, select on all sequences in schema public to bridge",
	})...))
	_, err = runProcess(t, as(t, urls[0], "owner"), "migrate", "--citus")
	require.NoError(t, err)
	for _, u := range []*url.URL{urls[0], urls[2]} { // the coordinator, and a worker
		p.url = as(t, u, "bridge")
		p.server = start(t, p.url)
		assert.NotContains(t, p.server.logged(), "bypasses row-level security")
		scim := scimCaller(p.server, p.tenant)
		patch := func(op string, users ...string) {
			scim.must(t, http.StatusNoContent, http.MethodPatch, "/Groups/"+p.group, memberPatch(op, users...))
		}
		one, other := scim.user(t, "one at "+u.Host), scim.user(t, "other at "+u.Host)
		patch("add", one)
		patch("remove", one)
		patch("add", one, other)
		patch("remove", other)
		p.server.stop(t)
		members, told := afterwards(t, p.url, p.tenant.TenantID, p.group)
		assert.Equal(t, []bool{true, false}, []bool{members[one], members[other]})
		assert.Equal(t, []int{3, 2}, []int{told[one], told[other]}, "events")
	}
	// The owner is not held by row-level security there, which a server says.
	owner := start(t, as(t, urls[0], "owner"))
	assert.Contains(t, owner.logged(), "bypasses row-level security")
	owner.stop(t)
	p.compare(t, writers)
}

// citusNodes are a coordinator and two workers that are no Citus yet.
func citusNodes(t *testing.T) *citus {
	t.Helper()
	bin := citusPrograms(t)
	c := &citus{}
	for range 3 {
		n, err := cluster.StartCitusNode(bin, false)
		require.NoError(t, err)
		t.Cleanup(n.Stop)
		c.nodes = append(c.nodes, n)
	}
	return c
}

// citus is a server over a coordinator and two workers of its own.
type citus struct {
	nodes  []*cluster.Cluster
	url    string
	server *process
}

// citusPrograms are those of PostgreSQL with Citus, where the tests run on one.
func citusPrograms(t *testing.T) cluster.Binaries {
	t.Helper()
	dbtest.NeedsCitus(t)
	bin, err := cluster.Find()
	require.NoError(t, err)
	return bin
}

// startCitus makes one where the tests run on a Citus, as it is installed there.
func startCitus(t *testing.T) *citus {
	t.Helper()
	c := startCitusOf(t, citusPrograms(t), 2, false, citusShards)
	c.server = start(t, c.url)
	return c
}

const citusServes = "create role bridge login nosuperuser nobypassrls"

// citusRoles are as docs/citus.md has them.
var citusRoles = []string{
	"create role owner login nosuperuser nobypassrls", citusServes, "grant create on schema public to owner",
	"alter role bridge set lock_timeout = '8s'", "alter role bridge set jit = off",
	"alter default privileges for role owner grant select, insert, update, delete on tables to bridge",
	"alter default privileges for role owner grant usage, select on sequences to bridge",
}

// startCitusOf makes one of a number of workers, and migrates it.
func startCitusOf(t testing.TB, bin cluster.Binaries, workers int, durable bool, shards int) *citus {
	t.Helper()
	c := &citus{}
	var err error
	c.nodes, err = cluster.StartCitus(bin, durable, workers)
	require.NoError(t, err)
	for _, n := range c.nodes {
		t.Cleanup(n.Stop)
	}
	coordinator := address(t, c.nodes[0].URL())
	require.NoError(t, cluster.Exec(t.Context(), coordinator, citusRoles...))
	c.url = as(t, coordinator, "bridge")
	coordinator.RawQuery += "&citus.shard_count=" + strconv.Itoa(shards)
	_, err = runProcess(t, as(t, coordinator, "owner"), "migrate", "--citus")
	require.NoError(t, err)
	return c
}

func address(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	require.NoError(t, err)
	return u
}

func as(t testing.TB, u *url.URL, role string) string {
	t.Helper()
	other := *u
	other.User = url.User(role)
	return other.String()
}

func (c *citus) owner(t *testing.T, statement string) {
	t.Helper()
	require.NoError(t, cluster.Exec(t.Context(), address(t, as(t, address(t, c.nodes[0].URL()), "owner")), statement))
}

// nodeOf is the number of the node that a tenant is at.
func (c *citus) nodeOf(t *testing.T, tenant membership.ID) int {
	t.Helper()
	return c.number(t, `select groupid from pg_dist_placement
		where shardid = get_shard_id_for_distribution_column('tenants', $1::uuid)`, tenant.String())
}

// shardsAt is how many shards a node has of each table of tenants.
func (c *citus) shardsAt(t *testing.T, node int) int {
	t.Helper()
	return c.number(t, `select count(*) from pg_dist_placement
		join pg_dist_shard using (shardid) where logicalrelid = 'tenants'::regclass and groupid = $1`, node)
}

func (c *citus) number(t *testing.T, q string, args ...any) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.nodes[0].URL())
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	require.NoError(t, conn.QueryRow(t.Context(), q, args...).Scan(&n))
	return n
}

// tenantAt makes a tenant, and as many others as it takes until one is at a node.
func (c *citus) tenantAt(t *testing.T, node int) *pair {
	t.Helper()
	for range 50 {
		p := &pair{url: c.url, server: c.server, tenant: tenancy(t, c.url)}
		if c.nodeOf(t, p.tenant.TenantID) == node {
			p.group = scimCaller(p.server, p.tenant).group(t, "of node "+strconv.Itoa(node))
			return p
		}
	}
	require.Fail(t, "no tenant came to the node")
	return nil
}

// forgetLongest begins the longest answer anew.
func (ws failoverWriters) forgetLongest() {
	for _, w := range ws {
		w.mu.Lock()
		w.longest = 0
		w.mu.Unlock()
	}
}
