package server

import (
	"cmp"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/membership"
)

// window opens a window for the connection, and returns its id.
func (h *requestHouse) window(who auth.Bootstrapped, hours int) string {
	h.t.Helper()
	w := h.api(who, http.MethodPost, "/v1/connections/"+who.ConnectionID.String()+"/captures",
		`{"hours":`+string(rune('0'+hours))+`,"reason":"INC-1"}`)
	require.Equal(h.t, http.StatusCreated, w.Code, w.Body)
	var made struct{ ID string }
	require.NoError(h.t, json.Unmarshal(w.Body.Bytes(), &made))
	return made.ID
}

// body is the captured body of a request, as its tenant reads it; "": there is none.
func (h *requestHouse) body(who auth.Bootstrapped, id any) (text string, whole bool) {
	h.t.Helper()
	w := h.api(who, http.MethodGet, "/v1/requests/"+id.(string)+"/capture", "")
	if w.Code == http.StatusNotFound {
		return "", false
	}
	require.Equal(h.t, http.StatusOK, w.Code, w.Body)
	var read struct {
		Body  string
		Whole bool
	}
	require.NoError(h.t, json.Unmarshal(w.Body.Bytes(), &read))
	return read.Body, read.Whole
}

// checkCaptures checks that what was sent can be read, but for its secrets.
func (h *requestHouse) checkCaptures(rows []map[string]any, canaries, passwords []string) {
	h.t.Helper()
	var all strings.Builder
	for _, r := range rows {
		text, _ := h.body(h.mine, r["id"])
		all.WriteString(text)
		w := h.api(h.theirs, http.MethodGet, "/v1/requests/"+r["id"].(string)+"/capture", "")
		assert.Equal(h.t, http.StatusNotFound, w.Code)
	}
	text := strings.ToLower(all.String())
	read := 0
	for _, c := range canaries {
		name, _, _ := strings.Cut(c, "@")
		if strings.Contains(text, name) {
			read++
		}
	}
	assert.Greater(h.t, read, 30, "bodies were captured")
	require.Greater(h.t, len(passwords), 8)
	for _, p := range passwords {
		name, _, _ := strings.Cut(p, "@")
		assert.NotContains(h.t, text, name)
	}
	assert.Contains(h.t, text, `"password":"(secret)"`)
}

