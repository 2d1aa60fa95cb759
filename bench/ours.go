package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ours is what the tables call the server of this repository.
const ours = "scimbridge"

// build compiles the program.
func build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "scimbridge.exe") // a name that every system runs
	cmd := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", program,
		"github.com/scimbridge/scimbridge/cmd/scimbridge")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
}

// versionOf asks the program what it is.
func versionOf(ctx context.Context, program string) string {
	out, _ := exec.CommandContext(ctx, program, "version", "--json").Output()
	var is struct{ Version string }
	_ = json.Unmarshal(out, &is) // an older one may not tell
	return is.Version
}

// settings are those that differ from the defaults. There is no limit of
// requests, as that is what is measured. The removal guard counts as always and
// holds nothing: no share is larger than 100 percent.
func settings(address string) []string {
	set := []string{
		"SCIMBRIDGE_DATABASE_URL=" + address, "SCIMBRIDGE_LISTEN=127.0.0.1:0",
		"SCIMBRIDGE_RATE_LIMIT=0", "SCIMBRIDGE_REMOVAL_GUARD=100:100",
	}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SCIMBRIDGE_") {
			set = append(set, v)
		}
	}
	return set
}

// bootstrapped is what bootstrap prints.
type bootstrapped struct {
	TenantID     string `json:"tenant_id"`
	ConnectionID string `json:"connection_id"`
	SCIMToken    string `json:"scim_token"`
	APIToken     string `json:"api_token"`
}

// bootstrap makes a tenant with a connection and two tokens in a target's store.
func bootstrap(ctx context.Context, program string, t *target, tenant string) (made bootstrapped, err error) {
	cmd := exec.CommandContext(ctx, program, "bootstrap", "--tenant", tenant, "--idp", "entra", "--json")
	cmd.Env, cmd.Dir = settings(t.store), t.dir
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		return made, fmt.Errorf("bootstrap: %w\n%s", err, &problem)
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return made, fmt.Errorf("bootstrap: %w", err)
	}
	return made, nil
}

func (t *target) listensAt(address string, made bootstrapped) {
	t.scim = scimEndpoint(address, "/scim/v2", made.SCIMToken)
	t.native = endpoint{address: address, path: "/v1", header: "Authorization: Bearer " + made.APIToken +
		"\r\nX-Tenant-ID: " + made.TenantID + "\r\nContent-Type: application/json\r\n"}
}

// neighbour is another tenant of the same server.
func (t *target) neighbour(ctx context.Context, program string) (*target, error) {
	made, err := bootstrap(ctx, program, t, "Neighbour")
	if err != nil {
		return nil, err
	}
	n := &target{name: ours, made: made, groups: map[int]string{}}
	n.serve = func(context.Context) error { // by the process of t
		n.listensAt(t.scim.address, made)
		return nil
	}
	return n, n.serve(ctx)
}

// scimbridge starts ours, with a tenant, a connection and two tokens.
func (e engine) scimbridge(ctx context.Context, program string) (*target, error) {
	t, address, err := e.store(ctx, ours)
	if err != nil {
		return t, err
	}
	t.store = address
	made, err := bootstrap(ctx, program, t, "Bench")
	if err != nil {
		return t, err
	}
	t.made = made
	t.serve = func(ctx context.Context) error {
		cmd := exec.CommandContext(ctx, program, "serve")
		cmd.Env = settings(address)
		if t.limited {
			cmd.Env = append(cmd.Env, "SCIMBRIDGE_RATE_LIMIT=100")
		}
		if t.process, err = startProcess(cmd, t.dir); err != nil {
			return err
		}
		var listens string
		if err := t.process.await(func() bool {
			listens = listening(t.process.log)
			return listens != ""
		}); err != nil {
			return err
		}
		t.listensAt(listens, made)
		return nil
	}
	return t, t.serve(ctx)
}

func scimEndpoint(address, path, token string) endpoint {
	return endpoint{address: address, path: path,
		header: "Authorization: Bearer " + token + "\r\nContent-Type: application/scim+json\r\n"}
}

// listening finds in a server's log where it listens; empty: it does not yet.
func listening(log string) string {
	f, err := os.Open(log)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var entry struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &entry) == nil && entry.Msg == "listening" {
			return entry.Address
		}
	}
	return ""
}

// restart gives ours a process that has done nothing yet, on the same store.
func (t *target) restart(ctx context.Context) error {
	if t.serve == nil {
		return nil
	}
	t.process.stop()
	return t.serve(ctx)
}
