package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/scimbridge/scimbridge/config"
)

func TestRemovalGuard(t *testing.T) {
	assert.Equal(t, config.RemovalGuard{On: true, Members: 100, Percent: 50}, config.Default().RemovalGuard)
	for v, want := range map[string]config.RemovalGuard{
		"off": {}, "0:0": {On: true}, "5:100": {On: true, Members: 5, Percent: 100},
		"2147483647:1": {On: true, Members: 2147483647, Percent: 1},
	} {
		c, _, err := config.Load(config.Sources{Environ: []string{"SCIMBRIDGE_REMOVAL_GUARD=" + v}})
		assert.NoError(t, err, v)
		assert.Equal(t, want, c.RemovalGuard)
		assert.Equal(t, v, c.RemovalGuard.String())
		assert.NoError(t, c.Validate())
		c, _, err = config.Load(config.Sources{File: write(t, "removal_guard: "+v+"\n")})
		assert.NoError(t, err, v)
		assert.Equal(t, want, c.RemovalGuard, "the file takes it without quotes")
	}
	for _, v := range []string{"on", "OFF", "100", "100:", ":50", "100:101", "-1:50", "100:-1", "1:2:3", "100:50%",
		"1.5:50", " 100:50", "2147483648:1"} {
		_, _, err := config.Load(config.Sources{Environ: []string{"SCIMBRIDGE_REMOVAL_GUARD=" + v}})
		assert.ErrorContains(t, err, "SCIMBRIDGE_REMOVAL_GUARD: must be off, or members:percent", v)
	}
}