// Whole bodies are kept while a window is open, of its connection alone, and go with
// it.
func TestCaptureWindow(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		mine, theirs := "Bearer "+h.mine.SCIMToken, "Bearer "+h.theirs.SCIMToken
		before := `{"userName":"before"}`
		h.send(http.MethodPost, "/scim/v2/Users", before, mine)
		id := h.window(h.mine, 2)
		sent := `{"userName":"ann","title":"a \u003c b","password":"x"}`
		require.Equal(t, http.StatusCreated, h.send(http.MethodPost, "/scim/v2/Users", sent, mine).Code)
		h.send(http.MethodPost, "/scim/v2/Users", sent, theirs)
		h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"bob","password":7`, mine)
		long := `{"userName":"cid","title":"` + strings.Repeat("x", maxCapturedBody) + `"}`
		h.send(http.MethodPost, "/scim/v2/Users", long, mine)

		rows := h.list(h.mine, "")
		require.Len(t, rows, 4)
		text, whole := h.body(h.mine, rows[2]["id"])
		assert.Equal(t, `{"userName":"ann","title":"a < b","password":"(secret)"}`, text)
		assert.True(t, whole)
		text, whole = h.body(h.mine, rows[1]["id"])
		assert.Equal(t, `{"userName":"bob","password":"(secret)"}`, text)
		assert.False(t, whole)
		text, whole = h.body(h.mine, rows[0]["id"])
		assert.Equal(t, `{"userName":"cid"}`, text, "the text that was cut off is not there")
		assert.False(t, whole)
		text, _ = h.body(h.mine, rows[3]["id"])
		assert.Empty(t, text)
		text, _ = h.body(h.theirs, h.list(h.theirs, "")[0]["id"])
		assert.Empty(t, text, "the other has no window")

		// Who may read the log may not read bodies, nor open a window.
		w := h.api(h.mine, http.MethodPost, "/v1/tokens", `{"name":"x","kind":"api","permissions":["REQUESTS:READ"]}`)
		var few struct{ Token string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &few))
		reader := h.mine
		reader.APIToken = few.Token
		assert.Equal(t, http.StatusOK, h.api(reader, http.MethodGet, "/v1/requests", "").Code)
		windows := "/v1/connections/" + h.mine.ConnectionID.String() + "/captures"
		for _, r := range [][3]string{
			{http.MethodGet, "/v1/requests/" + rows[2]["id"].(string) + "/capture"}, {http.MethodGet, windows},
			{http.MethodPost, windows, `{"hours":1}`}, {http.MethodDelete, windows + "/" + id},
		} {
			assert.Equal(t, http.StatusForbidden, h.api(reader, r[0], r[1], r[2]).Code, r)
		}

		// What is sent while it is open and written when it is closed is not kept.
		h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"dan"}`, mine)
		require.Equal(t, http.StatusNoContent, h.api(h.mine, http.MethodDelete, windows+"/"+id, "").Code)
		h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"eve"}`, mine)
		rows = h.list(h.mine, "")
		require.Len(t, rows, 6)
		for _, r := range rows {
			text, _ := h.body(h.mine, r["id"])
			assert.Empty(t, text, r["operation"])
		}
	})
}

// What is written after the end of a window, by a server that knew of none, is not read,
// also when another window follows; and to end one can be repeated.
func TestCaptureWrittenAfterTheEnd(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		windows := "/v1/connections/" + h.mine.ConnectionID.String() + "/captures/"
		end := func(id string) int { return h.api(h.mine, http.MethodDelete, windows+id, "").Code }
		written := func(at time.Time) (id string) {
			at = at.UTC().Truncate(time.Microsecond)
			r := membership.Request{
				ID: membership.NewIDAt(at), Tenant: h.mine.TenantID, At: at, Connection: h.mine.ConnectionID,
				Status: 201, Captured: membership.CapturedWhole,
			}
			box, err := h.requests.sealBody(r.Tenant, r.ID, `{"userName":"ann"}`)
			require.NoError(t, err)
			r.Sealed = &membership.SealedBody{Until: at.Add(25 * time.Hour), Box: box}
			require.NoError(t, h.requests.kept.AppendRequests(t.Context(), []membership.Request{r}))
			return r.ID.String()
		}
		read := func(id string) string {
			text, _ := h.body(h.mine, id)
			return text
		}
		kept := func() int {
			bodies, err := h.requests.kept.KeptBodies(t.Context(), h.mine.TenantID)
			require.NoError(t, err)
			return len(bodies)
		}
		assert.Empty(t, read(written(time.Now())), "there was no window")
		id := h.window(h.mine, 2)
		assert.Equal(t, id, h.window(h.mine, 1), "the end of the same window is moved")
		assert.NotEmpty(t, read(written(time.Now())))

		before := time.Now()
		require.Equal(t, http.StatusNoContent, end(id))
		require.Zero(t, kept())
		assert.Empty(t, read(written(before)))
		require.Equal(t, 1, kept())
		require.Equal(t, http.StatusNoContent, end(id), "again")
		require.Zero(t, kept())
		assert.Equal(t, http.StatusNotFound, end(membership.NewID().String()))

		time.Sleep(2 * time.Millisecond) // ids are of a millisecond
		assert.NotEqual(t, id, h.window(h.mine, 1))
		assert.Equal(t, http.StatusNotFound, end(id), "it is not the last any more")
		assert.Empty(t, read(written(before)), "it is none of the window that is open now")
		now := written(time.Now())
		assert.NotEmpty(t, read(now))
		require.Equal(t, 2, kept())
		require.NoError(t, h.requests.RemoveOld(t.Context(), time.Now(), before.Add(-time.Hour)))
		require.Equal(t, 1, kept(), "it is removed long before its time")
		assert.NotEmpty(t, read(now))
	})
}

// What is too old is removed, whatever its request; and the oldest beyond the bounds.
func TestCapturedBodiesGo(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		h.window(h.mine, 1)
		h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"ann"}`, "Bearer "+h.mine.SCIMToken)
		rows := h.list(h.mine, "")
		require.Len(t, rows, 1)
		id, err := membership.ParseID(rows[0]["id"].(string))
		require.NoError(t, err)
		body, err := h.requests.kept.RequestBody(t.Context(), h.mine.TenantID, id)
		require.NoError(t, err)
		assert.WithinDuration(t, time.Now().Add(25*time.Hour), body.Until, time.Minute)
		assert.NotContains(t, string(body.Box), "ann")
		_, err = h.requests.OpenBody(h.theirs.TenantID, id, body.Box)
		require.Error(t, err, "another tenant")
		_, err = h.requests.OpenBody(h.mine.TenantID, membership.NewID(), body.Box)
		require.Error(t, err, "another request")

		h.window(h.mine, 2) // moves the end, also of what is kept already
		until := body.Until.Add(time.Hour)
		require.NoError(t, h.requests.removeBodies(t.Context(), h.mine.TenantID, until.Add(-time.Second)))
		text, _ := h.body(h.mine, id.String())
		assert.JSONEq(t, `{"userName":"ann"}`, text)
		require.NoError(t, h.requests.removeBodies(t.Context(), h.mine.TenantID, until.Add(time.Minute)))
		text, _ = h.body(h.mine, id.String())
		assert.Empty(t, text)
		assert.Len(t, h.list(h.mine, ""), 1, "the request stays")

		h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"bob"}`, "Bearer "+h.mine.SCIMToken)
		id, err = membership.ParseID(h.list(h.mine, "")[0]["id"].(string))
		require.NoError(t, err)
		require.NoError(t, h.requests.RemoveOld(t.Context(), time.Now(), time.Now().Add(time.Minute)))
		_, err = h.requests.kept.RequestBody(t.Context(), h.mine.TenantID, id)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err), "with its request")
	})
}

// A server that keeps no requests any more removes what was captured all the same, and
// what is older than the log is kept by default.
func TestWhatWasKeptGoesWithoutTheLog(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		h.window(h.mine, 1)
		h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"ann"}`, "Bearer "+h.mine.SCIMToken)
		h.written()
		off := h.config
		off.RequestLog = 0
		for _, c := range []struct{ hours, bodies, requests int }{
			{24, 1, 1}, {26, 0, 1}, {30*24 - 1, 0, 1}, {30*24 + 1, 0, 0},
		} {
			now := time.Now().Add(time.Duration(c.hours) * time.Hour)
			require.NoError(t, removeOldWhereOff(t.Context(), off, h.store, now))
			bodies, err := h.requests.kept.KeptBodies(t.Context(), h.mine.TenantID)
			require.NoError(t, err)
			assert.Len(t, bodies, c.bodies)
			assert.Len(t, h.list(h.mine, ""), c.requests)
		}
		off.DatabaseURL = "sqlite:" + config.DatabaseURL(filepath.Join(t.TempDir(), "none.db"))
		require.NoError(t, removeOldWhereOff(t.Context(), off, h.store, time.Now()), "there is no log")
	})
}

