package server

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// requestHouse is a server with two tenants, whose requests are written when written
// is called.
type requestHouse struct {
	testServer
	t            *testing.T
	folder       string
	lines        *bytes.Buffer // the program's log, at debug
	mine, theirs auth.Bootstrapped
}

func eachRequestHouse(t *testing.T, test func(t *testing.T, h *requestHouse)) {
	t.Helper()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		h := &requestHouse{t: t, lines: &bytes.Buffer{}, folder: t.TempDir()}
		if strings.HasPrefix(url, "sqlite:") {
			url = "sqlite:" + filepath.Join(h.folder, "x.db")
		}
		c := config.Default()
		c.Listen, c.DatabaseURL = "127.0.0.1:0", config.DatabaseURL(url)
		c.SealKeyFile = filepath.Join(h.folder, "seal.key")
		core := zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()),
			zapcore.Lock(zapcore.AddSync(h.lines)), zap.DebugLevel)
		s, err := Open(t.Context(), c, "test", zap.New(core))
		require.NoError(t, err)
		t.Cleanup(func() {
			_ = s.front.Close()
			_ = s.requests.kept.Close()
			_ = s.store.Close()
		})
		h.testServer = testServer{Server: s, handle: s.handler(s.wire())}
		h.mine, h.theirs = h.bootstrap(t), h.bootstrap(t)
		test(t, h)
	})
}

// send sends a request as an identity provider does, or with other headers.
func (h *requestHouse) send(method, target, body, authorization string, header ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, target, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set("Authorization", authorization)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handle.ServeHTTP(w, r)
	return w
}

// api sends a request of an administrator.
func (h *requestHouse) api(who auth.Bootstrapped, method, target, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.send(method, target, body, "Bearer "+who.APIToken, "X-Tenant-Id", who.TenantID.String(), "Content-Type",
		"application/json")
}

// written writes what waits, repeats too, and gives events their numbers.
func (h *requestHouse) written() {
	h.t.Helper()
	h.requests.queue.endRepeats()
	h.requests.writeAll(h.t.Context(), h.t.Context().Err)
	require.NoError(h.t, h.sealer.Number(h.t.Context()))
}

// list is what a tenant sees of its requests.
func (h *requestHouse) list(who auth.Bootstrapped, query string) []map[string]any {
	h.t.Helper()
	h.written()
	w := h.send(http.MethodGet, "/v1/requests?"+query, "", "Bearer "+who.APIToken, "X-Tenant-Id", who.TenantID.String())
	require.Equal(h.t, http.StatusOK, w.Code, w.Body)
	var list struct {
		Data []map[string]any `json:"data"`
	}
	require.NoError(h.t, json.Unmarshal(w.Body.Bytes(), &list))
	return list.Data
}

