package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// dryRunHouse has a group with a member, and remembers what a dry run must not touch.
type dryRunHouse struct {
	*requestHouse
	scim            string
	ann, bob, group string // their paths below the door
}

// tried is the answer to a dry run.
type tried struct {
	Status   int
	ScimType string `json:"scim_type"`
	Outcome  string
	Why      string
	Complete bool

	Operations []struct {
		Method, Path, Outcome, Why string
		Status                     int
	}
	Changes   []triedChange
	IfAllowed []triedChange `json:"changes_if_allowed"`
}

type triedChange struct {
	Action        string
	GroupID       string           `json:"group_id"`
	UserID        string           `json:"user_id"`
	Members       []map[string]any // of a change of members
	Before, After map[string]any
}

func (r tried) actions() (all []string) {
	for _, c := range r.Changes {
		all = append(all, c.Action)
	}
	return all
}

func newDryRunHouse(h *requestHouse) *dryRunHouse {
	d := &dryRunHouse{requestHouse: h, scim: "Bearer " + h.mine.SCIMToken}
	made := func(w *httptest.ResponseRecorder) string {
		require.Equal(h.t, http.StatusCreated, w.Code, w.Body)
		return path(w.Header().Get("Location"))
	}
	d.ann = made(h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"ann"}`, d.scim))
	d.bob = made(h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"bob"}`, d.scim))
	d.group = made(h.send(http.MethodPost, "/scim/v2/Groups",
		`{"displayName":"G","members":[{"value":"`+idOf(d.ann)+`"}]}`,
		d.scim))
	return d
}

func idOf(path string) string { return path[len(path)-36:] }

func (d *dryRunHouse) members(op string, users ...string) string {
	body := patchOp + `{"op":"` + op + `","path":"members","value":[`
	for i, u := range users {
		if i > 0 {
			body += ","
		}
		body += `{"value":"` + idOf(u) + `","display":"Somebody"}`
	}
	return body + `]}]}`
}

// kept sends a request and returns the id of its row.
func (d *dryRunHouse) kept(method, path, body string) string {
	d.t.Helper()
	d.send(method, "/scim/v2"+path, body, d.scim)
	return d.list(d.mine, "limit=1")[0]["id"].(string)
}

// state is all that a dry run must leave as it is.
func (d *dryRunHouse) state() string {
	d.t.Helper()
	all := map[string]any{}
	for _, p := range []string{"/v1/users", "/v1/groups", "/v1/groups/" + idOf(d.group) + "/members",
		"/v1/notifications",
		"/v1/connections/" + d.mine.ConnectionID.String() + "/removal-allowances"} {
		all[p] = d.api(d.mine, http.MethodGet, p, "").Body.String()
	}
	d.written()
	require.NoError(d.t, d.refusals.Flush(d.t.Context()))
	var events []string
	for _, e := range dbtest.Events(d.t, d.store, d.mine.TenantID, membership.EventFilter{}) {
		events = append(events, e.ID.String())
	}
	all["events"], all["requests"] = events, len(d.list(d.mine, "limit=1000"))
	for _, p := range []string{d.ann, d.bob, d.group} {
		all[p] = d.sent(http.MethodGet, p)
	}
	b, err := json.Marshal(all)
	require.NoError(d.t, err)
	return string(b)
}

// sent asks as the provider does, without a row in the log.
func (d *dryRunHouse) sent(method, path string) string {
	kept := d.requests
	d.requests = nil
	defer func() { d.requests = kept }()
	return testServer{Server: d.Server, handle: d.handler(d.wire())}.ask(d, method, path)
}

func (s testServer) ask(d *dryRunHouse, method, path string) string {
	r := httptest.NewRequestWithContext(d.t.Context(), method, "/scim/v2"+path, nil)
	r.Header.Set("Authorization", d.scim)
	w := httptest.NewRecorder()
	s.handle.ServeHTTP(w, r)
	return w.Body.String()
}

