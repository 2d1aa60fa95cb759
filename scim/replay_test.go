package scim_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
)

// TestReplays plays every recorded conversation of a provider.
func TestReplays(t *testing.T) {
	conversations, err := replay.Conversations()
	require.NoError(t, err)
	each(t, func(t *testing.T, b *bench) {
		for _, c := range conversations {
			t.Run(c.ID, func(t *testing.T) {
				client := &replay.Client{Base: b.base, Token: b.token}
				result, err := client.Play(t.Context(), c)
				require.NoError(t, err)
				if result.Verdict == replay.Pass {
					return
				}
				for _, s := range result.Steps {
					if found := append(s.Fails, s.Warns...); len(found) > 0 {
						t.Errorf("%s %s %s\n\t%s\n\tgot %d %s", s.Method, s.Path, s.Request,
							strings.Join(found, "\n\t"), s.Status,
							s.Response)
					}
				}
			})
		}
	})
}