// What was sent is found by what it was about, with the events that it wrote.
func TestRequestsAreKept(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		scim := "Bearer " + h.mine.SCIMToken
		w := h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"Ann@Example.com","externalId":"X77"}`, scim,
			"User-Agent", "Okta SCIM Client 1.0.0", "X-Request-Id", "their-own")
		require.Equal(t, http.StatusCreated, w.Code, w.Body)
		var user struct {
			ID string `json:"id"`
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &user))
		h.send(http.MethodGet, "/scim/v2/Users/"+user.ID, "", scim)
		h.send(http.MethodGet, `/scim/v2/Users?filter=userName+eq+"ann@example.com"`, "", scim)
		require.Equal(t, http.StatusBadRequest, h.send(http.MethodGet, "/scim/v2/Users?filter=userName", "", scim).Code)
		h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+h.theirs.SCIMToken)

		all := h.list(h.mine, "")
		require.Len(t, all, 4)
		made := all[3]
		assert.Equal(t, "POST /Users", made["operation"])
		assert.Equal(t, "their-own", made["request_id"])
		assert.Equal(t, h.mine.ConnectionID.String(), made["connection_id"])
		assert.Equal(t, "Okta SCIM Client 1.0.0", made["user_agent"])
		assert.Equal(t, "scimbridge_…"+h.mine.SCIMToken[len(h.mine.SCIMToken)-4:], made["credential_hint"])
		assert.Equal(t, "refused", all[0]["outcome"])
		assert.Equal(t, `filter=userName eq "(address)"`, all[1]["query"])

		assert.Len(t, h.list(h.mine, "user_id="+user.ID), 2)
		assert.Len(t, h.list(h.mine, "user_name=ann@example.com"), 2, "in any letter case, in bodies and filters")
		assert.Len(t, h.list(h.mine, "external_id=X77"), 1)
		assert.Empty(t, h.list(h.mine, "external_id=x77"))
		assert.Len(t, h.list(h.mine, "request_id=their-own"), 1)
		assert.Len(t, h.list(h.mine, "status=400&outcome=refused"), 1)
		assert.Len(t, h.list(h.theirs, ""), 1, "its own alone")
	})
}

// Who is refused is shown to the tenant that the credential names, once a minute for
// each reason, and to no other.
func TestRefusedCredentialsAreKept(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		ended := time.Now().Add(-25 * time.Hour).UTC().Truncate(time.Second)
		insert := func(change func(*auth.Token)) string {
			tok := auth.Token{
				Tenant: h.mine.TenantID, Connection: h.mine.ConnectionID, Kind: auth.KindSCIM, Name: "x",
				CreatedAt: time.Now(),
				Scopes:    []string{auth.ScopeSCIM},
			}
			change(&tok)
			tok, text := auth.Mint(tok)
			require.NoError(t, h.store.UpdateCredentials(t.Context(), tok.Tenant, func(tx auth.Tx) error {
				return tx.InsertToken(t.Context(), tok)
			}))
			return text
		}
		expired := insert(func(tok *auth.Token) { tok.ExpiresAt = ended })
		_, unknown := auth.Mint(auth.Token{Tenant: h.mine.TenantID})
		_, unknownToo := auth.Mint(auth.Token{Tenant: h.mine.TenantID})
		_, nowhere := auth.Mint(auth.Token{Tenant: membership.NewID()})
		for range 5 {
			for _, token := range []string{expired, unknown, unknownToo, nowhere, "garbage"} {
				require.Equal(t, http.StatusUnauthorized,
					h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+token).Code)
			}
		}
		outside := insert(
			func(tok *auth.Token) { tok.Networks = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")} })
		for range 5 {
			require.Equal(t, http.StatusForbidden, h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+outside).Code)
		}
		counts := map[string]float64{}
		for _, r := range h.list(h.mine, "status=401") {
			why := r["why"].(string)
			assert.Equal(t, "refused", r["outcome"])
			if strings.Contains(why, "expired") {
				assert.Equal(t, h.mine.ConnectionID.String(), r["connection_id"])
				assert.Contains(t, why, ended.Format(time.RFC3339))
			}
			counts[why] += r["count"].(float64)
		}
		require.Len(t, counts, 2, "%v", counts)
		for why, n := range counts {
			assert.InDelta(t, map[bool]int{true: 5, false: 10}[strings.Contains(why, "expired")], n, 0, why)
		}
		foreign := h.list(h.mine, "status=403")
		require.Len(t, foreign, 2, "a row for the first, and one for the repeats")
		assert.Contains(t, foreign[0]["why"], "outside its networks")
		assert.InDelta(t, 4, foreign[0]["count"], 0)
		assert.Len(t, h.list(h.mine, ""), 6)
		assert.Empty(t, h.list(h.theirs, ""))
	})
}

// A token that was revoked is shown to the connection that it was of, and to no other
// tenant.
func TestRevokedTokensAreKept(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		w := h.api(h.mine, http.MethodPost, "/v1/tokens",
			`{"name":"okta","kind":"scim","connection_id":"`+h.mine.ConnectionID.String()+`"}`)
		require.Equal(t, http.StatusCreated, w.Code, w.Body)
		var token struct{ ID, Token string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &token))
		use := func() int {
			return h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+token.Token).Code
		}
		require.Equal(t, http.StatusOK, use())
		require.Equal(t, http.StatusNoContent, h.api(h.mine, http.MethodDelete, "/v1/tokens/"+token.ID, "").Code)
		for range 3 {
			require.Equal(t, http.StatusUnauthorized, use())
		}
		rows := h.list(h.mine, "status=401")
		require.Len(t, rows, 2, "a row for the first, and one for the repeats")
		for _, r := range rows {
			assert.Contains(t, r["why"], "revoked")
			assert.Equal(t, h.mine.ConnectionID.String(), r["connection_id"])
			assert.Equal(t, token.ID, r["credential_id"])
			assert.Equal(t, "scimbridge_…"+token.Token[len(token.Token)-4:], r["credential_hint"])
		}
		assert.InDelta(t, 2, rows[0]["count"], 0)
		assert.Empty(t, h.list(h.theirs, ""))
	})
}

// A removal that the guard holds and a connection that is paused are shown to their
// tenant, and to no other.
func TestHeldAndPausedAreKept(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		h.config.RemovalGuard = config.RemovalGuard{On: true, Members: 1, Percent: 1}
		h.handle = h.handler(h.wire())
		scim := "Bearer " + h.mine.SCIMToken
		var members []string
		for _, name := range []string{"ann", "bob"} {
			w := h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"`+name+`"}`, scim)
			members = append(members, `{"value":"`+idOf(w.Header().Get("Location"))+`"}`)
		}
		w := h.send(http.MethodPost, "/scim/v2/Groups",
			`{"displayName":"G","members":[`+strings.Join(members, ",")+`]}`, scim)
		group := "/scim/v2" + path(w.Header().Get("Location"))
		require.Equal(t, http.StatusConflict, h.send(http.MethodDelete, group, "", scim).Code)
		connection := "/v1/connections/" + h.mine.ConnectionID.String()
		require.Equal(t, http.StatusOK, h.api(h.mine, http.MethodPatch, connection, `{"paused":true}`).Code)
		require.Equal(t, http.StatusServiceUnavailable, h.send(http.MethodDelete, group, "", scim).Code)

		rows := h.list(h.mine, "operation=DELETE%20/Groups/%7Bid%7D")
		require.Len(t, rows, 2)
		assert.Equal(t, "refused", rows[0]["outcome"])
		assert.Contains(t, rows[0]["why"], "an administrator has paused this connection")
		assert.Equal(t, "held", rows[1]["outcome"])
		assert.Contains(t, rows[1]["why"], "held: ")
		for _, r := range rows {
			assert.Equal(t, h.mine.ConnectionID.String(), r["connection_id"])
			assert.NotEmpty(t, r["credential_id"])
		}
		assert.Empty(t, h.list(h.theirs, ""))
	})
}

