package requests

import (
	"context"
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

// What an erasure leaves for those that still write is gone after an hour, and the name
// may be another's.
func TestErasedNamesGo(t *testing.T) {
	l, err := OpenFile(t.Context(), filepath.Join(t.TempDir(), "x.db"), zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	tenant, name := membership.NewID(), membership.RequestName{1}
	_, err = l.EraseRequests(t.Context(), tenant, membership.NewID(), []membership.RequestName{name}, nil)
	require.NoError(t, err)
	found := func() int {
		require.NoError(t, l.AppendRequests(t.Context(), []membership.Request{
			{ID: membership.NewID(), Tenant: tenant, At: time.Now(), UserNames: []membership.RequestName{name}},
		}))
		p, err := l.Requests(t.Context(), tenant, membership.RequestFilter{UserName: &name, Limit: 10})
		require.NoError(t, err)
		return len(p.Requests)
	}
	rows := func() (n int) {
		require.NoError(t, l.engine.Read(t.Context(), tenant, func(t engine.Tx) error {
			rs, err := t.Query(context.Background(), `select count(*) from request_erased where tenant_id = $1`, tenant)
			if err == nil {
				_, err = engine.ReadOne(rs, []any{&n})
			}
			return err
		}))
		return n
	}
	require.Zero(t, found())
	require.Equal(t, 2, rows())
	require.NoError(t, l.update(t.Context(), tenant, func(tx engine.Tx) error {
		for _, table := range []string{"request_erasures", "request_erased"} {
			_, err := tx.Exec(t.Context(), `update `+table+` set at = $2 where tenant_id = $1`, tenant,
				engine.Stamp(time.Now().Add(-erasedLife)))
			require.NoError(t, err)
		}
		return nil
	}))
	assert.Equal(t, 1, found())
	_, err = l.RemoveRequests(t.Context(), tenant, time.Now().Add(-24*time.Hour), 10)
	require.NoError(t, err)
	assert.Zero(t, rows())
}
