package scim

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func TestExpiredCursor(t *testing.T) {
	s, err := newSealer(make([]byte, 32), "User", "", "", "")
	require.NoError(t, err)
	old, err := s.seal(cursor{ID: membership.NewID(), Expires: time.Now().Add(-time.Second).Unix()})
	require.NoError(t, err)
	_, err = openCursor(s, old)
	var e *scimError
	require.ErrorAs(t, err, &e)
	require.Equal(t, typeExpiredCursor, e.scimType)
}
