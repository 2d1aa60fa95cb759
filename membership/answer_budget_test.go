package membership_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// A tenant that takes what it can leaves room for others, however many do.
func TestTheAnswerBudgetLeavesRoom(t *testing.T) {
	const kilo = 1 << 10
	d := membership.NewDirectory(nil, allowAll{}, membership.Options{
		Answers: membership.AnswerLimits{Tenant: 400 * kilo, Total: 800 * kilo},
	})
	take := func(tenant membership.ID) (held *membership.HeldAnswer, n int) {
		held = d.HoldAnswer(tenant)
		for held.Reserve(kilo) == nil {
			n++
		}
		return held, n
	}
	first, n := take(membership.NewID())
	require.Equal(t, 400, n)
	for range 4 {
		_, more := take(membership.NewID())
		require.Positive(t, more)
		require.LessOrEqual(t, more, n)
		n = more
	}
	first.End()
	_, n = take(membership.NewID())
	require.Greater(t, n, 100, "what is given back is anybody's")
}

// Who finds no room waits for it, with the store at rest, and not for long.
func TestWaitingForRoom(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.dir = membership.NewDirectory(w.store, allowAll{}, membership.Options{
			Clock: w.clock, Answers: membership.AnswerLimits{Tenant: 600 << 10, Total: 2 << 20},
		})
		w.largeUsers(20)
		list := func(visit func(u membership.ProvisionedUser)) error {
			return w.dir.VisitProvisionedUsers(w.ctx, w.okta, membership.LinkQuery{Limit: 20},
				func(p *membership.ProvisionedPage[membership.ProvisionedUser]) error {
					for u, err := range p.Items {
						if err != nil {
							return err
						}
						visit(u)
					}
					return nil
				})
		}
		held, let := make(chan struct{}), make(chan struct{})
		var once sync.Once
		var reader sync.WaitGroup
		for range 2 { // who does not read on
			reader.Go(func() {
				first := true
				_ = list(func(membership.ProvisionedUser) {
					if first {
						held <- struct{}{}
						<-let
					}
					first = false
				})
			})
			<-held
		}
		defer reader.Wait()
		defer once.Do(func() { close(let) })
		e := w.kind(membership.KindUnavailable, list(func(membership.ProvisionedUser) {}))
		require.Equal(t, time.Second, e.RetryAfter)
		gone, cancel := context.WithTimeout(w.ctx, time.Millisecond)
		defer cancel()
		ctx := w.ctx
		w.ctx = gone
		require.Error(t, list(func(membership.ProvisionedUser) {}))
		w.ctx = ctx

		waited := make(chan error)
		go func() { waited <- list(func(membership.ProvisionedUser) {}) }()
		once.Do(func() { close(let) })
		require.NoError(t, <-waited)
	})
}