// Secrets are taken out wherever they stand, and what only looks like one stays.
func TestCapturedBody(t *testing.T) {
	deep := strings.Repeat(`{"a":`, maxTreeDepth+5) + "1" + strings.Repeat("}", maxTreeDepth+5)
	for _, c := range []struct {
		sent, text string // "": as it was sent
		state      membership.CaptureState
	}{
		{`{"a":[1,2.50,true,null,"x"],"A":""}`, "", membership.CapturedWhole},
		{`{"password":["x",{"z":"w"}]}`, `{"password":["(secret)",{"z":"(secret)"}]}`, membership.CapturedWhole},
		{`{"Pass-Word":"x"}`, `{"Pass-Word":"(secret)"}`, membership.CapturedCut},
		{`{"password":null,"clientSecret":1}`, `{"password":null,"clientSecret":"(secret)"}`, membership.CapturedCut},
		{`{"displayName":"Password Reset","title":"Basic plan"}`, "", membership.CapturedWhole},
		{`{"path":"password","value":"x"}`, `{"path":"password","value":"(secret)"}`, membership.CapturedWhole},
		{`{"name":"password","value":"x"}`, `{"name":"password","value":"(secret)"}`, membership.CapturedCut},
		{`{"path":"urn:x:1.0:User:password","value":"x"}`, `{"path":"urn:x:1.0:User:password","value":"(secret)"}`,
			membership.CapturedWhole},
		{`{"path":"a","value":"x","Path":"u:password"}`, `{"path":"a","value":"(secret)","Path":"u:password"}`,
			membership.CapturedCut},
		{`{"value":"{\"password\":\"x\"}"}`, `{"value":"(secret)"}`, membership.CapturedCut},
		{`{"note":"Basic YW5uOnNlY3JldA=="}`, `{"note":"(secret)"}`, membership.CapturedCut},
		{`{"note":"scimbridge_abc"}`, `{"note":"(secret)"}`, membership.CapturedCut},
		{`{"password[value eq \"x\"]":"y"}`, `{"(no name)":"(secret)"}`, membership.CapturedCut},
		{`{"a":1} {"password":"x"}`, `{"a":1}`, membership.CapturedCut},
		{`{"Operations":[{"op":"add","value":"x"`, `{"Operations":[{"op":"add","value":"(secret)"}]}`,
			membership.CapturedCut},
		{`{"Operations":[{"value":[{"a":"x"}],"op":"add","pa`,
			`{"Operations":[{"value":[{"a":"(secret)"}],"op":"add"}]}`,
			membership.CapturedCut},
		{`{"Operations":[{"path":"title","value":"x"},{"op":"add"`,
			`{"Operations":[{"path":"title","value":"x"},{"op":"add"}]}`,
			membership.CapturedCut},
		{`password=x`, "(no JSON)", membership.CapturedCut},
		{deep, strings.Repeat(`{"a":`, maxTreeDepth) + "{}" + strings.Repeat("}", maxTreeDepth),
			membership.CapturedCut},
	} {
		text, state := capturedBody([]byte(c.sent), false)
		assert.Equal(t, cmp.Or(c.text, c.sent), text, c.sent)
		assert.Equal(t, c.state, state, c.sent)
	}
}