// try tries a request again, and checks that it changed nothing.
func (d *dryRunHouse) try(id string) (r tried) {
	d.t.Helper()
	before := d.state()
	w := d.api(d.mine, http.MethodPost, "/v1/requests/"+id+"/dry-run", "")
	require.Equal(d.t, http.StatusOK, w.Code, w.Body)
	require.NoError(d.t, json.Unmarshal(w.Body.Bytes(), &r))
	require.Equal(d.t, before, d.state())
	assert.True(d.t, r.Complete)
	return r
}

func (d *dryRunHouse) fails(id string, status int, code string) {
	d.t.Helper()
	before := d.state()
	w := d.api(d.mine, http.MethodPost, "/v1/requests/"+id+"/dry-run", "")
	require.Equal(d.t, status, w.Code, w.Body)
	require.Contains(d.t, w.Body.String(), `"code":"`+code+`"`)
	require.Equal(d.t, before, d.state())
}

func eachDryRunHouse(t *testing.T, test func(t *testing.T, d *dryRunHouse)) {
	t.Helper()
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) { test(t, newDryRunHouse(h)) })
}

// A write of ids alone shows what it would change now, and changes nothing.
func TestDryRun(t *testing.T) {
	eachDryRunHouse(t, func(t *testing.T, d *dryRunHouse) {
		add := d.kept(http.MethodPatch, d.group, d.members("add", d.ann, d.bob))
		r := d.try(add)
		assert.Equal(t, 204, r.Status)
		assert.Equal(t, "nothing_to_do", r.Outcome)
		assert.Equal(t, "already a member by this connection (2)", r.Why)
		assert.Empty(t, r.Changes)

		remove := d.kept(http.MethodPatch, d.group, d.members("remove", d.bob))
		r = d.try(add)
		assert.Equal(t, "changed", r.Outcome)
		assert.Equal(t, "already a member by this connection", r.Why)
		require.Equal(t, []string{"grant.opened"}, r.actions())
		assert.Equal(t, idOf(d.group), r.Changes[0].GroupID)
		assert.Equal(t, []map[string]any{{"user_id": idOf(d.bob), "still_member": false}}, r.Changes[0].Members)
		assert.Equal(t, "no such member to remove", d.try(remove).Why)

		replace := d.kept(http.MethodPatch, d.group, d.members("replace"))
		d.kept(http.MethodPatch, d.group, d.members("add", d.ann, d.bob))
		r = d.try(replace)
		require.Equal(t, []string{"grant.closed"}, r.actions())
		assert.Len(t, r.Changes[0].Members, 2)

		inactive := d.kept(http.MethodPatch, d.ann, patchOp+`{"op":"Replace","path":"active","value":"False"}]}`)
		assert.Equal(t, "nothing_to_do", d.try(inactive).Outcome)
		d.kept(http.MethodPatch, d.ann, patchOp+`{"op":"Replace","path":"active","value":true}]}`)
		r = d.try(inactive)
		require.Equal(t, []string{"user.deactivated"}, r.actions())
		assert.Equal(t, true, r.Changes[0].Before["link_active"])
		assert.Equal(t, false, r.Changes[0].After["link_active"])

		gone := d.kept(http.MethodDelete, d.bob, "")
		assert.Equal(t, 404, d.try(gone).Status)
		r = d.try(add)
		assert.Equal(t, 400, r.Status)
		assert.Equal(t, "invalidValue", r.ScimType)
		assert.Equal(t, "refused", r.Outcome)
		assert.Empty(t, r.Changes)
		again := d.send(http.MethodPost, "/scim/v2/Users", `{"userName":"cid"}`, d.scim)
		d.bob = path(again.Header().Get("Location"))
		remove = d.kept(http.MethodDelete, d.bob, "")
		assert.Equal(t, "refused", d.try(remove).Outcome)
	})
}

