package scim

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// TestIgnoredLogIsLimited: a name once a minute, so many lines a minute, of so
// many connections.
func TestIgnoredLogIsLimited(t *testing.T) {
	var l ignoredLog
	c, now := membership.NewID(), time.Now()
	require.Equal(t, ignoredNames{"a", "b"}, l.unsaid(c, ignoredNames{"a", "b"}, now))
	require.Empty(t, l.unsaid(c, ignoredNames{"a", "b"}, now.Add(ignoredPeriod)))
	require.Equal(t, ignoredNames{"c"}, l.unsaid(c, ignoredNames{"a", "c"}, now.Add(time.Second)))
	require.Equal(t, ignoredNames{"a"}, l.unsaid(membership.NewID(), ignoredNames{"a"}, now))
	require.Equal(t, ignoredNames{"a"}, l.unsaid(c, ignoredNames{"a"}, now.Add(ignoredPeriod+time.Second)))

	lines := 0
	for i := range 1000 {
		if len(l.unsaid(c, ignoredNames{fmt.Sprint("n", i)}, now.Add(ignoredPeriod+2*time.Second))) > 0 {
			lines++
		}
	}
	require.Equal(t, ignoredLines-1, lines)
	require.LessOrEqual(t, len(l.of[c].said), ignoredLines*maxIgnored)
	for range 3 * ignoredConnections {
		require.NotEmpty(t, l.unsaid(membership.NewID(), ignoredNames{"a"}, now))
	}
	require.LessOrEqual(t, len(l.of), ignoredConnections)
}
