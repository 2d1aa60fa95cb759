package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/db/sqlite"
	"github.com/scimbridge/scimbridge/membership"
)

// Of one tenant no more is captured at once than a batch has time for: its requests
// stay, and those of others come first.
func TestManyLargeBodies(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		h.window(h.mine, 2)
		h.window(h.theirs, 2)
		large := `{"a":[` + strings.Repeat(`{"op":1},`, 28_000) + `1]}`
		const sent = capturedAtOnce/250_000 + 10
		for range sent {
			h.send(http.MethodPost, "/scim/v2/Users", large, "Bearer "+h.mine.SCIMToken)
		}
		h.send(http.MethodPost, "/scim/v2/Users", `{"userName":"ann"}`, "Bearer "+h.theirs.SCIMToken)
		batch, more := h.requests.queue.take(time.Now())
		require.False(t, more)
		parts := byTenant(batch)
		require.Len(t, parts, 2)
		assert.Equal(t, h.theirs.TenantID, parts[0].tenant, "the least work comes first")
		h.requests.writeBatch(t.Context(), batch)

		captured := 0
		rows := h.list(h.mine, "limit=100")
		for _, r := range rows {
			if text, _ := h.body(h.mine, r["id"]); text != "" {
				captured++
			}
		}
		assert.Len(t, rows, sent)
		assert.Equal(t, capturedAtOnce/len(large), captured)
		theirs := h.list(h.theirs, "")
		require.Len(t, theirs, 1)
		text, _ := h.body(h.theirs, theirs[0]["id"])
		assert.JSONEq(t, `{"userName":"ann"}`, text)
		assert.Zero(t, h.requests.Dropped(h.mine.TenantID)+h.requests.Dropped(h.theirs.TenantID))
	})
}

// What cannot be written of one tenant loses no request of another.
func TestRequestsOfATenantThatCannotBeWritten(t *testing.T) {
	eachRequestHouse(t, func(t *testing.T, h *requestHouse) {
		h.refuse(h.mine.TenantID)
		for range 3 {
			h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+h.mine.SCIMToken)
			h.send(http.MethodGet, "/scim/v2/Users", "", "Bearer "+h.theirs.SCIMToken)
		}
		h.written()
		assert.EqualValues(t, 3, h.requests.Dropped(h.mine.TenantID))
		assert.Zero(t, h.requests.Dropped(h.theirs.TenantID))
		assert.Empty(t, h.list(h.mine, ""))
		assert.Len(t, h.list(h.theirs, ""), 3)
		assert.Contains(t, h.lines.String(), h.mine.TenantID.String()+": ")
		metrics := h.send(http.MethodGet, "/metrics", "", "").Body.String()
		assert.Contains(t, metrics, "scimbridge_request_log_dropped_total 3")
		assert.Contains(t, metrics, "scimbridge_request_log_written_total 3")
		assert.Zero(t, h.requests.queue.bytes, "nothing is held")
	})
}

// refuse lets the database refuse the requests of a tenant.
func (h *requestHouse) refuse(tenant membership.ID) {
	h.t.Helper()
	if h.store.Engine() == "postgres" {
		c, err := pgx.Connect(h.t.Context(), dbtest.OwnerURL(h.t, string(h.config.DatabaseURL)))
		require.NoError(h.t, err)
		defer c.Close(context.Background()) //nolint:errcheck // it has done what it is for
		_, err = c.Exec(h.t.Context(),
			"alter table requests add constraint refused check (tenant_id <> '"+tenant.String()+"')")
		require.NoError(h.t, err)
		return
	}
	e, err := sqlite.Open(db.RequestLogFile(string(h.config.DatabaseURL)),
		sqlite.Options{Logger: zap.NewNop(), Log: true})
	require.NoError(h.t, err)
	defer e.Close() //nolint:errcheck // it has done what it is for
	require.NoError(h.t, e.Update(h.t.Context(), tenant, func(tx engine.Tx) error {
		_, err := tx.Exec(h.t.Context(), fmt.Sprintf(`create trigger refused before insert on requests
			when new.tenant_id = x'%x' begin select raise(abort, 'refused'); end`, tenant[:]))
		return err
	}))
}
