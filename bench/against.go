package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os/exec"
	"strconv"
	"strings"
)

// otherServer is a SCIM server to compare with: one that runs, or commands that
// start one.
type otherServer struct {
	name, token   string
	address, path string // no address: it is started
	commands      commands
}

// commands are lines for the shell, by engine; empty: none there.
type commands struct{ sqlite, postgres string }

// addURL reads NAME=URL,token=TOKEN.
func (o *options) addURL(text string) error {
	name, rest, ok := strings.Cut(text, "=")
	base, token, _ := strings.Cut(rest, ",token=")
	if !ok || name == "" {
		return errors.New("it has to be NAME=URL,token=TOKEN")
	}
	address, path, err := splitBase(base)
	if err != nil {
		return err
	}
	o.against = append(o.against, otherServer{name: name, token: token, address: address, path: path})
	return nil
}

// other starts the other server on a fresh store. It is nil if there is none for
// this engine.
func (e engine) other(ctx context.Context, s otherServer) (*target, error) {
	if s.address != "" {
		return &target{name: s.name, groups: map[int]string{}, scim: scimEndpoint(s.address, s.path, s.token)}, nil
	}
	line := s.commands.sqlite
	if e.postgres != nil {
		line = s.commands.postgres
	}
	if line == "" {
		return nil, nil
	}
	t, address, err := e.store(ctx, s.name)
	if err != nil {
		return t, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return t, err
	}
	line = strings.NewReplacer("{port}", strconv.Itoa(port), "{dir}", t.dir, "{database_url}", address).Replace(line)
	if t.process, err = startProcess(exec.CommandContext(ctx, "sh", "-c", line), t.dir); err != nil {
		return t, err
	}
	t.scim = scimEndpoint(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), s.path, s.token)
	err = t.process.await(func() bool {
		c, err := dial(t.scim.address)
		if err == nil {
			c.close()
		}
		return err == nil
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", s.name, err)
	}
	return t, err
}

func freePort(ctx context.Context) (int, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// splitBase takes a SCIM base URL apart. Only this machine is driven: no other
// server shall be hit by the load.
func splitBase(base string) (address, path string, err error) {
	u, err := url.Parse(base)
	if err != nil {
		return "", "", err
	}
	switch u.Hostname() {
	case "127.0.0.1", "::1", "localhost":
	default:
		return "", "", fmt.Errorf("%s is not this machine", u.Host)
	}
	if u.Scheme != "http" || u.Port() == "" {
		return "", "", fmt.Errorf("%s: the address has to be http://HOST:PORT/PATH", base)
	}
	return u.Host, strings.TrimSuffix(u.Path, "/"), nil
}
