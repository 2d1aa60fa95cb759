package scim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/scim"
)

// outcome is what a bulk response says of one operation.
type outcome struct {
	Method, BulkID, Version, Location, Status string
	Response                                  map[string]any
}

func (o outcome) id() string { return o.Location[strings.LastIndexByte(o.Location, '/')+1:] }

// bulk sends operations and returns what became of them. more is further
// members of the message.
func (b *bench) bulk(operations, more string) []outcome {
	b.t.Helper()
	r := b.do("POST", "/Bulk", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],`+
		`"Operations":[`+operations+`]`+more+`}`).want(200)
	var m struct {
		Schemas    []string
		Operations []outcome
	}
	require.NoError(b.t, json.Unmarshal(r.body, &m), "%s", r.body)
	require.Equal(b.t, []string{"urn:ietf:params:scim:api:messages:2.0:BulkResponse"}, m.Schemas)
	require.NotNil(b.t, m.Operations)
	for _, o := range m.Operations {
		require.NotEmpty(b.t, o.Status)
		if o.Status < "300" {
			require.Nil(b.t, o.Response)
			require.NotEmpty(b.t, o.Location)
			continue
		}
		require.Equal(b.t, []any{"urn:ietf:params:scim:api:messages:2.0:Error"}, o.Response["schemas"])
		require.Equal(b.t, o.Status, o.Response["status"])
		require.NotEmpty(b.t, o.Response["detail"])
	}
	return m.Operations
}

// statuses sends operations and checks their statuses only.
func (b *bench) statuses(operations, more string, want ...string) []outcome {
	b.t.Helper()
	all := b.bulk(operations, more)
	got := []string{}
	for _, o := range all {
		got = append(got, o.Status)
	}
	require.Equal(b.t, want, got, "%v", all)
	return all
}

// post is the operation that makes something; more is further attributes.
func post(endpoint, bulkID, name, more string) string {
	attribute := "userName"
	if endpoint == "/Groups" {
		attribute = "displayName"
	}
	return fmt.Sprintf(`{"method":"POST","path":%q,"bulkId":%q,"data":{%q:%q%s}}`, endpoint, bulkID, attribute,
		name, more)
}

func managedBy(value string) string {
	return `,"` + enterprise + `":{"manager":{"value":"` + value + `"}}`
}

func (b *bench) managerOf(id string) any {
	b.t.Helper()
	extension, _ := b.do("GET", "/Users/"+id, "").want(200).json()[enterprise].(map[string]any)
	manager, _ := extension["manager"].(map[string]any)
	return manager["value"]
}

// TestBulk is the first example of RFC 7644 section 3.7.3: every method at once.
func TestBulk(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		bob, cid, dan := b.user("bob"), b.user("cid"), b.user("dan")
		g := b.group("g", bob)
		all := b.statuses(`
			{"method":"POST","path":"/Users","bulkId":"qwerty",`+
			`"data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"Alice"}},
			{"method":"PUT","path":"/Users/`+bob+`","version":"W/\"1\"",`+
			`"data":{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"Bob2"}},
			{"method":"PATCH","path":"/Users/`+cid+`/","version":"W/\"1\"","data":{"Operations":[{"op":"remove",`+
			`"path":"nickName"},{"op":"add","path":"title","value":"t"}]}},
			{"method":"DELETE","path":"`+b.base+`/Users/`+dan+`","version":"W/\"1\"","bulkId":"x"},
			{"method":"PATCH","path":"/Groups/`+g+`","data":{"Operations":[{"op":"add","path":"members",`+
			`"value":[{"value":"bulkId:qwerty"},{"value":"`+cid+`"}]}]}},
			{"method":"PUT","path":"/scim/v2/Groups/`+g+`","data":{"displayName":"G2","members":[{"value":"`+cid+`"}]}},
			{"method":"DELETE","path":"/Users/`+bob+`","version":"W/\"1\""},
			{"method":"DELETE","path":"/Groups/`+g+`"}`, "", "201", "200", "200", "204", "204", "200", "412", "204")
		alice := all[0].id()
		require.Equal(t, []outcome{
			{Method: "POST", BulkID: "qwerty", Version: `W/"1"`, Location: b.base + "/Users/" + alice, Status: "201"},
			{Method: "PUT", Version: `W/"2"`, Location: b.base + "/Users/" + bob, Status: "200"},
			{Method: "PATCH", Version: `W/"2"`, Location: b.base + "/Users/" + cid, Status: "200"},
			{Method: "DELETE", BulkID: "x", Location: b.base + "/Users/" + dan, Status: "204"},
			{Method: "PATCH", Version: `W/"2"`, Location: b.base + "/Groups/" + g, Status: "204"},
			{Method: "PUT", Version: all[5].Version, Location: b.base + "/Groups/" + g, Status: "200"},
			{Method: "DELETE", Location: b.base + "/Users/" + bob, Status: "412", Response: all[6].Response},
			{Method: "DELETE", Location: b.base + "/Groups/" + g, Status: "204"},
		}, all)
		require.Equal(t, "Alice", b.do("GET", "/Users/"+alice, "").want(200).json()["userName"])
		require.Equal(t, "Bob2", b.do("GET", "/Users/"+bob, "").want(200).json()["userName"])
		require.Equal(t, "t", b.do("GET", "/Users/"+cid, "").want(200).json()["title"])
		b.do("GET", "/Users/"+dan, "").want(404)
		b.do("GET", "/Groups/"+g, "").want(404)
	})
}

// TestBulkErrors is the last example of RFC 7644 section 3.7.3: all fail, each
// with its own error, and what does not fail is done all the same.
func TestBulkErrors(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann := b.user("ann")
		none := membership.NewID().String()
		all := b.statuses(post("/Users", "qwerty", "ANN", "")+`,
			{"method":"PUT","path":"/Users/`+ann+`","version":"W/\"7\"","data":{"userName":"lost"}},
			{"method":"PATCH","path":"/Users/`+ann+`","version":"nonsense","data":{"Operations":[{"op":"replace",`+
			`"path":"title","value":"lost"}]}},
			{"method":"DELETE","path":"/Users/`+none+`"},`+post("/Users", "y", "bob", ""), "", "409", "412", "412",
			"404", "201")
		require.Equal(t, "uniqueness", all[0].Response["scimType"])
		require.Equal(t, outcome{Method: "POST", BulkID: "qwerty", Status: "409", Response: all[0].Response}, all[0],
			"a POST that failed has no location")
		require.Equal(t, b.base+"/Users/"+ann, all[1].Location)
		require.Equal(t, b.base+"/Users/"+none, all[3].Location)
		require.Equal(t, `W/"1"`, b.do("GET", "/Users/"+ann, "").want(200).header.Get("ETag"))
		b.statuses(post("/Users", "y", "bob", "")+","+post("/Users", "z", "bob", ""), "", "409", "409")
		b.statuses(fmt.Sprintf(`{"method":"PATCH","path":"/Users/%[1]s","data":%[2]s},{"method":"PATCH",`+
			`"path":"/Users/%[1]s","data":%[2]s}`,
			ann, `{"Operations":[{"op":"replace","path":"title","value":"t"}]}`), "", "200", "200")
		require.Equal(t, `W/"2"`, b.do("GET", "/Users/"+ann, "").want(200).header.Get("ETag"),
			"the second time nothing was different")
	})
}

// TestBulkFailOnErrors: what was not carried out is not in the response.
func TestBulkFailOnErrors(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ops := strings.Join([]string{
			post("/Users", "1", "a", ""), post("/Users", "2", "", ""), post("/Users", "3", "b", ""), `{}`,
			post("/Users", "5", "c", ""),
		}, ",")
		b.statuses(ops, `,"failOnErrors":1`, "201", "400")
		require.Equal(t, 1, b.total("/Users", `id pr`))
		b.statuses(ops, `,"failOnErrors":2`, "409", "400")
		b.statuses(ops, `,"failOnErrors":3`, "409", "400", "201", "400")
		b.statuses(ops, `,"failOnErrors":9`, "409", "400", "409", "400", "201")
		b.statuses(ops, `,"failOnErrors":0`, "409", "400", "409", "400", "409")
		b.statuses(ops, `,"failOnErrors":null`, "409", "400", "409", "400", "409")
		// It can come between the two halves of a circle.
		all := b.statuses(post("/Users", "x", "x", managedBy("bulkId:y"))+","+post("/Users", "y", "a",
			managedBy("bulkId:x"))+","+
			post("/Users", "z", "z", managedBy("bulkId:y")), `,"failOnErrors":1`, "409", "409")
		require.NotEmpty(t, all[0].Location, "it was made")
		require.Empty(t, all[1].Location)
	})
}

// TestBulkStaysInside: what is another tenant's or another connection's is not
// there, in paths and in data.
func TestBulkStaysInside(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		stranger, colleague := newBench(t, b.store), b.connection()
		for _, other := range []*bench{stranger, colleague} {
			user := other.user("theirs")
			group := other.group("theirs", user)
			b.statuses(`{"method":"DELETE","path":"/Users/`+user+`"},{"method":"PUT","path":"/Groups/`+group+
				`","data":`+
				`{"displayName":"mine"}},
				{"method":"PATCH","path":"/Users/`+user+`","data":{"Operations":[]}},`+
				post("/Groups", "g", "mine", `,"members":[{"value":"`+user+`"}]`), "", "404", "404", "404", "400")
			require.Equal(t, []string{user}, other.members(group))
		}
	})
}

