package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
)

// clients makes OAuth clients and takes an access token of each.
func (w *walk) clients(second string) {
	w.t.Helper()
	first := w.client(w.mine, w.mine.ConnectionID.String())
	w.access = w.accessToken(first, auth.ScopeSCIM)
	w.readingAccess = w.accessToken(first, auth.ScopeSCIMRead)
	w.secondAccess = w.accessToken(w.client(w.mine, second), auth.ScopeSCIM)
	w.theirAccess = w.accessToken(w.client(w.theirs, w.theirs.ConnectionID.String()), auth.ScopeSCIM)

	gone := w.client(w.mine, w.mine.ConnectionID.String())
	w.dead["access token of a deleted client"] = w.accessToken(gone, auth.ScopeSCIM)
	r := w.send(http.MethodDelete, "/v1/connections/"+w.mine.ConnectionID.String()+"/clients/"+
		gone["client_id"].(string), "",
		"Bearer "+w.mine.APIToken, w.mine.TenantID)
	require.Equal(w.t, http.StatusNoContent, r.status, r.body)
	w.dead["secret of a client"] = first["client_secret"].(string)
}

func (w *walk) client(who auth.Bootstrapped, connection string) map[string]any {
	w.t.Helper()
	return w.made("/v1/connections/"+connection+"/clients", `{"auth_method":"client_secret"}`, who)
}

func (w *walk) accessToken(client map[string]any, scope string) string {
	w.t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {scope},
		"client_id": {client["client_id"].(string)}, "client_secret": {client["client_secret"].(string)},
	}
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodPost, auth.TokenPath,
		strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	rec := httptest.NewRecorder()
	w.handle.ServeHTTP(rec, r)
	require.Equal(w.t, http.StatusOK, rec.Code, rec.Body)
	var answer map[string]any
	require.NoError(w.t, json.Unmarshal(rec.Body.Bytes(), &answer))
	return answer["access_token"].(string)
}
