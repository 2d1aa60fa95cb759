// Package cluster runs PostgreSQL servers for tests: clusters of their own, in
// temporary folders, on free ports of the loopback interface. A cluster can have
// a streaming standby, and can be killed, frozen and promoted.
package cluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Cluster is a running PostgreSQL server and its files.
type Cluster struct {
	bin     Binaries
	dir     string // all it has on disk
	durable bool   // a commit waits for the disk
	citus   bool   // it is a node of a Citus cluster
	port    int
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the server is gone
}

// URL connects as the superuser.
func (c *Cluster) URL() string {
	return fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", c.Address())
}

// Address is host:port.
func (c *Cluster) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port)) }

// Port is where the server listens on the loopback interface.
func (c *Cluster) Port() int { return c.port }

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }
func (c *Cluster) log() string  { return filepath.Join(c.dir, "log") }

// Start makes a cluster and returns when it takes connections. One that is not
// durable loses what was written when the machine fails, and is the faster for
// it; synchronous_commit stays on, so that the order of commits is what it is in
// production.
func Start(bin Binaries, durable bool) (*Cluster, error) {
	return create(&Cluster{bin: bin, durable: durable}, initialize)
}

func initialize(c *Cluster) error {
	return c.run("initdb", "-D", c.data(), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C", "--no-sync")
}

// Standby makes a hot standby that follows c by streaming replication.
func (c *Cluster) Standby() (*Cluster, error) {
	return create(&Cluster{bin: c.bin, durable: c.durable}, func(s *Cluster) error {
		return s.run("pg_basebackup", "-D", s.data(), "-h", "127.0.0.1", "-p", strconv.Itoa(c.port), "-U", "postgres",
			"--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync")
	})
}

func create(c *Cluster, fill func(*Cluster) error) (_ *Cluster, err error) {
	if c.dir, err = os.MkdirTemp("", "postgres-cluster-"); err != nil {
		return nil, err
	}
	if err := errors.Join(giveAway(c.dir), fill(c)); err != nil {
		c.Stop()
		return nil, err
	}
	// Another process can take a free port before the server does.
	for attempt := 1; ; attempt++ {
		err := c.serve()
		if err == nil {
			return c, nil
		}
		if attempt == 3 {
			err = fmt.Errorf("%w\n%s", err, c.lastLog())
			c.Stop()
			return nil, err
		}
	}
}

// run runs one of PostgreSQL's programs to its end.
func (c *Cluster) run(name string, args ...string) error {
	cmd, err := c.command(name, args...)
	if err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// command prepares one of PostgreSQL's programs. They refuse to run as root, and
// the current directory may be closed to the user they run as instead.
func (c *Cluster) command(name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(c.bin.program(name), args...)
	cmd.Dir = c.dir
	var err error
	cmd.SysProcAttr, err = attributes()
	return cmd, err
}

func (c *Cluster) serve() (err error) {
	if c.port, err = freePort(); err != nil {
		return err
	}
	return c.serveAtPort()
}

func (c *Cluster) serveAtPort() (err error) {
	settings := []string{"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"}
	if !c.durable {
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	if c.citus {
		settings = append(settings, citusSettings...)
	}
	args := []string{"-D", c.data(), "-p", strconv.Itoa(c.port)}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	if c.cmd, err = c.command("postgres", args...); err != nil {
		return err
	}
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(ended)
	}(c.cmd, c.ended)
	if err := c.ready(time.Minute); err != nil {
		c.end()
		return err
	}
	return nil
}

// ready waits until the server writes into its pid file that it is; a port that
// answers would still refuse work.
func (c *Cluster) ready(limit time.Duration) error {
	deadline := time.After(limit)
	for {
		pid, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
		if lines := strings.Split(string(pid), "\n"); err == nil && len(lines) > 7 &&
			(strings.TrimSpace(lines[7]) == "ready" || strings.TrimSpace(lines[7]) == "standby") {
			return nil
		}
		select {
		case <-c.ended:
			return errors.New("PostgreSQL ended as soon as it was started")
		case <-deadline:
			return errors.New("PostgreSQL did not become ready in " + limit.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Promote makes a standby the primary, and returns when it takes writes.
func (c *Cluster) Promote() error { return c.run("pg_ctl", "promote", "-D", c.data(), "--wait") }

// end stops the server at once; nothing in it is kept.
func (c *Cluster) end() {
	quit(c.cmd.Process)
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// Stop ends the server, if there is one, and removes all files.
func (c *Cluster) Stop() {
	if c.ended != nil {
		c.end()
	}
	// Its children may write for a moment yet.
	for range 50 {
		if os.RemoveAll(c.dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	fmt.Fprintln(os.Stderr, "could not remove "+c.dir)
}

func (c *Cluster) lastLog() string {
	log, err := os.ReadFile(c.log())
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-2000):])
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
