package requests

import (
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/db/sqlite"
	"github.com/scimbridge/scimbridge/membership"
)

// A write that fails does not take those with it that share its transaction.
func TestOthersFail(t *testing.T) {
	l, err := OpenFile(t.Context(), filepath.Join(t.TempDir(), "x.db"), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	e, tenant := l.engine.(*sqlite.Engine), membership.NewID()
	waiting := func(n int) {
		require.Eventually(t, func() bool { return e.WritesWaiting() == n }, 10*time.Second, time.Millisecond)
	}
	held, release, wrong := make(chan bool), make(chan bool), errors.New("wrong")
	var all sync.WaitGroup
	all.Go(func() {
		_ = e.Update(t.Context(), tenant, func(engine.Tx) error { // it may fail with the wrong one, too
			close(held)
			<-release
			return nil
		})
	})
	<-held
	before := e.WritesWaiting()
	all.Go(func() {
		r := membership.Request{ID: membership.NewID(), Tenant: tenant, At: time.Now()}
		assert.NoError(t, l.AppendRequests(t.Context(), []membership.Request{r}))
	})
	waiting(before + 1)
	tries := 0
	all.Go(func() {
		assert.ErrorIs(t, e.Update(t.Context(), tenant, func(engine.Tx) error { tries++; return wrong }), wrong)
	})
	waiting(before + 2)
	close(release)
	all.Wait()
	assert.Equal(t, 1, tries)
	p, err := l.Requests(t.Context(), tenant, membership.RequestFilter{Limit: 10})
	require.NoError(t, err)
	assert.Len(t, p.Requests, 1)
}
