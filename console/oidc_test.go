package console

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

// A provider that hangs is asked once for all logins, which end with their readers; one
// that fails is left alone for some seconds.
func TestProviderThatHangs(t *testing.T) {
	var asked atomic.Int32
	begun, goOn := make(chan struct{}), make(chan struct{})
	works := false
	s := httptest.NewUnstartedServer(nil)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			close(begun)
			<-goOn
		}
		if !works {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		at := "http://" + r.Host
		assert.NoError(t, json.NewEncoder(w).Encode(map[string]string{
			"issuer": at, "authorization_endpoint": at + "/a", "token_endpoint": at + "/t", "jwks_uri": at + "/k",
		}))
	})
	s.Start()
	defer s.Close()
	guard := outbound.New([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})
	p := newProvider(OIDC{Issuer: s.URL, ClientID: "console", Outbound: guard}, "")
	ctx, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, _, err := p.config(ctx)
			assert.ErrorIs(t, err, context.Canceled)
		})
	}
	<-begun
	leave()
	all.Wait()
	close(goOn)
	for range 3 {
		_, _, err := p.config(t.Context())
		require.Equal(t, membership.KindUnavailable, membership.KindOf(err))
	}
	require.EqualValues(t, 1, asked.Load())

	works = true
	p.mu.Lock()
	p.again = time.Time{}
	p.mu.Unlock()
	for range 3 {
		_, c, err := p.config(t.Context())
		require.NoError(t, err)
		require.Equal(t, s.URL+"/a", c.Endpoint.AuthURL)
	}
	require.EqualValues(t, 2, asked.Load())
}
