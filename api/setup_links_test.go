package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

func TestSetupLinks(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) {
		h := newHouse(t, store, Config{PublicURL: "https://scim.example.com"})
		links := "/v1/connections/" + h.mine.ConnectionID.String() + "/setup-links"
		require.Empty(t, h.do(http.MethodGet, links, "").data())
		made := h.do(http.MethodPost, links, `{"expires_in_seconds":3600,"reason":"INC-1"}`).is(http.StatusCreated)
		assertFields(t, made, "id", "connection_id", "abilities", "state", "created_by", "created_at", "expires_at",
			"url")
		assert.Equal(t, []any{"client", "requests", "token"}, made["abilities"])
		created, err := time.Parse(time.RFC3339, made["created_at"].(string))
		require.NoError(t, err)
		assert.Equal(t, created.Add(time.Hour).Format("2006-01-02T15:04:05.000000Z07:00"), made["expires_at"])
		text, is := strings.CutPrefix(made["url"].(string), "https://scim.example.com/console/setup#")
		require.True(t, is, made["url"])
		events := h.events(membership.ActionSetupLinkCreated)
		require.Len(t, events, 1)
		assert.Equal(t, "INC-1", events[0].Reason)
		assert.NotContains(t, string(events[0].After), text[strings.LastIndex(text, "_")+1:])
		// It opens neither door: it is no token.
		h.do(http.MethodGet, links, "", bearer(text)).fails(http.StatusUnauthorized, codeUnauthenticated)

		delete(made, "url")
		assert.Equal(t, []map[string]any{made}, h.do(http.MethodGet, links, "").data())
		none := h.do(http.MethodPost, links, `{"abilities":[]}`).is(http.StatusCreated)
		assert.Empty(t, none["abilities"])
		connection := h.make("/v1/connections", `{"name":"Second"}`)
		second := "/v1/connections/" + connection + "/setup-links"
		assert.Empty(t, h.do(http.MethodGet, second, "").data())

		one := "/" + made["id"].(string)
		h.do(http.MethodDelete, second+one, "").fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodDelete, links+one+"?reason=INC-2", "").is(http.StatusNoContent)
		h.do(http.MethodDelete, links+one, "").fails(http.StatusNotFound, codeNotFound)
		revoked := h.events(membership.ActionSetupLinkRevoked)
		require.Len(t, revoked, 1)
		assert.Equal(t, "INC-2", revoked[0].Reason)
		listed := h.do(http.MethodGet, links, "").data()
		require.Len(t, listed, 2)
		assert.Equal(t, "revoked", listed[0]["state"])
		assertFields(t, listed[0], "id", "connection_id", "abilities", "state", "created_by", "created_at",
			"expires_at", "revoked_at")

		for _, body := range []string{
			`{"expires_in_seconds":0}`, `{"expires_in_seconds":59}`, `{"expires_in_seconds":2592001}`,
			`{"expires_in_seconds":9223372036854775807}`, `{"expires_in_seconds":"60"}`, `{"abilities":["x"]}`,
			`{"abilities":"token"}`, `{"url":"x"}`, ``,
		} {
			h.do(http.MethodPost, links, body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		for _, c := range []string{h.other.ConnectionID.String(), membership.NewID().String()} {
			h.do(http.MethodPost, "/v1/connections/"+c+"/setup-links", `{}`).fails(http.StatusNotFound, codeNotFound)
			h.do(http.MethodGet, "/v1/connections/"+c+"/setup-links", "").fails(http.StatusNotFound, codeNotFound)
		}
	})
}

// The removal of a connection counts its open links, and ends them.
func TestSetupLinksEndWithTheirConnection(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		connection := h.make("/v1/connections", `{"name":"Second"}`)
		path := "/v1/connections/" + connection
		h.make(path+"/setup-links", `{}`)
		preview := h.do(http.MethodDelete, path+"?members=release&dry_run=true", "").is(http.StatusOK)
		assert.EqualValues(t, 1, preview["credentials"])
		h.do(http.MethodDelete, path+"?members=release", "").is(http.StatusNoContent)
		assert.Equal(t, "revoked", h.do(http.MethodGet, path+"/setup-links", "").data()[0]["state"])
		events := h.events(membership.ActionSetupLinkRevoked)
		require.Len(t, events, 1)
		assert.Contains(t, string(events[0].After), `"batch"`)
		h.do(http.MethodPost, path+"/setup-links", `{}`).fails(http.StatusNotFound, codeNotFound)
	})
}
