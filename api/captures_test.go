package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// A window is opened with a reason, seen, moved and closed, and each of these is an
// event; what it captured goes with it.
func TestCaptures(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		path := "/v1/connections/" + h.mine.ConnectionID.String() + "/captures"
		require.Empty(t, h.do(http.MethodGet, path, "").data())
		first := h.do(http.MethodPost, path, `{"hours":24,"reason":"INC-1"}`).is(http.StatusCreated)
		assertFields(t, first, "id", "connection_id", "opened_by", "opened_at", "ends_at")
		second := h.do(http.MethodPost, path, `{"hours":1}`).is(http.StatusCreated)
		assert.Equal(t, first["id"], second["id"], "its end is moved")
		assert.Less(t, second["ends_at"], first["ends_at"])
		assert.Equal(t, []map[string]any{second}, h.do(http.MethodGet, path, "").data(), "one window at a time")
		opened := h.events(membership.ActionCaptureOpened)
		require.Len(t, opened, 2)
		assert.Equal(t, "INC-1", opened[0].Reason)
		assert.JSONEq(t, `{"capture_id":"`+first["id"].(string)+`","connection_id":"`+h.mine.ConnectionID.String()+
			`","ends_at":"`+first["ends_at"].(string)+`"}`, string(opened[0].After))
		for _, body := range []string{``, `{}`, `{"hours":0}`, `{"hours":25}`, `{"hours":1.5}`, `{"hours":"1"}`} {
			h.do(http.MethodPost, path, body).fails(http.StatusBadRequest, codeInvalidInput)
		}
		for _, c := range []string{h.other.ConnectionID.String(), membership.NewID().String()} {
			h.do(http.MethodPost, "/v1/connections/"+c+"/captures", `{"hours":1}`).
				fails(http.StatusNotFound, codeNotFound)
			h.do(http.MethodGet, "/v1/connections/"+c+"/captures", "").fails(http.StatusNotFound, codeNotFound)
		}

		captured := membership.Request{
			Connection: h.mine.ConnectionID, Status: 201, Captured: membership.CapturedWhole,
		}
		id := h.keep(h.mine.TenantID, captured).String()
		none := h.keep(h.mine.TenantID, membership.Request{Status: 201}).String()
		captured.Connection = h.other.ConnectionID
		h.do(http.MethodPost, "/v1/connections/"+h.other.ConnectionID.String()+"/captures", `{"hours":1}`, as(h.other)).
			is(http.StatusCreated)
		theirs := h.keep(h.other.TenantID, captured).String()
		assert.Equal(t, "whole", h.do(http.MethodGet, "/v1/requests/"+id, "").is(http.StatusOK)["captured"])
		read := h.do(http.MethodGet, "/v1/requests/"+id+"/capture", "").is(http.StatusOK)
		assertFields(t, read, "body", "whole", "kept_until")
		assert.JSONEq(t, `{"userName":"ann"}`, read["body"].(string))
		events := h.events(membership.ActionCaptureRead)
		require.Len(t, events, 1)
		assert.Contains(t, string(events[0].After), id)
		for _, absent := range []string{none, theirs, membership.NewID().String()} {
			h.do(http.MethodGet, "/v1/requests/"+absent+"/capture", "").fails(http.StatusNotFound, codeNotFound)
		}
		assert.Len(t, h.events(membership.ActionCaptureRead), 1)

		for _, unknown := range []string{path, "/v1/connections/" + h.other.ConnectionID.String() + "/captures"} {
			h.do(http.MethodDelete, unknown+"/"+membership.NewID().String(), "").fails(http.StatusNotFound,
				codeNotFound)
		}
		h.do(http.MethodDelete, path+"/"+second["id"].(string)+"?reason=INC-2", "").is(http.StatusNoContent)
		h.do(http.MethodDelete, path+"/"+second["id"].(string)+"?reason=INC-3", "").is(http.StatusNoContent)
		require.Empty(t, h.do(http.MethodGet, path, "").data())
		closed := h.events(membership.ActionCaptureClosed)
		require.Len(t, closed, 1)
		assert.Equal(t, "INC-2", closed[0].Reason)
		h.do(http.MethodGet, "/v1/requests/"+id+"/capture", "").fails(http.StatusNotFound, codeNotFound)
		h.do(http.MethodGet, "/v1/requests/"+theirs+"/capture", "", as(h.other)).is(http.StatusOK)
	})
}

// What is captured is removed with the erasure of anybody: nobody can look for one
// person in it.
func TestErasureRemovesCaptures(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		id := h.keep(h.mine.TenantID, membership.Request{Status: 201, Captured: membership.CapturedWhole})
		user := h.user("ann")
		h.do(http.MethodPost, "/v1/users/"+user+"/erase", `{"reason":"INC-1"}`).is(http.StatusOK)
		_, err := h.requests.RequestBody(t.Context(), h.mine.TenantID, id)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
		assert.NotEmpty(t, h.do(http.MethodGet, "/v1/requests/"+id.String(), "").is(http.StatusOK))
	})
}

// A body whose time is over is not shown, even before it is removed.
func TestCaptureThatEnded(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		r := membership.Request{
			ID: membership.NewID(), Tenant: h.mine.TenantID, At: time.Now(), Captured: membership.CapturedWhole,
		}
		r.Sealed = &membership.SealedBody{Until: time.Now(), Box: append(r.ID[:], "x"...)}
		require.NoError(t, h.requests.AppendRequests(t.Context(), []membership.Request{r}))
		h.do(http.MethodGet, "/v1/requests/"+r.ID.String()+"/capture", "").fails(http.StatusNotFound, codeNotFound)
	})
}
