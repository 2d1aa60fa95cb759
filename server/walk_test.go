package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/router"
	"github.com/scimbridge/scimbridge/scim"
)

// The walk: every route of every door, with a credential of every kind, on both
// engines, through everything that a request goes through.
func TestWalk(t *testing.T) {
	dbtest.EachURL(t, func(t *testing.T, url string) {
		w := newWalk(t, url)
		for _, name := range w.routes {
			method, _, _ := strings.Cut(name, " ")
			row, ok := walkTable[name]
			require.True(t, ok, "give %s a row", name)
			t.Run(strings.ReplaceAll(name, "/", "_"), func(t *testing.T) {
				w := *w
				w.t = t
				switch {
				case doorOf(row.path) == doorSCIM:
					w.provider(method, row)
				case row.may != nil:
					w.native(method, row)
				default:
					w.public(method, row)
				}
			})
		}
	})
}

// A row without a route walks nowhere.
func TestTheWalkMissesNothing(t *testing.T) {
	routes := routesOf(t, newTestServer(t))
	for _, name := range routes {
		_, ok := walkTable[name]
		assert.True(t, ok, "give %s a row", name)
	}
	for name := range walkTable {
		assert.Contains(t, routes, name, "it is in the table")
	}
}

// routesOf lists every route of a server: those of its doors, and its own.
func routesOf(t *testing.T, s testServer) []string {
	t.Helper()
	all := slices.Concat(scim.Routes(), []string{"POST " + auth.TokenPath}, router.Routes(s.wire().root))
	// The console has a walk of its own: its pages are asked for with sessions.
	return slices.DeleteFunc(all, isConsole)
}

// walk is a server with two tenants, the first of which has two connections.
type walk struct {
	testServer
	t             *testing.T
	routes        []string
	mine, theirs  auth.Bootstrapped
	second        string // the SCIM token of my second connection
	reading       string // a SCIM token of my first one that may only read
	powerless     string // an API token without permissions
	dead          map[string]string
	theirOwn, its things // what the other tenant and the second connection have

	application, theirApplication signer

	access, readingAccess, secondAccess, theirAccess string // access tokens of OAuth clients

	roles map[string]*visitor // sessions of consoleRoles
}

func newWalk(t *testing.T, url string) *walk {
	t.Helper()
	s := newTestServer(t, func(c *config.Config) {
		c.DatabaseURL, c.RateLimit, c.FailedAuthLimit = config.DatabaseURL(url), 0, 0
		c.SealKeyFile = filepath.Join(t.TempDir(), "seal.key")
	}, withStreams(t))
	w := &walk{testServer: s, t: t, routes: routesOf(t, s), mine: s.bootstrap(t), theirs: s.bootstrap(t)}
	second := w.made("/v1/connections", `{"name":"Second"}`, w.mine)["id"].(string)
	token := func(spec string) string { return w.made("/v1/tokens", spec, w.mine)["token"].(string) }
	w.second = token(`{"name":"second","kind":"scim","connection_id":"` + second + `"}`)
	w.reading = token(`{"name":"reading","kind":"scim","scopes":["scim:read"],"connection_id":"` +
		w.mine.ConnectionID.String() + `"}`)
	w.powerless = token(`{"name":"powerless","kind":"api","permissions":[]}`)

	w.dead = map[string]string{}
	for _, kind := range []auth.TokenKind{auth.KindAPI, auth.KindSCIM} {
		w.dead["expired "+string(kind)] = w.insert(auth.Token{Kind: kind, ExpiresAt: time.Now().Add(-time.Second)})
		w.dead["revoked "+string(kind)] = w.insert(auth.Token{Kind: kind, RevokedAt: time.Now()})
	}
	w.application, w.theirApplication = newSigner(t), newSigner(t)
	w.trust(w.mine, w.application)
	w.trust(w.theirs, w.theirApplication)
	maps.Copy(w.dead, w.deadJWTs())
	w.clients(second)
	w.theirOwn = w.furnish(w.theirs, walkRow{})
	as := w.mine
	as.SCIMToken = w.second
	w.its = w.furnish(as, walkRow{})
	require.NoError(t, errors.Join(s.sealer.Number(t.Context()), s.sealer.Seal(t.Context())))
	return w
}

