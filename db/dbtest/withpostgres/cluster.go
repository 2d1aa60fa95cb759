package main

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

// cluster is a running PostgreSQL that nobody else knows of.
type cluster struct {
	dir     string // all it has on disk
	durable bool   // a commit waits for the disk
	port    int
	cmd     *exec.Cmd
	ended   chan struct{} // closed when the server is gone
}

func (c *cluster) url() string {
	return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", c.port)
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }
func (c *cluster) log() string  { return filepath.Join(c.dir, "log") }

// start makes a cluster and returns when it takes connections.
func start(bin binaries, durable bool) (*cluster, error) {
	dir, err := os.MkdirTemp("", "withpostgres-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, durable: durable}
	if err := c.init(bin); err != nil {
		c.stop()
		return nil, err
	}
	// Somebody else can take a free port before the server does.
	for attempt := 1; ; attempt++ {
		err := c.serve(bin)
		if err == nil {
			return c, nil
		}
		if attempt == 3 {
			err = fmt.Errorf("%w\n%s", err, c.lastWords())
			c.stop()
			return nil, err
		}
	}
}

func (c *cluster) init(bin binaries) error {
	if err := giveAway(c.dir); err != nil {
		return err
	}
	initdb, err := c.command(bin, "initdb", "-D", c.data(), "-A", "trust", "-U", "postgres",
		"-E", "UTF8", "--locale=C", "--no-sync")
	if err != nil {
		return err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// command prepares one of PostgreSQL's programs. It refuses to run as root, and
// the current directory may be closed to the user it runs as instead.
func (c *cluster) command(bin binaries, name string, args ...string) (*exec.Cmd, error) {
	cmd := exec.Command(bin.program(name), args...)
	cmd.Dir = c.dir
	var err error
	cmd.SysProcAttr, err = server()
	return cmd, err
}

func (c *cluster) serve(bin binaries) error {
	var err error
	if c.port, err = freePort(); err != nil {
		return err
	}
	settings := []string{
		"listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"}
	if !c.durable {
		// The data need not outlive the machine; synchronous_commit stays on,
		// so that the order of commits is what it is in production.
		settings = append(settings, "fsync=off", "full_page_writes=off")
	}
	args := []string{"-D", c.data(), "-p", strconv.Itoa(c.port)}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	if c.cmd, err = c.command(bin, "postgres", args...); err != nil {
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
func (c *cluster) ready(limit time.Duration) error {
	deadline := time.After(limit)
	for {
		pid, err := os.ReadFile(filepath.Join(c.data(), "postmaster.pid"))
		if lines := strings.Split(string(pid), "\n"); err == nil && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" {
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

// end stops the server at once; nothing in it is kept.
func (c *cluster) end() {
	quit(c.cmd.Process)
	select {
	case <-c.ended:
	case <-time.After(10 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// stop ends the server, if there is one, and removes all files.
func (c *cluster) stop() {
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
	say("could not remove %s", c.dir)
}

func (c *cluster) lastWords() string {
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
