package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// Who holds the leaf of an event computes its hashes from what the JSON answer
// discloses beside it.
func TestDisclosedTextsAreThoseOfTheLeaf(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		user, group := h.user("ada"), h.make("/v1/groups", `{"display_name":"Group"}`)
		h.do(http.MethodPost, "/v1/groups/"+group+"/members", `{"user_id":"`+user+`","reason":"as \"Ada\" asked"}`).
			is(http.StatusCreated)
		require.NoError(t, h.store.Update(t.Context(), h.mine.TenantID, func(tx membership.Tx) error {
			return tx.AppendEvents(t.Context(), membership.Event{
				ID: membership.NewID(), At: recentTime(), Action: membership.ActionUserLinked,
				Actor: membership.Actor{Kind: membership.ActorOperator, ID: "cli"}, Source: membership.SourceLocal,
				Before: []byte(`{"external_id":"E-1"}`), After: []byte(`{"external_id":"E-2"}`),
			})
		}))
		answer := h.do(http.MethodGet, "/v1/audit/events", "").data()
		leaves := strings.Split(strings.TrimSpace(
			string(h.do(http.MethodGet, "/v1/audit/events", "", header("Accept", "application/jsonl")).body)), "\n")
		require.Len(t, leaves, len(answer))
		texts := map[string]string{}
		for i, e := range answer {
			var leaf map[string]any
			require.NoError(t, json.Unmarshal([]byte(leaves[i]), &leaf))
			disclosed, _ := e["disclosed"].(map[string]any)
			for field, v := range disclosed {
				text, salt := v.(map[string]any)["text"].(string), v.(map[string]any)["salt"].(string)
				raw, err := hex.DecodeString(salt)
				require.NoError(t, err)
				require.Len(t, raw, 32)
				sum := sha256.Sum256(append(raw, text...))
				of, name := leaf, field
				if facts, fact, inFacts := strings.Cut(field, "."); inFacts {
					of, name = leaf[facts].(map[string]any), fact
				}
				assert.Equal(t, hex.EncodeToString(sum[:]), of[name+"_sha256"], field)
				texts[field] = text
			}
		}
		assert.Equal(t, map[string]string{
			"reason": `as "Ada" asked`, "before.external_id": "E-1", "after.external_id": "E-2",
		}, texts)
		assert.NotContains(t, strings.Join(leaves, ""), "asked")
	})
}