// A secret is none of the bodies that are kept, whatever it is called and wherever it
// stands; ordinary SCIM is kept as it was sent.
func TestCapturedSecrets(t *testing.T) {
	for _, sent := range secretBodies(func() string { return "hunter22" }) {
		text, _ := capturedBody([]byte(sent), false)
		assert.NotContains(t, text, "hunter22", sent)
	}
	for _, sent := range []string{
		`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:acme:tokens:1.0:User"],` +
			`"userName":"eve.token@x.example","externalId":"00u1-token",` +
			`"id":"0197a5e3-0e77-7b6a-9c13-8d9e0f1a2b3c","title":"Basic plan","active":true}`,
		`{"urn:acme:tokens:1.0:User":{"costCenter":"7"},"name":{"givenName":"Pin","familyName":"Otp"}}`,
		`{"emails":[{"value":"executive.office.west@x.example","type":"work","primary":true}],"title":"Bearer of it"}`,
		`{"Operations":[{"op":"add","path":"members[value eq \"a5\"]","value":[{"value":"x","display":"Tokens"}]}]}`,
		`{"meta":{"version":"W/\"7\"","location":"https://x.example/scim/v2/Users/1"},"displayName":"Secret Santa"}`,
	} {
		text, state := capturedBody([]byte(sent), false)
		assert.Equal(t, sent, text)
		assert.Equal(t, membership.CapturedWhole, state, sent)
	}
}

// secretBodies are bodies with a secret each.
func secretBodies(next func() string) (bodies []string) {
	for _, body := range []string{
		`{"userPassword":"!"}`, `{"newPassword":"!"}`, `{"password2":"!"}`, `{"Pass_Word":["!"]}`,
		`{"pa\u017f\u017fword":"!"}`, `{"pass":"!"}`, `{"pin":"!"}`, `{"pwd_hash":"!"}`, `{"user.pass-phrase":"!"}`,
		`{"password":{"value":"!"}}`,
		`{"urn:x:User":{"apiToken":"!","access_key":"!","client_assertion":"!","privateKeys":["!"]}}`,
		`{"urn:x:password:User":{"value":"!"}}`, `{"urn:x:1.0:User:password":"!"}`, `{"name":"password","value":"!"}`,
		`{"value":"!","attribute":"passwd"}`, `{"key":"api key","values":["!"]}`,
		`{"type":"refresh_token","value":{"x":"!"}}`, `{"path":"password ","value":"!"}`,
		`{"path":"password\t","value":"!"}`, `{"path":"password\u00a0","value":"!"}`,
		`{"path":["password"],"value":"!"}`, `{"path":[["x"],["a.password"]],"value":"!"}`,
		`{"path":"urn:ietf:params:scim:schemas:core:2.0:User:password","value":"!"}`,
		`{"path":"urn:x:User:password[value eq \"a:b\"]","value":"!"}`, `{"note":"Authorization: Bearer !!"}`,
		`{"note":"Bearer  !!"}`, `{"note":"a BASIC\u00a0!! b"}`, `{"note":"x bearer:!!"}`,
		`{"note":"eyJhbGciOiJSUzI1NiJ9.!.c2ln"}`, `{"note":"x-eyJhbGciOiJSUzI1NiJ9.!"}`,
		`{"note":"ewogImFsZyI6Im5vbmUifQ.!.c2ln"}`, `{"note":"scimbridge_!"}`, `{"note":"client_secret=!&x=y"}`,
		`{"note":"{\"apiToken\":\"!\"}"}`, `{"filter":"token eq \"!\""}`,
	} {
		bodies = append(bodies, strings.ReplaceAll(body, "!", next()))
	}
	return bodies
}
