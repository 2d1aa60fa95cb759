package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// Patroni keeps two nodes, one of them a synchronous standby, and promotes by itself once
// the machine of the primary is gone: the server goes on, with all that was acknowledged.
// SCIMBRIDGE_TEST_PATRONI asks for it, as it takes a minute: make release-check does.
func TestPatroni(t *testing.T) {
	if os.Getenv("SCIMBRIDGE_TEST_PATRONI") == "" {
		t.Skip("NOT CHECKED: make release-check runs it")
	}
	dbtest.Wants(t, "postgres")
	for _, program := range []string{"patroni", "etcd", "haproxy"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip("NOT CHECKED: there is no " + program)
		}
	}
	owner, err := user.Lookup("postgres")
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "scimbridge-patroni-")
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	uid, gid := number(t, owner.Uid), number(t, owner.Gid)
	require.NoError(t, os.Chown(dir, uid, gid))
	run := func(name string, args ...string) *exec.Cmd {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C"}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		}
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &said, &said, time.Second
		require.NoError(t, cmd.Start())
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
			if t.Failed() {
				t.Log(name, said.String())
			}
		})
		return cmd
	}

	client, peer := freeAddress(t), freeAddress(t)
	run("etcd", "--data-dir", filepath.Join(dir, "etcd"), "--listen-client-urls=http://"+client,
		"--advertise-client-urls=http://"+client, "--listen-peer-urls=http://"+peer,
		"--initial-advertise-peer-urls=http://"+peer, "--initial-cluster=default=http://"+peer)
	bins, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	require.NoError(t, err)
	require.NotEmpty(t, bins)
	bin := bins[len(bins)-1]
	var nodes []*patroniNode
	for _, name := range []string{"one", "two"} {
		n := &patroniNode{data: filepath.Join(dir, name), address: freeAddress(t)}
		_, port, err := net.SplitHostPort(n.address)
		require.NoError(t, err)
		api := freeAddress(t)
		file := filepath.Join(dir, name+".yml")
		config := fmt.Sprintf(patroniConfig, name, api, api, client, n.address, n.address, n.data, bin, dir)
		require.NoError(t, os.WriteFile(file, []byte(config), 0o644)) //nolint:gosec // its user reads it
		n.patroni = run("patroni", file)
		t.Cleanup(func() { n.kill(t) })
		n.url = "postgres://postgres@127.0.0.1:" + port + "/postgres?sslmode=disable"
		nodes = append(nodes, n)
		require.Eventually(t, func() bool { // the first becomes the primary
			return n.ask(t, "select pg_is_in_recovery()") == strconv.FormatBool(len(nodes) == 2)
		}, time.Minute, 100*time.Millisecond)
	}
	primary, standby := nodes[0], nodes[1]
	require.Eventually(t, func() bool {
		return primary.ask(t, "select exists (select from pg_stat_replication where sync_state = 'sync')") == "true"
	}, time.Minute, 100*time.Millisecond, "there is no synchronous standby")
	primary.ask(t, "create role bridge login password 'bridge' nosuperuser nobypassrls")
	primary.ask(t, "create database bridge owner bridge")

	p := &pair{url: "postgres://bridge:bridge@" + primary.address + "," + standby.address + "/bridge?sslmode=disable"}
	p.tenant = tenancy(t, p.url)
	p.server, p.other = start(t, p.url), start(t, p.url)
	p.group = scimCaller(p.server, p.tenant).group(t, "failover")
	haproxyProgram, err := exec.LookPath("haproxy")
	require.NoError(t, err)
	p.proxy = haproxy(t, haproxyProgram, p.server, p.other)
	writers, stop := p.write(t)
	writers.awaitAnswers(t, time.Now(), answeredWithin)
	primary.kill(t)
	killed := time.Now()
	require.Eventually(t, func() bool { return standby.ask(t, "select pg_is_in_recovery()") == "false" }, time.Minute,
		10*time.Millisecond, "Patroni did not promote")
	promoted := time.Now()
	back := writers.awaitAnswers(t, promoted, answeredWithin)
	stop()
	t.Logf("%d acknowledged, %d refused; Patroni promoted after %s, writes were back %s after that; longest answer %s",
		writers.acknowledged(), writers.refused(), promoted.Sub(killed).Round(time.Millisecond),
		back.Sub(promoted).Round(time.Millisecond), writers.longest().Round(time.Millisecond))
	assert.Less(t, back.Sub(promoted), backWithin)
	assert.Less(t, writers.longest(), answeredWithin)
	assert.Empty(t, writers.wrong())
	p.verify(t, writers)
}

// patroniConfig takes the name, the address of its API twice, that of etcd, that of
// PostgreSQL twice, the data, the programs, and the folder of sockets.
const patroniConfig = `
scope: scimbridge
name: %s
restapi: {listen: "%s", connect_address: "%s"}
etcd3: {host: "%s"}
bootstrap:
  dcs: {ttl: 20, loop_wait: 1, retry_timeout: 3, synchronous_mode: true}
  initdb: [encoding: UTF8, {locale: C}, {auth: trust}]
  pg_hba: [host all all 127.0.0.1/32 trust, host replication all 127.0.0.1/32 trust]
postgresql:
  listen: "%s"
  connect_address: "%s"
  data_dir: %s
  bin_dir: %s
  pg_hba: [host all all 127.0.0.1/32 trust, host replication all 127.0.0.1/32 trust]
  authentication: {superuser: {username: postgres}, replication: {username: postgres}}
  parameters: {unix_socket_directories: %s, max_connections: 200, fsync: "off"}
`

// patroniNode is a PostgreSQL that Patroni runs.
type patroniNode struct {
	data, address, url string
	patroni            *exec.Cmd
	killed             bool
}

// ask returns what one statement answers; empty: it fails, or has no row.
func (n *patroniNode) ask(t *testing.T, statement string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 5*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, n.url)
	if err != nil {
		return ""
	}
	defer func() { _ = c.Close(ctx) }()
	var answer any
	if err := c.QueryRow(ctx, statement).Scan(&answer); err != nil {
		return ""
	}
	return fmt.Sprint(answer)
}

// kill ends all of a node at once, as if its machine were gone.
func (n *patroniNode) kill(t *testing.T) {
	t.Helper()
	if n.killed {
		return
	}
	n.killed = true
	_ = n.patroni.Process.Kill()
	text, err := os.ReadFile(filepath.Join(n.data, "postmaster.pid"))
	if err != nil {
		return
	}
	pid := number(t, strings.SplitN(string(text), "\n", 2)[0])
	_ = syscall.Kill(pid, syscall.SIGSTOP) // it starts no other meanwhile
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	_ = syscall.Kill(pid, syscall.SIGKILL)
	for _, child := range strings.Fields(string(children)) {
		_ = syscall.Kill(number(t, child), syscall.SIGKILL)
	}
}

func number(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(text))
	require.NoError(t, err)
	return n
}

func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer free.Close()
	return free.Addr().String()
}
