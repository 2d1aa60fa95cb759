package auth

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// shelf has the same policies for every tenant.
type shelf struct {
	own   []TenantPolicy
	reads atomic.Int64
}

func (s *shelf) PolicyVersion(context.Context, membership.ID) (int64, error) { return 1, nil }

func (s *shelf) Policies(context.Context, membership.ID) ([]TenantPolicy, int64, error) {
	s.reads.Add(1)
	time.Sleep(time.Millisecond)
	return s.own, 1, nil
}

func TestPolicyCacheIsBounded(t *testing.T) {
	s := &shelf{own: []TenantPolicy{{ID: "x", Cedar: `forbid (principal is Agent, action, resource);` +
		strings.Repeat(" ", maxCachedBytes/10)}}}
	c := newPolicyCache(s, time.Now)
	for range 50 {
		_, err := c.current(t.Context(), membership.NewID())
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, c.bytes, maxCachedBytes)
	assert.Greater(t, len(c.tenants), 5, "no more goes than has to")

	for range maxCachedTenants {
		c.entry(membership.NewID())
	}
	last := membership.NewID()
	_, err := c.current(t.Context(), last)
	require.NoError(t, err)
	assert.InDelta(t, maxCachedTenants-5, len(c.tenants), 5)
	_, err = c.held(last)
	require.NoError(t, err)
	sum := 0
	for _, o := range c.tenants {
		if o.set != nil {
			sum += o.set.size
		}
	}
	assert.Equal(t, sum, c.bytes)
}

func TestPolicyCacheAsksOnce(t *testing.T) {
	s := &shelf{}
	c := newPolicyCache(s, time.Now)
	tenant := membership.NewID()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			_, err := c.current(t.Context(), tenant)
			assert.NoError(t, err)
		})
	}
	wg.Wait()
	assert.EqualValues(t, 1, s.reads.Load())
}

// What was read before a change is asked for again, although it came back
// after it.
func TestPolicyCacheChangedMeanwhile(t *testing.T) {
	s := &shelf{}
	c := newPolicyCache(s, time.Now)
	tenant := membership.NewID()
	e := c.entry(tenant)
	c.expire(tenant)
	c.keep(tenant, e, reading[policySet]{set: defaults, at: time.Now()})
	assert.Nil(t, c.within(e, setLife))
	_, err := c.held(tenant)
	require.NoError(t, err, "a request under way is decided by what it began with")
}
