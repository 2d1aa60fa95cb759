package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

func digestOf(text string) tokenDigest { return sha256.Sum256([]byte(text)) }

// A token is the same until it is too old; what says something else is another one.
func TestTokensAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, err := newEventKeys(newPrivateKey(t))
		require.NoError(t, err)
		stream := membership.Webhook{Tenant: membership.NewID(), ID: membership.NewID()}
		s := membership.StreamSignal{
			ID: membership.SignalID{Stream: stream.ID, Number: 1}, Event: membership.NewID(),
			Signal: membership.Signal{Type: membership.SignalDelete, User: membership.NewID(), At: time.Now()},
		}
		sign := func() token {
			text, err := keys.Sign(t.Context(), stream, s)
			require.NoError(t, err)
			return parseToken(t, string(text))
		}
		first := sign()
		time.Sleep(tokenLife - time.Second)
		require.Equal(t, first.text, sign().text)
		time.Sleep(time.Second)
		later := sign()
		require.Equal(t, first.jti(), later.jti())
		require.Equal(t, first.claims["iat"].(float64)+tokenLife.Seconds(), later.claims["iat"])
		require.Equal(t, later.text, sign().text)
		s.ID.Part = 1
		require.NotEqual(t, later.jti(), sign().jti())
	})
}

// signing makes tokens that are done once it may go on.
type signing struct {
	goOn           chan bool
	now, most, all atomic.Int64
}

func (s *signing) sign() ([]byte, error) {
	s.most.Store(max(s.most.Load(), s.now.Add(1)))
	s.all.Add(1)
	<-s.goOn
	s.now.Add(-1)
	return []byte("x"), nil
}

// A tenant signs one token at a time, which those wait for that want the same one. Others
// do not wait for it, as long as not too many sign.
func TestFewTokensAreSignedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, s := newSignedTokens(2), signing{goOn: make(chan bool)}
		answers := make(chan error, 100)
		ask := func(ctx context.Context, tenant membership.ID, of string) {
			go func() {
				_, err := k.token(ctx, tenant, digestOf(of), s.sign)
				answers <- err
			}()
			synctest.Wait()
		}
		mine := membership.NewID()
		for range 10 {
			ask(t.Context(), mine, "a")
			ask(t.Context(), mine, "b")
		}
		require.Equal(t, int64(1), s.now.Load())
		gone, leave := context.WithCancel(t.Context())
		ask(gone, mine, "c")
		leave()
		require.ErrorIs(t, <-answers, context.Canceled)
		for range 3 {
			ask(t.Context(), membership.NewID(), "a")
		}
		require.Equal(t, int64(2), s.now.Load())
		close(s.goOn)
		for range 23 {
			require.NoError(t, <-answers)
		}
		assert.Equal(t, int64(2), s.most.Load())
		assert.Equal(t, int64(5), s.all.Load(), "each of the tokens once")
	})
}

// What is kept has bounds. A tenant that wants more than its own takes nothing of others,
// and finds some of it again.
func TestKeptTokensHaveBounds(t *testing.T) {
	k, signed := newSignedTokens(1), 0
	ask := func(tenant membership.ID, n int) {
		t.Helper()
		_, err := k.token(t.Context(), tenant, digestOf(strconv.Itoa(n)), func() ([]byte, error) {
			signed++
			return make([]byte, 64<<10), nil
		})
		require.NoError(t, err)
	}
	mine, greedy := membership.NewID(), membership.NewID()
	ask(mine, 0)
	const many = maxTenantTokens/(64<<10) + 10
	for range 3 {
		for n := range many {
			ask(greedy, n)
			require.LessOrEqual(t, k.bytes, maxTenantTokens+64<<10)
		}
	}
	require.Less(t, signed, 3*many)
	signed = 0
	ask(mine, 0)
	require.Zero(t, signed)
	for range 2 * maxKeptTokens / maxTenantTokens {
		tenant := membership.NewID()
		for n := range many {
			ask(tenant, n)
		}
		require.LessOrEqual(t, k.bytes, maxKeptTokens)
	}
	total := 0
	for _, each := range k.tenants {
		sum := 0
		for _, token := range each.kept {
			sum += len(token.text)
		}
		require.Equal(t, each.bytes, sum)
		total += sum
	}
	require.Equal(t, total, k.bytes)

	_, err := k.token(t.Context(), mine, digestOf("fails"), func() ([]byte, error) { return nil, errors.New("x") })
	require.Error(t, err)
	ask(mine, 1)
}
