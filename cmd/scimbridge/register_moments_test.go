package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

// What the API said at ten moments of a random history, in which local grants end, is
// what the register says of them, and what the verifier recomputes from the exported
// events alone. A receiver of webhooks ends with the members that the lists show.
func TestTheRegisterOfTenMoments(t *testing.T) {
	t.Parallel()
	dbtest.EachURL(t, func(t *testing.T, store string) {
		file := filepath.Join(t.TempDir(), "seal.key")
		server := start(t, store, "--seal-key-file", file, "--allowed-networks=127.0.0.0/8")
		b := tenancy(t, store)
		told := newToldMembers(t)
		nativeCaller(server, b).must(t, http.StatusCreated, http.MethodPost, "/webhooks",
			fmt.Sprintf(`{"url":%q}`, told.url))
		h := newRandomTenant(t, server, b)
		t.Logf("seed %d", h.seed)
		const steps, wanted = 200, 10
		chosen := map[int]bool{steps - 1: true}
		for len(chosen) < wanted {
			chosen[30+h.r.IntN(steps-30)] = true
		}
		type moment struct {
			at   time.Time
			said map[string]bool
		}
		var moments []moment
		for i := range steps {
			h.step()
			if chosen[i] {
				var m moment
				for read := false; !read; read = !h.endsIn(m.at, time.Now()) { // which may take long
					h.awaitNoEnd()
					time.Sleep(20 * time.Millisecond)
					m.at = time.Now().UTC().Truncate(time.Microsecond)
					time.Sleep(20 * time.Millisecond)
					m.said = h.members()
				}
				moments = append(moments, m)
			}
		}
		// All ends pass; the job closes what has ended and the log is told of it.
		require.Eventually(t, func() bool { return told.same(h.members()) }, time.Minute, 200*time.Millisecond,
			"the lists and what the webhook was told")

		e, dir, sources, ending := h.native.exports(t), t.TempDir(), map[string]int{}, 0
		for i, m := range moments {
			status, text := h.native.text(t, "/audit/register?as_of="+url.QueryEscape(m.at.Format(time.RFC3339Nano)),
				"*/*")
			require.Equal(t, http.StatusOK, status, text)
			name := filepath.Join(dir, fmt.Sprint(i, ".jsonl"))
			require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
			e.files = append(e.files, name)
			rows := map[string]bool{}
			for _, line := range strings.Split(strings.TrimSpace(text), "\n")[1:] {
				var r struct {
					Group      string `json:"group_id"`
					User       string `json:"user_id"`
					Connection string `json:"connection_id"`
					Source     string `json:"membership_source"`
					At         string `json:"granted_at"`
					By         string `json:"granted_by"`
					Ends       string `json:"expires_at"`
				}
				require.NoError(t, json.Unmarshal([]byte(line), &r))
				rows[strings.Join([]string{r.Group, r.User, r.Source, r.Connection, r.At, r.By, r.Ends}, " ")] = true
				sources[r.Source]++
				if r.Ends != "" {
					ending++
				}
			}
			require.Equal(t, m.said, rows, "moment %d, %s", i, m.at)
			require.NotEmpty(t, rows)
		}
		assert.Len(t, sources, 2, "%v", sources)
		assert.Positive(t, ending, "no grant with an end was open at any moment")
		status, stdout, stderr := invoke(t, nil, append([]string{"audit", "verify", "--key", e.key}, e.files...)...)
		require.Equal(t, exitDone, status, stdout+stderr)
		require.Equal(t, 2+wanted, strings.Count(stdout, "the events say the same"), stdout)
	})
}

// randomTenant does random things to a tenant through both doors.
type randomTenant struct {
	t             *testing.T
	seed          uint64
	r             *rand.Rand
	native        caller
	scim          []*randomProvider // two
	users, groups []string
	ends          []time.Time // of local grants, some of which were closed before
	names         int
}

type randomProvider struct {
	caller
	users, groups []string // its own
}

