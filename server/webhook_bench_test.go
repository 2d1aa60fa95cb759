package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// told is a server whose webhooks are measured.
type told struct {
	testServer
	tenant *dbtest.Tenant
}

func newTold(b *testing.B, engine string) *told {
	b.Helper()
	s := newTestServer(b, func(c *config.Config) {
		c.DatabaseURL, c.AllowedNetworks = config.DatabaseURL(dbtest.URL(b, engine)), loopback
	})
	return &told{s, dbtest.NewTenant(b, s.store)}
}

// webhook adds one at the beginning of the log, or at its end.
func (s *told) webhook(url string, ordered, atEnd bool) {
	hook := membership.Webhook{
		Tenant: s.tenant.ID, ID: membership.NewID(), URL: url, Signing: membership.SigningV1, Secret: make([]byte, 32),
		Ordered: ordered, State: membership.WebhookActive, CreatedAt: time.Now(), UpdatedAt: time.Now(),
	}
	s.tenant.Update(func(tx membership.Tx) (err error) {
		if atEnd {
			if hook.Position, err = tx.EventHead(s.tenant.Ctx); err != nil {
				return err
			}
		}
		return tx.InsertWebhook(s.tenant.Ctx, hook)
	})
}

// backlog writes events, and numbers them.
func (s *told) backlog(n int) {
	for n > 0 {
		events := make([]membership.Event, min(n, 1000))
		for i := range events {
			user := s.tenant.Users[i%len(s.tenant.Users)]
			e := s.tenant.Change(nil, nil).Call.Event(
				time.Now(), membership.ActionUserUpdated, membership.ID{}, user, membership.Facts{"active": true},
				membership.Facts{"active": false})
			events[i] = e
		}
		n -= len(events)
		s.tenant.Update(func(tx membership.Tx) error { return tx.AppendEvents(s.tenant.Ctx, events...) })
	}
	for more := true; more; {
		s.tenant.Update(func(tx membership.Tx) (err error) {
			more, err = tx.NumberEvents(s.tenant.Ctx, 10_000)
			return err
		})
	}
}

// BenchmarkBesideWebhooks is a change of one member of a tenant with ten webhooks and of
// one without, by turns: the median time of a request, and the processor time of all,
// with that of the receivers.
func BenchmarkBesideWebhooks(b *testing.B) {
	const turn, webhooks = 50, 10
	allowed := func(c *config.Config) { c.AllowedNetworks = loopback }
	servers := map[string]*patching{"on": newPatching(b, allowed), "off": newPatching(b, allowed)}
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer receiver.Close()
	s := told{servers["on"].testServer, &dbtest.Tenant{
		T: b, Ctx: b.Context(), Store: servers["on"].store, ID: servers["on"].tenant,
	}}
	for range webhooks {
		s.webhook(receiver.URL, true, true)
	}
	times, cpu := map[string][]time.Duration{}, map[string]time.Duration{}
	for b.Loop() {
		for name, s := range servers {
			began := processorTime(b)
			ctx, stop := context.WithCancel(b.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				s.webhooks.Run(ctx)
			}()
			for i := range turn {
				at := time.Now()
				s.patch(b, s.handle, 0, i)
				times[name] = append(times[name], time.Since(at))
				time.Sleep(10 * time.Millisecond) // a hundred a second
			}
			stop()
			<-ended
			cpu[name] += processorTime(b) - began
		}
	}
	for name, all := range times {
		slices.Sort(all)
		b.ReportMetric(float64(all[len(all)/2].Nanoseconds())/1000, "p50-us-"+name)
		b.ReportMetric(float64(cpu[name].Microseconds())/float64(len(all)), "cpu-us-"+name)
	}
}

// BenchmarkWebhookBacklog is how many events of a backlog a second a fast receiver on the
// same machine gets.
func BenchmarkWebhookBacklog(b *testing.B) {
	const events = 100_000
	for _, engine := range dbtest.Engines() {
		for _, ordered := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/ordered=%v", engine, ordered), func(b *testing.B) {
				s := newTold(b, engine)
				s.backlog(events)
				for b.Loop() {
					var got atomic.Int64
					all := make(chan struct{})
					r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
						if got.Add(1) == events {
							close(all)
						}
					}))
					s.webhook(r.URL, ordered, false)
					began := time.Now()
					require.NoError(b, s.webhooks.look(b.Context()))
					<-all
					b.ReportMetric(events/time.Since(began).Seconds(), "events/s")
					s.webhooks.group.Wait()
					r.Close()
				}
			})
		}
	}
}

// BenchmarkHangingWebhook is how soon after it happened the others of a hundred webhooks
// of a tenant are told of an event, while one hangs and while none does.
func BenchmarkHangingWebhook(b *testing.B) {
	const others, events, pause = 99, 100, 200 * time.Millisecond
	for _, engine := range dbtest.Engines() {
		for _, hangs := range []int{0, 1} {
			b.Run(fmt.Sprintf("%s/hanging=%d", engine, hangs), func(b *testing.B) {
				for b.Loop() {
					s := newTold(b, engine)
					s.tenant.Number()
					release := make(chan struct{})
					var mu sync.Mutex
					var took []time.Duration
					r := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						if strings.HasPrefix(r.URL.Path, "/hangs") {
							<-release
							return
						}
						var m struct{ Timestamp time.Time }
						err := json.NewDecoder(r.Body).Decode(&m)
						mu.Lock()
						defer mu.Unlock()
						if err == nil {
							took = append(took, time.Since(m.Timestamp))
						}
					}))
					for i := range others {
						s.webhook(fmt.Sprintf("%s/%d", r.URL, i), true, true)
					}
					for range hangs {
						s.webhook(r.URL+"/hangs", true, true)
					}
					ctx, stop := context.WithCancel(b.Context())
					ended := make(chan error, 1)
					*s.ran = true
					go func() { ended <- s.Run(ctx) }()
					for i := range events {
						user := s.tenant.Users[1+i%19 : 2+i%19]
						c := s.tenant.Change(user, nil)
						if i/19%2 == 1 {
							c = s.tenant.Change(nil, user)
						}
						_, err := s.store.WriteMembers(b.Context(), c)
						require.NoError(b, err)
						time.Sleep(pause)
					}
					require.Eventually(b, func() bool {
						mu.Lock()
						defer mu.Unlock()
						return len(took) >= others*events
					}, time.Minute, 10*time.Millisecond)
					close(release)
					stop()
					require.NoError(b, <-ended)
					r.Close()
					slices.Sort(took)
					of := func(p int) float64 { return float64(took[len(took)*p/100].Milliseconds()) }
					b.ReportMetric(of(50), "p50-ms")
					b.ReportMetric(of(99), "p99-ms")
					b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "max-ms")
				}
			})
		}
	}
}
