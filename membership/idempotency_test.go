package membership_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/scimbridge/scimbridge/membership"
)

// Requests that are given up, one after the other and all at once: a claim that
// ends while another request waits for it is no "not found" for that one.
func TestKeysThatAreGivenUpAtOnce(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		var requests sync.WaitGroup
		for range 12 {
			requests.Go(func() {
				for range 40 {
					c, err := w.dir.ReserveKey(w.ctx, w.admin, "POST /v1/groups", "key", [32]byte{})
					if err == nil {
						err = w.dir.ForgetKey(w.ctx, w.admin, c)
					}
					if membership.KindOf(err) != membership.KindInProgress && !assert.NoError(t, err) {
						return
					}
				}
			})
		}
		requests.Wait()
	})
}