// TestBulkAudit: every event of the operations has the request's id.
func TestBulkAudit(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.do("POST", "/Bulk", `{"Operations":[`+post("/Users", "u", "u", managedBy("bulkId:u"))+","+
			post("/Groups", "g", "g", `,"members":[{"value":"bulkId:u"}]`)+`]}`, "X-Request-Id: the-request").want(200)
		var actions []string
		for _, e := range dbtest.Events(t, b.store, b.tenant.TenantID, membership.EventFilter{}) {
			if e.RequestID == "the-request" {
				actions = append(actions, string(e.Action))
			}
		}
		require.ElementsMatch(t, []string{
			string(membership.ActionUserCreated), string(membership.ActionUserUpdated),
			string(membership.ActionGroupCreated), string(membership.ActionGrantOpened),
		}, actions)
	})
}

// fading is a store that fails, or panics, from some write on.
type fading struct {
	membership.Lookups
	store                          membership.Store
	writes, fails, panics, cancels int
	cancel                         context.CancelFunc
}

func (s *fading) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	switch s.writes++; s.writes {
	case s.fails:
		return unavailable()
	case s.panics:
		panic("secret")
	case s.cancels:
		s.cancel()
	}
	return s.store.Update(ctx, tenant, fn)
}

func (s *fading) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	return s.store.Read(ctx, tenant, fn)
}

