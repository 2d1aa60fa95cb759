package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// There is room for garbage of spareHeap, or of what is in use, and no more.
func TestRoomForGarbage(t *testing.T) {
	const mib = 1 << 20
	for inUse, room := range map[uint64]uint64{
		6 * mib: spareHeap, 12 * mib: spareHeap, 24 * mib: 24 * mib, 300 * mib: 300 * mib,
	} {
		got := inUse * uint64(gcPercent(inUse)) / 100 //nolint:gosec // at least 100
		assert.InEpsilon(t, room, got, 0.02, "%d in use", inUse)
	}
	assert.Equal(t, 600, gcPercent(0))
	assert.Equal(t, 600, gcPercent(mib))
}
