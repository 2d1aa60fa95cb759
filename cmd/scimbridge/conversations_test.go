package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// Every recorded conversation goes as recorded, against the real server on both
// engines, one tenant for all: providers never find an empty server. Then the request
// log has every request, with what became of it.
func TestRecordedConversations(t *testing.T) {
	all, err := replay.Conversations()
	require.NoError(t, err)
	dbtest.EachURL(t, func(t *testing.T, url string) {
		tenant := tenancy(t, url)
		server := start(t, url)
		var sent sentRequests
		client := replay.Client{
			Base: server.base + scimPrefix, Token: tenant.SCIMToken, HTTP: sent.over(tenant.SCIMToken),
		}
		for _, conv := range all {
			t.Run(conv.ID, func(t *testing.T) {
				result, err := client.Play(t.Context(), conv)
				require.NoError(t, err)
				assert.True(t, result.OK(), result.Verdict)
				for _, step := range result.Steps {
					for _, f := range step.Fails {
						t.Logf("%s %s (%s): %s", step.Method, step.Path, step.Note, f)
					}
					for _, w := range step.Warns {
						t.Logf("should: %s %s (%s): %s", step.Method, step.Path, step.Note, w)
					}
				}
			})
		}
		t.Run("the request log", func(t *testing.T) { sent.checkLog(t, nativeCaller(server, tenant)) })
	})
}
