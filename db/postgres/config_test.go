package postgres

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// PgBouncer ends a connection that starts with a parameter it does not know.
func TestStartOfAConnectionSuitsPoolers(t *testing.T) {
	c, err := config("postgres://bridge@db.example.com/bridge")
	require.NoError(t, err)
	require.Equal(t, map[string]string{"application_name": "scimbridge"}, c.ConnConfig.RuntimeParams)
}