// insert puts a token into the store as no caller can.
func (w *walk) insert(tok auth.Token) string {
	w.t.Helper()
	tok.Tenant, tok.Name, tok.CreatedAt = w.mine.TenantID, "x", time.Now()
	tok.Permissions = []string{auth.AllPermissions}
	if tok.Kind == auth.KindSCIM {
		tok.Connection, tok.Permissions, tok.Scopes = w.mine.ConnectionID, nil, []string{auth.ScopeSCIM}
	}
	tok, text := auth.Mint(tok)
	require.NoError(w.t, w.store.UpdateCredentials(w.t.Context(), tok.Tenant, func(tx auth.Tx) error {
		err := tx.InsertToken(w.t.Context(), tok)
		if err == nil && !tok.RevokedAt.IsZero() {
			err = tx.RevokeToken(w.t.Context(), tok.ID, tok.RevokedAt)
		}
		return err
	}))
	return text
}

// furnish makes one of everything that the row needs.
func (w *walk) furnish(who auth.Bootstrapped, row walkRow) things {
	w.t.Helper()
	ids := things{"{n}": membership.NewID().String(), "{new id}": membership.NewID().String()}
	need := needed(row.path + row.body)
	for i, f := range furniture {
		if !need[i] {
			continue
		}

		made := w.made(f.path, f.body, who, ids)
		if f.word != "" {
			ids[f.word] = made["id"].(string)
		}
		if f.second != "" {
			ids[f.second] = made[f.field].(string)
		}
		ids["{new id}"] = membership.NewID().String() // each is used once
	}
	if row.path != "" {
		w.t.Cleanup(func() { // a tenant has a bounded number of them
			for _, word := range []string{"{webhook}", "{stream}"} {
				id, err := membership.ParseID(ids[word])
				if err != nil {
					continue
				}
				_ = w.store.Update(context.Background(), who.TenantID, func(tx membership.Tx) error {
					return tx.DeleteWebhook(context.Background(), id)
				})
			}
		})
	}
	if row.path == "" || strings.Contains(row.path, "{request}") {
		w.made("/v1/connections/"+who.ConnectionID.String()+"/captures", `{"hours":1}`, who)
		r := membership.Request{
			ID: membership.NewID(), Tenant: who.TenantID, At: time.Now(), Status: 204,
			Captured: membership.CapturedWhole,
			Whole:    true, Connection: who.ConnectionID, Method: http.MethodDelete, Operation: "DELETE /Users/{id}",
			Path: "/scim/v2/Users/" + membership.NewID().String(),
		}
		box, err := w.requests.sealBody(r.Tenant, r.ID, `{}`)
		require.NoError(w.t, err)
		r.Sealed = &membership.SealedBody{Until: time.Now().Add(time.Hour), Box: box}
		require.NoError(w.t, w.requests.kept.AppendRequests(w.t.Context(), []membership.Request{r}))
		ids["{request}"] = r.ID.String()
	}
	return ids
}

func (w *walk) made(path, body string, who auth.Bootstrapped, ids ...things) map[string]any {
	w.t.Helper()
	for _, fill := range ids {
		path, body = fill.fill(path), fill.fill(body)
	}
	credential := who.APIToken
	if doorOf(path) == doorSCIM {
		credential = who.SCIMToken
	}
	r := w.send(http.MethodPost, path, body, "Bearer "+credential, who.TenantID)
	require.Equal(w.t, http.StatusCreated, r.status, "%s: %s", path, r.body)
	var v map[string]any
	require.NoError(w.t, json.Unmarshal([]byte(r.body), &v))
	return v
}

// answered is an answer without what is new in every one.
type answered struct {
	status int
	header http.Header
	body   string
}