// Nothing of a person and no secret is anywhere in the log: in its tables and files,
// in the program's log, in the metrics. While bodies are captured they can be read by
// who may, and have no secrets.
func TestRequestLogKeepsNoValues(t *testing.T) {
	for name, captures := range map[string]bool{"redacted": false, "captured": true} {
		t.Run(name, func(t *testing.T) {
			eachRequestHouse(t, func(t *testing.T, h *requestHouse) { testNoValues(t, h, captures) })
		})
	}
}

func testNoValues(t *testing.T, h *requestHouse, captures bool) {
	n := 0
	var canaries, passwords []string
	canary := func() string {
		n++
		c := "zq" + strings.Repeat(string(rune('a'+n%26)), 3) + "canary" + strings.Repeat(string(rune('a'+n/26)), 3) +
			"@q.example"
		canaries = append(canaries, c)
		return c
	}
	password := func() string {
		passwords = append(passwords, canary())
		return passwords[len(passwords)-1]
	}
	scim := "Bearer " + h.mine.SCIMToken
	wal := ""
	if h.store.Engine() == "postgres" && !dbtest.IsCitus(h.t, "postgres") {
		wal = h.walPosition()
	}
	if captures {
		h.window(h.mine, 1)
	}
	user := h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"plain"}`, scim)
	id := path(user.Header().Get("Location"))
	group := path(h.send(http.MethodPost, "/scim/v2/Groups", `{"displayName":"G"}`, scim).Header().Get("Location"))
	schema := `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	for _, r := range [][3]string{
		{http.MethodPost, "/scim/v2/Users",
			`{"userName":"` + canary() + `","externalId":"` + canary() + `","password":"` + password() +
				`","name":{"givenName":"` + canary() + `"},"emails":[{"value":"` + canary() + `","type":"` + canary() +
				`"}],"active":"` +
				canary() + `","schemas":["` + canary() + `"],"nick ` + canary() + `":"` + canary() +
				`","addresses":[{"formatted":"` +
				canary() + `"}],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"` +
				canary() +
				`"},"department":"` + canary() + `"}}`},
		{http.MethodPatch, "/scim/v2" + id,
			`{` + schema + `,"Operations":[{"op":"` + canary() + `","path":"` + canary() +
				`","value":"` + canary() + `"}]}`},
		{http.MethodPatch, "/scim/v2" + id, `{` + schema + `,"Operations":[{"value":"` + canary() +
			`","op":"replace","path":"displayName"},{"op":"add","value":{"title":"` + canary() +
			`","emails[type eq \"` + canary() +
			`\"].value":"` + canary() + `"}},{"op":"replace","path":"emails[value eq \"` + canary() +
			`\"].value","value":"` +
			canary() + `"},{"op":"replace","path":"password","value":"` + password() + `"}]}`},
		{http.MethodPatch, "/scim/v2" + id, `{` + schema + `,"Operations":[{"value":"` + password() +
			`","path":"urn:ietf:params:scim:schemas:core:2.0:User:PassWord","op":"add"},{"op":"add",` +
			`"value":{"pass\u0077ord":"` +
			password() + `","title":"{\"password\":\"` + password() +
			`\"}"}},{"op":"replace","path":"password[value eq \"` +
			password() + `\"]","value":{"value":["` + password() +
			`"]}},{"op":"replace","path":"nickName","value":"Bearer ` +
			password() + `"}]}`},
		{http.MethodPost, "/scim/v2/Users/.search", `{"filter":"password eq \"` + password() + `\""}`},
		{http.MethodPost, "/scim/v2/Users", `{"userName":"` + canary() + `","password":"` + password()},
		{http.MethodPatch, "/scim/v2" + group,
			`{` + schema + `,"Operations":[{"op":"add","path":"members","value":[{"value":"` +
				canary() + `","display":"` + canary() + `","$ref":"https://x/v2/Users/` + canary() + `"}]}]}`},
		{http.MethodPut, "/scim/v2" + group, `{"displayName":"` + canary() + `","members":["` + canary() + `"]}`},
		{http.MethodPost, "/scim/v2/Bulk",
			`{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` +
				`{"method":"POST","path":"/Users","bulkId":"` + canary() + `","version":"` + canary() +
				`","data":{"userName":"` + canary() +
				`","password":"` + password() + `"}},{"method":"` + canary() + `","path":"/Users/` + canary() + `"}]}`},
		{http.MethodPost, "/scim/v2/Users/.search",
			`{"filter":"userName eq \"` + canary() + `\"","attributes":["` + canary() + `"]}`},
		{http.MethodPost, "/scim/v2/Users", `{"userName":"` + canary() + `", broken ` + canary()},
		{http.MethodPost, "/scim/v2/Users", canary()},
		{http.MethodGet, "/scim/v2/Users?filter=" + canary() + "+eq+%22" + canary() + "%22&attributes=" + canary() +
			"&sortBy=" + canary() + "&startIndex=" + canary() + "&cursor=" + canary() + "&" + canary() + "=" +
			canary(), ""},
		{http.MethodGet, "/scim/v2/Users?filter=emails%5Bvalue+eq+%22" + canary() + "%22%5D+and+" + canary(), ""},
		{http.MethodGet, "/scim/v2/Users/" + canary(), ""},
		{http.MethodGet, "/scim/v2/" + canary(), ""},
		{http.MethodGet, "/scim/v2/Schemas/" + canary(), ""},
	} {
		h.send(r[0], r[1], r[2], scim, "User-Agent", "agent/1.0 "+canary(), "X-Anything", canary(), "Cookie", canary(),
			"X-Request-Id", canary(), "If-Match", canary())
	}
	for _, body := range secretBodies(func() string { return strings.TrimSuffix(password(), "@q.example") }) {
		h.send(http.MethodPost, "/scim/v2/Users", body, scim)
	}
	h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+canary())
	h.send(http.MethodGet, "/scim/v2/Users", "", "Basic "+canary())
	h.send(http.MethodPost, "/oauth2/token",
		"grant_type=client_credentials&client_id="+canary()+"&client_secret="+canary(),
		"", "Content-Type", "application/x-www-form-urlencoded")
	rows := h.list(h.mine, "limit=1000")
	require.GreaterOrEqual(t, len(rows), 16)
	if captures {
		h.checkCaptures(rows, canaries, passwords)
	}
	secrets := []string{h.mine.SCIMToken, h.mine.SCIMToken[len(h.mine.SCIMToken)-20:], h.mine.APIToken}

	places := map[string]string{"the log": h.lines.String(),
		"metrics": h.send(http.MethodGet, "/metrics", "", "").Body.String()}
	for _, r := range rows {
		one := h.send(http.MethodGet, "/v1/requests/"+r["id"].(string), "", "Bearer "+h.mine.APIToken,
			"X-Tenant-Id", h.mine.TenantID.String())
		require.Equal(t, http.StatusOK, one.Code)
		places["request "+r["id"].(string)] = one.Body.String()
	}
	h.tables(places, captures)
	require.Greater(t, len(canaries), 80)
	for place, text := range places {
		for _, c := range append(canaries, secrets...) {
			name, _, _ := strings.Cut(c, "@")
			assert.NotContains(t, text, name, place)
		}
	}
	assert.Contains(t, places["the log"], "attributes that no schema has", "the log was read")
	if wal == "" {
		return
	}
	written, provisioned, stored := h.walSince(wal), h.provisioned(), 0
	assert.Contains(t, written, "PATCH /Groups/{id}", "what was written is in it")
	for _, c := range append(canaries, secrets...) {
		name, _, _ := strings.Cut(c, "@")
		if strings.Contains(provisioned, name) { // an attribute that is kept
			stored++
			continue
		}
		assert.False(t, strings.Contains(written, name), "the write-ahead log has %s", name)
	}
	t.Logf("%d of %d values are provisioned; %d MB of the write-ahead log", stored, len(canaries), len(written)>>20)
	assert.Less(t, stored, len(canaries)/10)
}

