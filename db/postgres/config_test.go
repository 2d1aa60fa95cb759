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

func TestSettingsOfAConnection(t *testing.T) {
	set := sessionSettings(map[string]string{"lock_timeout": "1s"}, settings)
	require.Contains(t, set, "set plan_cache_mode = 'force_generic_plan';")
	require.Contains(t, set, "set jit = 'off';")
	require.NotContains(t, set, "lock_timeout", "that of the URL wins")
}