// Whose body is not whole is not tried, nor is what is no change of one resource.
func TestDryRunOfWhatIsNotWhole(t *testing.T) {
	eachDryRunHouse(t, func(t *testing.T, d *dryRunHouse) {
		const redacted = "body_redacted"
		d.fails(d.kept(http.MethodPost, "/Users", `{"userName":"cid"}`), 409, redacted)
		d.fails(d.kept(http.MethodPatch, d.ann, patchOp+`{"op":"replace","path":"title","value":"x"}]}`), 409, redacted)
		d.fails(d.kept(http.MethodPatch, d.group, patchOp+`{"op":"remove","path":"members[display eq \"x\"]"}]}`), 409,
			redacted)
		d.fails(d.kept(http.MethodDelete, "/Users/no-id", ""), 409, redacted)
		d.fails(d.kept(http.MethodPatch, "/Users/"+membership.NewID().String()[:35]+"x", d.members("add", d.ann)), 409,
			redacted)
		d.fails(d.kept(http.MethodPatch, d.group, d.members("add", d.ann)[:80]), 409, redacted)
		d.fails(d.kept(http.MethodGet, d.ann, ""), 400, "invalid_input")
		d.fails(d.kept(http.MethodPost, "/Users/.search", `{}`), 400, "invalid_input")
		d.fails(d.kept(http.MethodPost, "/Bulk", bulk(
			`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"cid"}}`)), 409, redacted)
		d.fails(membership.NewID().String(), 404, "not_found")
		add := d.kept(http.MethodPatch, d.group, d.members("add", d.bob))
		w := d.api(d.theirs, http.MethodPost, "/v1/requests/"+add+"/dry-run", "")
		assert.Equal(t, http.StatusNotFound, w.Code)
	})
}

// What was captured is tried with its values, by who may read it.
func TestDryRunOfCaptures(t *testing.T) {
	eachDryRunHouse(t, func(t *testing.T, d *dryRunHouse) {
		window := d.window(d.mine, 1)
		user := d.kept(http.MethodPost, "/Users", `{"userName":"cid","password":"x","title":"Cook"}`)
		r := d.try(user)
		assert.Equal(t, 409, r.Status)
		assert.Equal(t, "uniqueness", r.ScimType)
		group := d.kept(http.MethodPost, "/Groups", `{"displayName":"H","members":[{"value":"`+idOf(d.ann)+`"}]}`)
		rename := d.kept(http.MethodPut, d.group, `{"displayName":"K","members":[{"value":"`+idOf(d.bob)+`"}]}`)
		var ids []string
		for _, row := range d.list(d.mine, "limit=3") {
			one := d.api(d.mine, http.MethodGet, "/v1/requests/"+row["id"].(string), "")
			var v struct {
				UserIDs  []string `json:"user_ids"`
				GroupIDs []string `json:"group_ids"`
			}
			require.NoError(t, json.Unmarshal(one.Body.Bytes(), &v))
			switch row["operation"] {
			case "POST /Users":
				ids = append(ids, "/Users/"+v.UserIDs[0])
			case "POST /Groups":
				ids = append(ids, "/Groups/"+v.GroupIDs[0])
			}
		}
		require.Len(t, ids, 2)
		for _, id := range ids {
			d.send(http.MethodDelete, "/scim/v2"+id, "", d.scim)
		}
		r = d.try(user)
		assert.Equal(t, 201, r.Status)
		assert.Equal(t, "changed", r.Outcome)
		assert.Equal(t, []string{"user.created"}, r.actions())
		r = d.try(group)
		assert.Equal(t, 201, r.Status)
		assert.Equal(t, "changed", r.Outcome)
		assert.Equal(t, []string{"group.created", "grant.opened"}, r.actions())
		assert.NotContains(t, r.Changes[0].After, "display_name", "a value of the body")
		d.kept(http.MethodPut, d.group, `{"displayName":"G","members":[{"value":"`+idOf(d.ann)+`"}]}`)
		r = d.try(rename)
		assert.Equal(t, 200, r.Status)
		assert.ElementsMatch(t, []string{"group.updated", "grant.opened", "grant.closed"}, r.actions())

		w := d.api(d.mine, http.MethodPost, "/v1/tokens",
			`{"name":"x","kind":"api","permissions":["REQUESTS:READ","TENANT:ADMIN"]}`)
		var few struct{ Token string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &few))
		reader := d.mine
		reader.APIToken = few.Token
		assert.Equal(t, http.StatusForbidden, d.api(reader, http.MethodPost, "/v1/requests/"+user+"/dry-run", "").Code)
		d.api(d.mine, http.MethodDelete, "/v1/connections/"+d.mine.ConnectionID.String()+"/captures/"+window, "")
		d.fails(user, 409, "body_redacted")
	})
}