func (w *walk) send(method, path, body, authorization string, tenant membership.ID) answered {
	w.t.Helper()
	path = strings.ReplaceAll(path, "{tenant}", tenant.String())
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Tenant-Id", tenant.String())
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	rec := httptest.NewRecorder()
	w.handle.ServeHTTP(rec, r)
	h := rec.Header().Clone()
	h.Del("X-Request-Id")
	return answered{rec.Code, h, rec.Body.String()}
}

// refuses sends the request with every credential that does not open this door.
func (w *walk) refuses(method string, row walkRow, mine things, wrongDoor map[string]string) {
	w.t.Helper()
	credentials := map[string]string{
		"none": "", "garbage": "Bearer garbage", "a cut token": "Bearer " + w.mine.APIToken[:100],
		"another scheme": "Basic " + w.mine.APIToken, "no scheme": w.mine.SCIMToken,
	}
	for name, token := range w.dead {
		credentials[name] = "Bearer " + token
	}
	for name, token := range wrongDoor {
		credentials[name] = "Bearer " + token
	}
	for name, credential := range credentials {
		r := w.send(method, mine.fill(row.path), mine.fill(row.body), credential, w.mine.TenantID)
		assert.Equal(w.t, http.StatusUnauthorized, r.status, "%s: %s", name, r.body)
		assert.NotEmpty(w.t, r.header.Get("WWW-Authenticate"), name)
		hidden(w.t, r, mine)
	}
}

// hidden: an answer tells nothing of these things.
func hidden(t *testing.T, r answered, ids things) {
	t.Helper()
	for word, id := range ids {
		assert.NotContains(t, r.body, id, word)
	}
}

// likeNothing holds that what is mine is, for another caller who has own, the
// same as what does not exist: to the last byte, but for the id itself.
func (w *walk) likeNothing(method string, row walkRow, credential string, tenant membership.ID, own, mine things) {
	w.t.Helper()
	for word := range mine {
		if !strings.HasPrefix(word, "{n") && strings.Contains(row.path+row.body, word) {
			ask := func(id string) answered {
				ids := maps.Clone(own)
				ids[word] = id
				r := w.send(method, ids.fill(row.path), ids.fill(row.body), credential, tenant)
				r.body = strings.ReplaceAll(r.body, id, word)
				for _, values := range r.header {
					for i := range values {
						values[i] = strings.ReplaceAll(values[i], id, word)
					}
				}
				return r
			}
			nothing := ask(membership.NewID().String())
			w.logs.TakeAll()
			if !assert.Equal(w.t, nothing, ask(mine[word]), word) {
				for _, entry := range w.logs.TakeAll() {
					w.t.Log(entry.Message, entry.ContextMap())
				}
			}
			if row.reading == 0 { // else refusals are inside of the answer
				assert.GreaterOrEqual(w.t, nothing.status, 400, "%s: %s", word, nothing.body)
				assert.Less(w.t, nothing.status, 500, "%s: %s", word, nothing.body)
			}
		}
	}
	if method == http.MethodGet && !strings.Contains(row.path, "{") { // a list
		r := w.send(method, row.path, "", credential, tenant)
		assert.Equal(w.t, row.status, r.status, r.body)
		hidden(w.t, r, mine)
	}
}

func (w *walk) provider(method string, row walkRow) {
	mine := w.furnish(w.mine, row)
	w.refuses(method, row, mine, map[string]string{"an API token": w.mine.APIToken,
		"a JWT": w.application.jwt(w.mine, nil)})
	for _, token := range []string{w.theirs.SCIMToken, w.theirAccess} {
		w.likeNothing(method, row, "Bearer "+token, w.theirs.TenantID, w.theirOwn, mine)
	}
	for _, token := range []string{w.second, w.secondAccess} {
		w.likeNothing(method, row, "Bearer "+token, w.mine.TenantID, w.its, mine)
	}

	send := func(token string) answered {
		return w.send(method, mine.fill(row.path), mine.fill(row.body), "Bearer "+token, w.mine.TenantID)
	}
	want := row.reading
	if want == 0 {
		want = http.StatusForbidden
		if onlyReads(method, row.path) {
			want = row.status
		}
	}
	for _, token := range []string{w.reading, w.readingAccess} {
		r := send(token)
		assert.Equal(w.t, want, r.status, "may only read: %s", r.body)
	}
	for _, token := range []string{w.mine.SCIMToken, w.access} {
		r := send(token)
		assert.Equal(w.t, row.status, r.status, "%s", r.body)
		if method != http.MethodGet {
			mine = w.furnish(w.mine, row) // it may have changed something
		}
	}
}