// path is the path of a Location below the door.
func path(location string) string {
	return location[strings.Index(location, "/scim/v2")+len("/scim/v2"):]
}

// tables reads the files of the request log, or its tables.
func (h *requestHouse) tables(places map[string]string, captured bool) {
	h.t.Helper()
	if h.store.Engine() == "postgres" {
		c, err := pgx.Connect(h.t.Context(), dbtest.OwnerURL(h.t, string(h.config.DatabaseURL)))
		require.NoError(h.t, err)
		defer c.Close(context.Background()) //nolint:errcheck // it only read
		_, err = c.Exec(h.t.Context(), "select set_config('scimbridge.tenant', $1, false)", h.mine.TenantID.String())
		require.NoError(h.t, err)
		tables := []string{"requests", "request_classes", "request_keys", "request_days"}
		if captured {
			tables = append(tables, "request_bodies")
		}
		for _, table := range tables {
			rows, err := c.Query(h.t.Context(), "select t::text from "+table+" t")
			require.NoError(h.t, err)
			texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
			require.NoError(h.t, err)
			require.NotEmpty(h.t, texts, table)
			places[table] = strings.Join(texts, "\n")
		}
		if dbtest.IsCitus(h.t, "postgres") { // they are files of other servers
			return
		}
		places["the files of the tables"] = h.relationFiles()
		require.Contains(h.t, places["the files of the tables"], "PATCH /Groups/{id}", "what was written is in them")
		return
	}
	files, err := filepath.Glob(filepath.Join(h.folder, "x-requests.db*"))
	require.NoError(h.t, err)
	require.GreaterOrEqual(h.t, len(files), 2, "the file and its log")
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(h.t, err)
		places[name] = string(b)
		if strings.HasSuffix(name, "-wal") {
			require.Contains(h.t, string(b), "PATCH /Groups/{id}", "what was written is in it")
		}
	}
}