func (s *fading) WriteMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	return s.store.WriteMembers(ctx, c)
}

func (s *fading) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	return s.Update(ctx, tenant, func(tx membership.Tx) error {
		h, err := tx.LockNameHolders(ctx, n.Connection, n.Name, n.Emails)
		if err != nil {
			return err
		}
		return fn(tx, h)
	})
}

func (s *fading) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

func (s *fading) Scrub(ctx context.Context) error { return s.store.Scrub(ctx) }

// TestBulkBreaks: what was done before something broke stays done, and what can
// be done behind it is.
func TestBulkBreaks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) {
		tenant, err := auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{TenantName: "test"})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		broken := &fading{Lookups: store, store: store, fails: 2, panics: 3, cancels: 6, cancel: cancel}
		door := scim.New(membership.NewDirectory(broken, auth.Policy{}, membership.Options{}),
			auth.NewVerifier(store, time.Now), scim.Config{PublicURL: "http://x", Logger: zap.NewNop()})
		server := httptest.NewServer(door)
		defer server.Close()
		b := &bench{t: t, base: server.URL + "/scim/v2", token: tenant.SCIMToken}
		ops := make([]string, 4)
		for i := range ops {
			ops[i] = post("/Users", fmt.Sprint(i), fmt.Sprint("u", i), "")
		}
		all := b.statuses(strings.Join(ops, ","), "", "201", "503", "500", "201")
		require.NotContains(t, fmt.Sprint(all), "secret")

		// The caller goes away in the second of three.
		r := httptest.NewRequestWithContext(ctx, "POST", "/scim/v2/Bulk", strings.NewReader(`{"Operations":[`+
			post("/Users", "a", "a", "")+","+post("/Users", "b", "b", "")+","+post("/Users", "c", "c", "")+`]}`))
		r.Header.Set("Authorization", "Bearer "+b.token)
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		require.Equal(t, 503, w.Code)
		require.Equal(t, 1, b.total("/Users", `userName eq "a"`))
		require.Zero(t, b.total("/Users", `userName eq "c"`))
		require.Equal(t, 6, broken.writes)
	})
}