func (w *walk) native(method string, row walkRow) {
	mine := w.furnish(w.mine, row)
	w.refuses(method, row, mine, map[string]string{"a SCIM token": w.mine.SCIMToken, "one that reads": w.reading,
		"an access token": w.access})
	send := func(token string, tenant membership.ID) answered {
		return w.send(method, mine.fill(row.path), mine.fill(row.body), "Bearer "+token, tenant)
	}
	myJWT, theirJWT := w.application.jwt(w.mine, nil), w.theirApplication.jwt(w.theirs, nil)
	for token, tenant := range map[string]membership.ID{
		w.theirs.APIToken: w.mine.TenantID, theirJWT: w.mine.TenantID,
		w.mine.APIToken: w.theirs.TenantID, myJWT: w.theirs.TenantID,
	} {
		r := send(token, tenant)
		assert.Equal(w.t, cmp.Or(row.elsewhere, http.StatusForbidden), r.status, r.body)
		assert.Equal(w.t, row.elsewhere == 0, strings.Contains(r.body, `"tenant_mismatch"`), r.body)
		hidden(w.t, r, mine)
	}
	for _, token := range []string{w.theirs.APIToken, theirJWT} {
		w.likeNothing(method, row, "Bearer "+token, w.theirs.TenantID, w.theirOwn, mine)
	}

	for _, token := range []string{w.powerless, w.application.jwt(w.mine, map[string]any{"permissions": []string{}})} {
		r := send(token, w.mine.TenantID)
		assert.Equal(w.t, http.StatusForbidden, r.status, r.body)
		assert.Contains(w.t, r.body, row.may[0])
		hidden(w.t, r, mine)
	}

	permissions, err := json.Marshal(row.may)
	require.NoError(w.t, err)
	enough := w.jwts(row.may)
	enough["API token"] = w.made("/v1/tokens", fmt.Sprintf(`{"name":"enough","kind":"api","permissions":%s}`,
		permissions), w.mine)["token"].(string)
	for name, token := range enough {
		if strings.Contains(row.path+row.body, "{stream}") { // it is there for the receiver that made it only
			receiver := w.mine
			receiver.APIToken = token
			mine = w.furnish(receiver, row)
		}
		r := send(token, w.mine.TenantID)
		assert.Equal(w.t, row.status, r.status, "%s: %s", name, r.body)
		if method != http.MethodGet {
			mine = w.furnish(w.mine, row) // it has changed something
		}
	}
	if issuer := mine["{issuer}"]; issuer != "" { // a tenant has 50 at most
		w.send(http.MethodDelete, "/v1/issuers/"+issuer, "", "Bearer "+w.mine.APIToken, w.mine.TenantID)
	}
}

// public: whatever is sent, the answer is the same.
func (w *walk) public(method string, row walkRow) {
	for _, credential := range []string{"", "Bearer garbage", "Bearer " + w.mine.APIToken,
		"Bearer " + w.mine.SCIMToken, "Bearer " + w.dead["revoked api"]} {
		r := w.send(method, row.path, row.body, credential, w.mine.TenantID)
		assert.Equal(w.t, row.status, r.status, r.body)
		for _, b := range []auth.Bootstrapped{w.mine, w.theirs} {
			hidden(w.t, r, things{"tenant": b.TenantID.String(), "connection": b.ConnectionID.String()})
		}
	}
}