// A store that does not take them lets no request wait: they are dropped and counted.
func TestRequestLogThatCannotBeWritten(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		scim := "Bearer " + h.mine.SCIMToken
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // as a store that does not answer in time
		for range 3 {
			require.Equal(t, http.StatusOK, h.send(http.MethodGet, "/scim/v2/Users", "", scim).Code)
		}
		h.requests.writeAll(ctx, t.Context().Err)
		assert.EqualValues(t, 3, h.requests.Dropped(h.mine.TenantID))
		assert.Contains(t, h.send(http.MethodGet, "/metrics", "", "").Body.String(),
			"scimbridge_request_log_dropped_total 3")
		assert.Zero(t, h.requests.queue.bytes, "nothing is held")

		// A queue that is full of one tenant has room for the other.
		for range maxTenantRequestsQueued {
			h.requests.queue.add(requestEntry{tenant: h.mine.TenantID, proven: true, status: 200})
		}
		assert.False(t, h.requests.queue.add(requestEntry{tenant: h.mine.TenantID, proven: true, status: 200}))
		assert.True(t, h.requests.queue.add(requestEntry{tenant: h.theirs.TenantID, proven: true, status: 200}))
		large := requestEntry{tenant: h.theirs.TenantID, proven: true, status: 200,
			body: make([]byte, maxTenantBytesQueued)}
		assert.False(t, h.requests.queue.add(large))
	})
}