func (h *randomTenant) user(of *randomProvider) {
	h.t.Helper()
	of.users = append(of.users, of.user(h.t, h.name()))
	h.users = append(h.users, of.users[len(of.users)-1])
}

func (h *randomTenant) group(of *randomProvider) {
	h.t.Helper()
	of.groups = append(of.groups, of.group(h.t, h.name()))
	h.groups = append(h.groups, of.groups[len(of.groups)-1])
}

func newRandomTenant(t *testing.T, server *process, b bootstrapped) *randomTenant {
	t.Helper()
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 16)) //nolint:gosec // a test
	h := &randomTenant{t: t, seed: seed, r: r, native: nativeCaller(server, b)}
	second := h.native.must(t, http.StatusCreated, http.MethodPost, "/connections",
		`{"name":"Okta","idp":"okta"}`)["id"]
	token := h.native.must(t, http.StatusCreated, http.MethodPost, "/tokens",
		fmt.Sprintf(`{"name":"x","kind":"scim","connection_id":%q}`, second))["token"].(string)
	b2 := b
	b2.SCIMToken = token
	h.scim = []*randomProvider{{caller: scimCaller(server, b)}, {caller: scimCaller(server, b2)}}
	for range 4 {
		for _, p := range h.scim {
			h.user(p)
		}
		h.users = append(h.users, h.local("/users", `{"user_name":%q,"email":"","name":"x"}`))
	}
	for _, p := range h.scim {
		h.group(p)
		h.group(p)
	}
	h.groups = append(h.groups, h.local("/groups", `{"display_name":%q}`), h.local("/groups", `{"display_name":%q}`))
	return h
}

func (h *randomTenant) name() string {
	h.names++
	return fmt.Sprint("name-", h.names)
}

func (h *randomTenant) local(path, body string) string {
	h.t.Helper()
	return h.native.must(h.t, http.StatusCreated, http.MethodPost, path, fmt.Sprintf(body, h.name()))["id"].(string)
}

func (h *randomTenant) some(of []string) (users []string) {
	for range 1 + h.r.IntN(4) {
		users = append(users, h.one(of))
	}
	return users
}

func (h *randomTenant) one(of []string) string { return of[h.r.IntN(len(of))] }

// step does one thing, or tries to: what a rule refuses has its event as well.
func (h *randomTenant) step() {
	h.t.Helper()
	of, group, user := h.scim[h.r.IntN(2)], h.one(h.groups), h.one(h.users)
	provider, theirs := of.caller, h.one(of.groups)
	c, method, path, body := h.native, http.MethodPost, "/groups/"+group+"/members",
		fmt.Sprintf(`{"user_id":%q,"reason":"r"}`, user)
	switch h.r.IntN(20) {
	case 16, 17, 18:
		body = fmt.Sprintf(`{"user_id":%q,"reason":"r","expires_at":%q}`, user, h.end())
	case 19:
		method, path, body = http.MethodPatch, path+"/"+user, fmt.Sprintf(`{"expires_at":%q}`, h.end())
	case 0, 1, 2, 3:
		c, method, path, body = provider, http.MethodPatch, "/Groups/"+theirs, memberPatch("add", h.some(of.users)...)
	case 4, 5:
		c, method, path, body = provider, http.MethodPatch, "/Groups/"+theirs,
			memberPatch("remove", h.some(of.users)...)
	case 6:
		c, method, path, body = provider, http.MethodPatch, "/Groups/"+theirs,
			memberPatch("replace", h.some(of.users)...)
	case 7:
		method, path, body = http.MethodDelete, "/groups/"+group+"/members/"+user, ""
	case 8:
		path, body = "/groups/"+group+"/members:batch", fmt.Sprintf(`{"add":["%s"],"remove":["%s"]}`,
			strings.Join(h.some(h.users), `","`), user)
	case 9:
		if h.r.IntN(3) == 0 {
			method, path, body = http.MethodDelete, "/users/"+user, ""
		} else {
			h.user(of)
		}
	case 10:
		if h.r.IntN(3) == 0 {
			c, method, path, body = provider, http.MethodDelete, "/Users/"+h.one(of.users), ""
		}
	case 11:
		switch h.r.IntN(12) {
		case 0:
			method, path, body = http.MethodDelete, "/groups/"+group, ""
		case 1:
			c, method, path, body = provider, http.MethodDelete, "/Groups/"+theirs, ""
		case 2:
			h.group(of)
		case 3:
			h.groups = append(h.groups, h.local("/groups", `{"display_name":%q}`))
		case 4:
			path, body = "/users/"+user+"/erase", `{"reason":"request 4711"}`
		}
	}
	status, doc, err := c.send(h.t.Context(), method, path, body)
	require.NoError(h.t, err)
	require.Less(h.t, status, http.StatusInternalServerError, "%s %s: %v", method, path, doc)
}

