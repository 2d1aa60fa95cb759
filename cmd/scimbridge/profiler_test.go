package main

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
)

func TestProfilerIsOnlyOnItsOwnAddress(t *testing.T) {
	server := start(t, dbtest.URL(t, dbtest.Engines()[0]), "--debug-listen=127.0.0.1:0")
	var address string
	require.Eventually(t, func() bool {
		m := regexp.MustCompile(`"msg":"the profiler is on[^}]*"address":"([^"]+)"`).FindStringSubmatch(server.logged())
		if m != nil {
			address = m[1]
		}
		return m != nil
	}, 5*time.Second, 10*time.Millisecond)
	for url, status := range map[string]int{
		"http://" + address + "/debug/pprof/heap":        http.StatusOK,
		"http://" + server.address + "/debug/pprof/heap": http.StatusNotFound,
		"http://" + address + "/scim/v2/Users":           http.StatusNotFound,
	} {
		resp, err := http.Get(url)
		require.NoError(t, err)
		_ = resp.Body.Close()
		assert.Equal(t, status, resp.StatusCode, url)
	}
}
