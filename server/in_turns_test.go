package server

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// Who begins to wait while another has much to do has its turn before that is done.
func TestThoseWhoComeLaterHaveTheirTurn(t *testing.T) {
	large, late := membership.NewID(), membership.NewID()
	left := map[membership.ID]int{large: 50}
	var done []membership.ID
	list := func(context.Context) (waiting []membership.ID, err error) {
		for _, tenant := range []membership.ID{large, late} {
			if left[tenant] > 0 {
				waiting = append(waiting, tenant)
			}
		}
		return waiting, nil
	}
	require.NoError(t, inTurns(t.Context(), list, time.Nanosecond, func(tenant membership.ID) (bool, error) {
		if done = append(done, tenant); len(done) == 3 {
			left[late] = 1
		}
		left[tenant]--
		return left[tenant] > 0, nil
	}))
	require.Len(t, done, 51)
	assert.Equal(t, late, done[4])
}