// end is when a local grant is to end: soon, and for some while the test goes on.
func (h *randomTenant) end() string {
	at := time.Now().UTC().Add(time.Duration(300+h.r.IntN(4000)) * time.Millisecond).Truncate(time.Microsecond)
	h.ends = append(h.ends, at)
	return at.Format(time.RFC3339Nano)
}

// awaitNoEnd waits for a moment in which nothing ends while the lists are read.
func (h *randomTenant) awaitNoEnd() {
	const soon = 300 * time.Millisecond
	for at := time.Now(); h.endsIn(at, at.Add(soon)); at = time.Now() {
		time.Sleep(10 * time.Millisecond)
	}
}

// endsIn reports whether something ends in a time, or just before it.
func (h *randomTenant) endsIn(from, to time.Time) (ends bool) {
	for _, at := range h.ends {
		ends = ends || at.After(from.Add(-10*time.Millisecond)) && at.Before(to)
	}
	return ends
}

// members are all grants that the lists of members show now.
func (h *randomTenant) members() map[string]bool {
	h.t.Helper()
	all := map[string]bool{}
	for _, group := range h.groups {
		status, text := h.native.text(h.t, "/groups/"+group+"/members?limit=1000", "*/*")
		if status == http.StatusNotFound {
			continue // deleted
		}
		require.Equal(h.t, http.StatusOK, status, text)
		var list struct {
			Data []struct {
				ID      string
				Sources []struct {
					Source, Connection string
					At                 string `json:"granted_at"`
					By                 string `json:"granted_by"`
					Ends               string `json:"expires_at"`
				}
			}
			Next string `json:"next_cursor"`
		}
		require.NoError(h.t, json.Unmarshal([]byte(text), &list))
		require.Empty(h.t, list.Next)
		for _, m := range list.Data {
			for _, s := range m.Sources {
				all[strings.Join([]string{group, m.ID, s.Source, s.Connection, s.At, s.By, s.Ends}, " ")] = true
			}
		}
	}
	return all
}

// toldMembers is an application that keeps members by what webhooks tell it.
type toldMembers struct {
	url     string
	mu      sync.Mutex
	ids     map[string]bool // of messages
	members map[string]bool // group and user
}

func newToldMembers(t *testing.T) *toldMembers {
	t.Helper()
	m := &toldMembers{ids: map[string]bool{}, members: map[string]bool{}}
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	m.url = s.URL
	return m
}

func (m *toldMembers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var event struct {
		Type string
		Data struct {
			Group   string `json:"group_id"`
			Members []struct {
				User  string `json:"user_id"`
				Still bool   `json:"still_member"`
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&event); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if id := r.Header.Get("webhook-id"); m.ids[id] {
		return
	} else {
		m.ids[id] = true
	}
	for _, member := range event.Data.Members {
		place := event.Data.Group + " " + member.User
		switch event.Type {
		case "grant.opened":
			m.members[place] = true
		case "grant.closed":
			if !member.Still {
				delete(m.members, place)
			}
		}
	}
}

// same says whether these are the members of the grants.
func (m *toldMembers) same(grants map[string]bool) bool {
	members := map[string]bool{}
	for g := range grants {
		words := strings.Split(g, " ")
		members[words[0]+" "+words[1]] = true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Equal(members, m.members)
}