// A disk that is nearly full is left to provisioning: the log of an embedded store stops,
// and goes on when there is room.
func TestRequestLogStopsBeforeTheDiskIsFull(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		if h.store.Engine() == "postgres" {
			require.Empty(t, h.requests.file, "the disk is another machine's")
			return
		}
		require.EqualValues(t, 256<<20, h.requests.minFree)
		provision := func(name string) {
			w := h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"`+name+`"}`, "Bearer "+h.mine.SCIMToken)
			require.Equal(t, http.StatusCreated, w.Code, w.Body)
		}
		h.requests.minFree = math.MaxUint64 // no disk has as much
		provision("ann")
		assert.Empty(t, h.list(h.mine, ""))
		assert.EqualValues(t, 1, h.requests.Dropped(h.mine.TenantID))
		assert.Contains(t, h.lines.String(), "the disk has only")
		h.requests.minFree = minFreeDisk
		provision("bob")
		assert.Len(t, h.list(h.mine, ""), 1)
	})
}

// What waits when the server stops is written, and what is too old goes.
func TestRequestLogAtTheEnd(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+h.mine.SCIMToken)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		kept := *h.requests
		kept.kept, _ = h.store.OpenRequestLog(t.Context(), string(h.config.DatabaseURL))
		kept.Run(ctx)
		assert.Len(t, h.list(h.mine, ""), 1)

		require.NoError(t, h.requests.RemoveOld(t.Context(), time.Now(), time.Now().Add(-time.Minute)))
		assert.Len(t, h.list(h.mine, ""), 1)
		require.NoError(t, h.requests.RemoveOld(t.Context(), time.Now(), time.Now().Add(time.Minute)))
		assert.Empty(t, h.list(h.mine, ""))
	})
}

// A body that was cut off shows as much as there is.
func TestRedactedBody(t *testing.T) {
	id := membership.NewID().String()
	for sent, want := range map[string]string{
		`{"op":"add"`: `{"op":"add"}…`,
		`{"Operations":[{"op":"Add","path":"members","value":[{"value":"` + id +
			`"}]}]}`: `{"Operations":[{"op":"Add",` +
			`"path":"members","value":[{"value":"` + id + `"}]}]}`,
		`{"Operations":[{"op":"remove","path":"members[value eq \"` + id + `\"]"}]}`: `{"Operations":[{"op":"remove",` +
			`"path":"members[value eq \"` + id + `\"]"}]}`,
		`{"active":false,"emails":[{"primary":true,"type":"work","value":"a@b.c"}],"x":1}`: `{"active":false,` +
			`"emails":` +
			`[{"primary":true,"type":"work","value":"(address)"}],"x":"(number)"}`,
		`{"externalId":"` + id + `","userName":""}`: `{"externalId":"(id)","userName":""}`,
	} {
		r := redactBody([]byte(sent), false, func(string, string) {})
		assert.Equal(t, want, string(r.out))
	}
	long := redactBody([]byte(`{"a":"`+strings.Repeat(`","a":"`, 2000)+`"}`), false, func(string, string) {})
	assert.LessOrEqual(t, len(long.out), maxRedactedBody+len(cutMark))
}

// Each operation of a Bulk has the events that it wrote.
func TestOperationsHaveTheirEvents(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		body := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[` +
			`{"method":"POST","path":"/Users","bulkId":"a","data":{"userName":"ann"}},` +
			`{"method":"POST","path":"/Users","bulkId":"b","data":{"userName":"ANN"}},` +
			`{"method":"POST","path":"/Groups","bulkId":"c","data":{"displayName":"G",` +
			`"members":[{"value":"bulkId:a"}]}}]}`
		require.Equal(t, http.StatusOK, h.send(http.MethodPost, "/scim/v2/Bulk", body, "Bearer "+h.mine.SCIMToken).Code)
		row := h.list(h.mine, "")[0]
		all := row["events"].([]any)
		require.Len(t, all, 3, "the user, the group and its member")
		w := h.api(h.mine, http.MethodGet, "/v1/requests/"+row["id"].(string), "")
		var one struct {
			Operations []struct {
				Status int
				Events []any
			}
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &one))
		require.Len(t, one.Operations, 3)
		assert.Equal(t, all[:1], one.Operations[0].Events)
		assert.Empty(t, one.Operations[1].Events)
		assert.Equal(t, all[1:], one.Operations[2].Events)
	})
}
