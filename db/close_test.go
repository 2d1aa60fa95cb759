package db_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
)

// A command that fails may close its store on the way out, and again at its end.
func TestAStoreMayBeClosedAgain(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		closed := make(chan error, 1)
		go func() {
			_ = s.Close()
			closed <- s.Close()
		}()
		select {
		case err := <-closed:
			require.NoError(t, err)
		case <-time.After(30 * time.Second):
			t.Fatal("the second Close does not return")
		}
	})
}