func bulk(operations ...string) string {
	return `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` +
		strings.Join(operations, ",") + `]}`
}

// The operations of a Bulk see what those before them would have changed, and one that
// fails leaves the others.
func TestDryRunOfABulk(t *testing.T) {
	eachDryRunHouse(t, func(t *testing.T, d *dryRunHouse) {
		id := d.kept(http.MethodPost, "/Bulk", bulk(
			`{"method":"DELETE","path":"`+d.bob+`"}`,
			`{"method":"PATCH","path":"`+d.group+`","data":`+d.members("add", d.bob)+`}`,
			`{"method":"PATCH","path":"`+d.group+`","data":`+d.members("remove", d.ann)+`}`))
		w := d.send(http.MethodPost, "/scim/v2/Users", `{"userName":"bob"}`, d.scim)
		require.Equal(t, http.StatusCreated, w.Code)
		d.kept(http.MethodPatch, d.group, d.members("add", d.ann))
		r := d.try(id)
		assert.Equal(t, 200, r.Status)
		assert.Equal(t, "changed", r.Outcome)
		require.Len(t, r.Operations, 3)
		for i, want := range []struct {
			status  int
			outcome string
		}{{404, "refused"}, {400, "refused"}, {204, "changed"}} { // the first bob is gone
			assert.Equal(t, want.status, r.Operations[i].Status)
			assert.Equal(t, want.outcome, r.Operations[i].Outcome)
		}
		assert.Equal(t, []string{"grant.closed"}, r.actions())

		d.window(d.mine, 1)
		id = d.kept(http.MethodPost, "/Bulk", bulk(
			`{"method":"POST","path":"/Groups","bulkId":"g","data":{"displayName":"H",`+
				`"members":[{"value":"bulkId:u"}]}}`,
			`{"method":"POST","path":"/Users","bulkId":"u","data":{"userName":"cid"}}`,
			`{"method":"POST","path":"/Users","bulkId":"v","data":{"userName":"ann"}}`,
			`{"method":"PATCH","path":"/Users/bulkId:u","data":`+patchOp+
				`{"op":"replace","path":"active","value":false}]}}`,
			`{"method":"DELETE","path":"/Groups/bulkId:g"}`))
		var kept struct {
			UserIDs []string `json:"user_ids"`
		}
		require.NoError(t, json.Unmarshal(d.api(d.mine, http.MethodGet, "/v1/requests/"+id, "").Body.Bytes(), &kept))
		for _, user := range kept.UserIDs {
			d.send(http.MethodDelete, "/scim/v2/Users/"+user, "", d.scim)
		}
		r = d.try(id)
		require.Len(t, r.Operations, 5)
		for i, status := range []int{201, 201, 409, 200, 204} {
			assert.Equal(t, status, r.Operations[i].Status, r.Operations[i])
		}
		assert.Equal(t, "changed", r.Outcome)
		for _, action := range []string{"user.created", "group.created", "grant.opened", "user.deactivated",
			"grant.closed"} {
			assert.Contains(t, r.actions(), action)
		}
	})
}

