package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// attack is what one tenant, or somebody without a credential, does to a server:
// so many clients do run again and again, or one request is sent once.
type attack struct {
	name    string
	clients int
	run     func(ctx context.Context) // until it has failed, or ctx ends
	large   func() error              // the one request
}

// start begins the attack. What it returns waits for its end.
func (a attack) start(ctx context.Context) (wait func()) {
	var all sync.WaitGroup
	for range a.clients {
		all.Go(func() {
			for ctx.Err() == nil {
				a.run(ctx)
				select { // what was refused is tried again, at a pace
				case <-ctx.Done():
				case <-time.After(20 * time.Millisecond):
				}
			}
		})
	}
	return all.Wait
}

// attacks are those that once stopped a server, by a tenant with a group of so
// many members.
func (t *target) attacks(size int) ([]attack, error) {
	weak, err := t.weakToken()
	if err != nil {
		return nil, err
	}
	address, group := t.scim.address, t.groups[size]
	members := t.native.request("GET", "/groups/"+group+"/members", "")
	sorted := t.scim.request("GET", "/Users?sortBy=emails.value&count=10", "")
	malformed := t.scim.request("PATCH", "/Groups/"+group, malformedBody)
	form := []byte("POST /oauth2/token HTTP/1.1\r\nHost: x\r\n" +
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10000\r\n\r\n")
	docs := bytes.Repeat([]byte("GET /v1/docs HTTP/1.1\r\nHost: x\r\n\r\n"), 100)
	refused := weak.request("GET", "/users", "")
	policy := t.native.request("PUT", "/policies/long", longPolicy())
	register := "/audit/register?as_of=" + time.Now().UTC().Format(time.RFC3339)
	return []attack{
		{name: "unread /v1 members", clients: 16, run: unread(address, members)},
		{name: "unread SCIM group", clients: 16, run: unread(address, t.scim.request("GET", "/Groups/"+group, ""))},
		{name: "unread SCIM users", clients: 40, run: unread(address, t.scim.request("GET", "/Users?count=1000", ""))},
		{name: "unindexed sorts", clients: 60, run: repeating(address, sorted)},
		{name: "malformed bodies", clients: 4, run: repeating(address, malformed)},
		{name: "trickled forms", clients: 510, run: trickled(address, form)},
		{name: "pipelined docs", clients: 510, run: unread(address, docs)},
		{name: "refusals", clients: 8, run: repeating(address, refused)},
		{name: "policies", clients: 8, run: repeating(address, policy)},
		{name: "unread exports", clients: 8, run: unread(address, t.native.request("GET", register, ""))},
	}, nil
}

// malformedBody is a PATCH of 31 MB of what are no members.
var malformedBody = `{"Operations":[{"op":"add","path":"members","value":[` + strings.Repeat(`"a",`, 7_900_000) +
	`"a"]}]}`

// weakToken makes a token that may do nothing.
func (t *target) weakToken() (endpoint, error) {
	c, err := dial(t.native.address)
	if err != nil {
		return endpoint{}, err
	}
	defer c.close()
	var body bytes.Buffer
	if err := c.must(t.native.request("POST", "/tokens", `{"name":"weak","kind":"api","permissions":[]}`),
		&body); err != nil {
		return endpoint{}, err
	}
	var made struct{ Token string }
	if err := json.Unmarshal(body.Bytes(), &made); err != nil {
		return endpoint{}, err
	}
	weak := t.native
	_, rest, _ := strings.Cut(weak.header, "\r\n")
	weak.header = "Authorization: Bearer " + made.Token + "\r\n" + rest
	policy := t.native.request("POST", "/policies",
		`{"id":"long","cedar":"forbid (principal is Agent, action, resource);"}`)
	return weak, c.must(policy, &body)
}

// longPolicy is the body of a policy that takes long to read.
func longPolicy() string {
	const one = `permit (principal is Agent, action, resource) when { %s true };` + "\n"
	text := strings.Repeat(fmt.Sprintf(one, strings.Repeat("true && ", 900)), 8)
	body, _ := json.Marshal(map[string]string{"cedar": text}) // a string
	return string(body)
}

// unread sends a request and takes nothing of the answer.
func unread(address string, request []byte) func(context.Context) {
	return func(ctx context.Context) {
		withConnection(ctx, address, func(c *net.TCPConn) {
			_ = c.SetReadBuffer(4096)
			if _, err := c.Write(request); err != nil {
				return
			}
			for range 100 { // no client reads, so only writing shows whether it was cut off
				select {
				case <-ctx.Done():
					return
				case <-time.After(250 * time.Millisecond):
				}
				if _, err := c.Write([]byte("\r\n")); err != nil {
					return
				}
			}
		})
	}
}

// trickled sends the head of a request, and then a byte a second.
func trickled(address string, head []byte) func(context.Context) {
	return func(ctx context.Context) {
		withConnection(ctx, address, func(c *net.TCPConn) {
			for _, err := c.Write(head); err == nil; _, err = c.Write([]byte("a")) {
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Second):
				}
			}
		})
	}
}

// repeating sends a request again and again and reads the answers.
func repeating(address string, request []byte) func(context.Context) {
	return func(ctx context.Context) {
		withConnection(ctx, address, func(conn *net.TCPConn) {
			c := newConnection(conn)
			for ctx.Err() == nil {
				if _, err := c.do(request, nil); err != nil {
					return
				}
			}
		})
	}
}

// withConnection closes the connection when ctx ends, whatever do waits for.
func withConnection(ctx context.Context, address string, do func(*net.TCPConn)) {
	d := net.Dialer{Timeout: 2 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	defer func() { _ = conn.Close() }()
	do(conn.(*net.TCPConn)) //nolint:forcetypeassert // it was dialled so
}
