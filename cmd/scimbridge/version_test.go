package main

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVersion(t *testing.T) {
	status, stdout, _ := invoke(t, nil, "version")
	assert.Equal(t, exitDone, status)
	assert.Contains(t, stdout, runtime.Version())

	status, stdout, _ = invoke(t, nil, "version", "--json")
	assert.Equal(t, exitDone, status)
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(stdout), &v))
	assert.NotEmpty(t, v["version"])
	assert.Equal(t, runtime.Version(), v["go_version"])
}
