package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	crowdMembers = 5000
	largeUsers   = 40
	largeUser    = 228_000 // bytes
)

// crowdedTenant is a tenant with a large group and large users.
type crowdedTenant struct {
	auth.Bootstrapped
	group, user membership.ID
}

func (s testServer) crowded(t *testing.T) (c crowdedTenant) {
	t.Helper()
	c.Bootstrapped = s.bootstrap(t)
	ctx, now := t.Context(), time.Now().UTC().Truncate(time.Microsecond)
	call := membership.Call{
		Tenant: c.TenantID, Connection: c.ConnectionID, RequestID: "test",
		Actor: membership.Actor{Kind: membership.ActorConnection, ID: c.ConnectionID.String()},
	}
	var delta membership.MemberDelta
	require.NoError(t, s.store.Update(ctx, c.TenantID, func(tx membership.Tx) error {
		for i := range crowdMembers {
			name := fmt.Sprintf("user%05d", i)
			u := membership.User{
				Tenant: c.TenantID, ID: membership.NewID(), UserName: name, Name: name, Origin: membership.SourceSCIM,
				Active:    true,
				CreatedAt: now, UpdatedAt: now,
			}
			l := membership.UserLink{
				Tenant: c.TenantID, Connection: c.ConnectionID, User: u.ID, UserName: name, Active: true,
				Attributes: []byte(`{}`),
				Version:    1, CreatedAt: now, LastModified: now,
			}
			if i < largeUsers {
				l.Attributes = []byte(`{"title":"` + strings.Repeat("x", largeUser) + `"}`)
			}
			if err := tx.InsertUser(ctx, u); err != nil {
				return err
			}
			if err := tx.InsertUserLink(ctx, l); err != nil {
				return err
			}
			delta.Add(u.ID)
			c.user = u.ID
		}
		return nil
	}))
	d := membership.NewDirectory(s.store, allowed{}, membership.Options{})
	l, err := d.ProvisionGroup(ctx, call, membership.GroupLink{DisplayName: "crowd"}, delta)
	require.NoError(t, err)
	c.group = l.Group
	return c
}

type allowed struct{}

func (allowed) Allow(context.Context, membership.Question) error { return nil }

// unread sends requests and reads nothing of the answers: what the kernel takes of
// them is little. The function that it returns closes the connections.
func (s testServer) unread(t *testing.T, n int, path string, header http.Header) func() {
	t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF,
				4096) //nolint:gosec // a file descriptor
		})
	}}
	var all []net.Conn
	for range n {
		conn, err := dialer.DialContext(t.Context(), "tcp", s.address)
		require.NoError(t, err)
		all = append(all, conn)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://x"+path, nil)
		require.NoError(t, err)
		r.Header = header
		require.NoError(t, r.Write(conn))
	}
	return func() {
		for _, c := range all {
			_ = c.Close()
		}
	}
}

// A caller that asks for every list there is, many times, and reads nothing of it
// stops no other: their reads and writes are answered, the server is ready, and its
// memory is bounded.
func TestAnswersThatNobodyReads(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		p := usualPhases
		p.stall = 10 * time.Minute // none is cut off
		s := newTestServerOf(t, p, func(c *config.Config) {
			c.DatabaseURL, c.RateLimit = config.DatabaseURL(url), 0
		})
		theirs, ours := s.crowded(t), s.bootstrap(t)
		s.serving(t)
		scim := http.Header{"Authorization": {"Bearer " + theirs.SCIMToken}}
		native := http.Header{"Authorization": {"Bearer " + theirs.APIToken}, "X-Tenant-Id": {theirs.TenantID.String()}}
		heap := func() int64 {
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			return int64(m.HeapAlloc) //nolint:gosec // far below
		}
		before := heap()
		for _, list := range []struct {
			path   string
			header http.Header
		}{
			{"/scim/v2/Groups/" + theirs.group.String(), scim},
			{"/scim/v2/Groups/" + theirs.group.String() + "?attributes=members.display", scim},
			{"/scim/v2/Groups", scim},
			{"/scim/v2/Users?count=1000", scim},
			{"/scim/v2/Users?count=1000&cursor=", scim},
			{"/scim/v2?count=1000", scim},
			{"/v1/groups/" + theirs.group.String() + "/members", native},
			{"/v1/groups/" + theirs.group.String() + "/members?limit=1000", native},
			{"/v1/users?limit=1000", native},
			{"/v1/audit/events?limit=1000", native},
			{"/v1/audit/register", native},
			{"/v1/audit/register?format=csv", native},
		} {
			end := s.unread(t, 40, list.path, list.header)
			for range 3 {
				s.answersOthers(t, ours, list.path)
			}
			require.Less(t, heap()-before, int64(150<<20), list.path)
			end()
		}
	})
}

// answersOthers lets a tenant read and write.
func (s testServer) answersOthers(t *testing.T, b auth.Bootstrapped, while string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // two seconds, and a busy machine
	defer cancel()
	send := func(method, path, token, body string) {
		r, err := http.NewRequestWithContext(ctx, method, "http://"+s.address+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("X-Tenant-ID", b.TenantID.String())
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		require.NoError(t, err, "%s %s while nobody reads %s", method, path, while)
		answer, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Less(t, res.StatusCode, 300, "%s %s while nobody reads %s: %s", method, path, while, answer)
	}
	send("POST", "/scim/v2/Users", b.SCIMToken, `{"userName":"`+membership.NewID().String()+`"}`)
	send("GET", "/scim/v2/Users?filter=userName%20eq%20%22x%22", b.SCIMToken, "")
	send("GET", "/v1/users", b.APIToken, "")
	send("GET", "/v1/audit/exceptions?format=csv", b.APIToken, "")
	send("GET", "/readyz", "", "")
}

// A group's members are those of its version, whatever changes them meanwhile.
func TestMembersAreThoseOfTheVersion(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := newTestServer(t, func(c *config.Config) {
			c.DatabaseURL, c.RateLimit = config.DatabaseURL(url), 0
		})
		c := s.crowded(t)
		s.serving(t)
		group := "http://" + s.address + "/scim/v2/Groups/" + c.group.String()
		send := func(method, body string) []byte {
			r, err := http.NewRequestWithContext(t.Context(), method, group, strings.NewReader(body))
			require.NoError(t, err)
			r.Header.Set("Authorization", "Bearer "+c.SCIMToken)
			res, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			require.Less(t, res.StatusCode, 300, "%s", b)
			return b
		}
		changing, stop := context.WithCancel(t.Context())
		changed := make(chan struct{})
		go func() { // every version has one member more or less than the one before
			defer close(changed)
			for i := 0; changing.Err() == nil; i++ {
				op := `{"op":"remove","path":"members[value eq \"` + c.user.String() + `\"]"}`
				if i%2 == 1 {
					op = `{"op":"add","path":"members","value":[{"value":"` + c.user.String() + `"}]}`
				}
				send("PATCH", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+op+`]}`)
			}
		}()
		versions := map[string]bool{}
		for range 40 {
			var g struct {
				Meta    struct{ Version string }
				Members []struct{ Value membership.ID }
			}
			require.NoError(t, json.Unmarshal(send("GET", ""), &g))
			var version int
			_, err := fmt.Sscanf(g.Meta.Version, `W/"%d"`, &version)
			require.NoError(t, err)
			require.Len(t, g.Members, crowdMembers-(version+1)%2, "version %d", version)
			versions[g.Meta.Version] = true
		}
		stop()
		<-changed
		require.Greater(t, len(versions), 1)
	})
}