// What rules refuse is refused, and leaves no event of it.
func TestDryRunIsHeldToTheRules(t *testing.T) {
	eachDryRunHouse(t, func(t *testing.T, d *dryRunHouse) {
		d.config.RemovalGuard = config.RemovalGuard{On: true, Members: 1, Percent: 1}
		d.handle = d.handler(d.wire())
		add := d.kept(http.MethodPatch, d.group, d.members("add", d.ann, d.bob))
		remove := d.kept(http.MethodPatch, d.group, d.members("remove", d.ann, d.bob))
		r := d.try(remove)
		assert.Equal(t, "held", r.Outcome)
		assert.Empty(t, r.Changes)
		var who []any
		for _, c := range r.IfAllowed {
			for _, m := range c.Members {
				who = append(who, m["user_id"])
			}
		}
		assert.ElementsMatch(t, []any{idOf(d.ann), idOf(d.bob)}, who, "these would go")
		allowances := "/v1/connections/" + d.mine.ConnectionID.String() + "/removal-allowances"
		require.Equal(t, http.StatusCreated, d.api(d.mine, http.MethodPost, allowances, `{}`).Code)
		r = d.try(remove)
		assert.Equal(t, "changed", r.Outcome, "and the allowance is still there")
		assert.Contains(t, r.actions(), "grant.closed")

		d.kept(http.MethodPatch, d.group, d.members("remove", d.bob))
		forbid := `{"id":"no","cedar":"forbid (principal, action == Action::\"members.add\", resource);"}`
		require.Equal(t, http.StatusCreated, d.api(d.mine, http.MethodPost, "/v1/policies", forbid).Code)
		r = d.try(add)
		assert.Equal(t, 403, r.Status)
		assert.Equal(t, "refused", r.Outcome)
		connection := "/v1/connections/" + d.mine.ConnectionID.String()
		require.Equal(t, http.StatusOK, d.api(d.mine, http.MethodPatch, connection, `{"paused":true}`).Code)
		w := d.api(d.mine, http.MethodPost, "/v1/requests/"+add+"/dry-run", "")
		assert.Contains(t, w.Body.String(), `"status":503`)
	})
}

// A dry run shares the writer with others, and takes nothing of theirs with it.
func TestDryRunsAmongWrites(t *testing.T) {
	eachDryRunHouse(t, func(t *testing.T, d *dryRunHouse) {
		remove := d.kept(http.MethodPatch, d.group, d.members("remove", d.ann))
		d.kept(http.MethodPatch, d.group, d.members("add", d.ann))
		var users []string
		for i := range 20 {
			w := d.send(http.MethodPost, "/scim/v2/Users", `{"userName":"u`+string(rune('a'+i))+`"}`, d.scim)
			users = append(users, path(w.Header().Get("Location")))
		}
		var wg sync.WaitGroup
		var tried atomic.Int64
		for _, u := range users {
			wg.Go(func() {
				w := d.send(http.MethodPatch, "/scim/v2"+d.group, d.members("add", u), d.scim)
				assert.Equal(t, http.StatusNoContent, w.Code, w.Body)
			})
			wg.Go(func() {
				w := d.api(d.mine, http.MethodPost, "/v1/requests/"+remove+"/dry-run", "")
				if w.Code == http.StatusTooManyRequests { // one at a time
					assert.Equal(t, "1", w.Header().Get("Retry-After"))
					return
				}
				tried.Add(1)
				assert.Contains(t, w.Body.String(), `"grant.closed"`)
			})
		}
		wg.Wait()
		assert.Positive(t, tried.Load())
		w := d.api(d.mine, http.MethodGet, "/v1/groups/"+idOf(d.group)+"/members", "")
		var list struct{ Data []any }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &list))
		assert.Len(t, list.Data, len(users)+1)
	})
}

// A tenant has one dry run at a time and a server two, and each ends: another one may
// come then.
func TestDryRunsAtATime(t *testing.T) {
	l := dryRunLimits{tenants: map[membership.ID]int{}}
	one, two, three := membership.NewID(), membership.NewID(), membership.NewID()
	refused := func(tenant membership.ID) {
		t.Helper()
		_, err := l.enter(tenant)
		var e *membership.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, membership.KindRateLimited, e.Kind)
		assert.Positive(t, e.RetryAfter)
	}
	enter := func(tenant membership.ID) func() {
		t.Helper()
		leave, err := l.enter(tenant)
		require.NoError(t, err)
		return leave
	}
	leave := enter(one)
	refused(one)
	leaveTwo := enter(two)
	refused(three)
	leave()
	refused(two)
	enter(three)()
	leaveTwo()
	enter(one)()
	assert.Empty(t, l.tenants)
}
