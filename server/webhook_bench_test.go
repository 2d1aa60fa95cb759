package server

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
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

// BenchmarkBesideWebhooks is a change of one member of a tenant with a webhook that is
// told of everything and of one without, by turns, a hundred a second and one after
// another: the median time of a request, and the processor time of all, with that of the
// receiver.
func BenchmarkBesideWebhooks(b *testing.B) {
	const turn = 2 * time.Second
	for _, engine := range dbtest.Engines() {
		for name, pause := range map[string]time.Duration{"100-a-second": 10 * time.Millisecond, "at-once": 0} {
			b.Run(engine+"/"+name, func(b *testing.B) {
				on, off := newPatchingOf(b, engine), newPatchingOf(b, engine)
				receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
				defer receiver.Close()
				s := told{on.testServer, &dbtest.Tenant{T: b, Ctx: b.Context(), Store: on.store, ID: on.tenant}}
				s.webhook(receiver.URL, true, true)
				times, cpu := map[*patching][]time.Duration{}, map[*patching]time.Duration{}
				for round := 0; b.Loop(); round++ {
					for _, s := range [][]*patching{{on, off}, {off, on}}[round%2] {
						began := processorTime(b)
						ctx, stop := context.WithCancel(b.Context())
						ended := make(chan struct{})
						go func() {
							defer close(ended)
							s.webhooks.Run(ctx)
						}()
						end := time.Now().Add(turn)
						for i := 0; i%2 == 1 || time.Now().Before(end); i++ {
							at := time.Now()
							s.patch(b, s.handle, 0, i)
							times[s] = append(times[s], time.Since(at))
							time.Sleep(pause)
						}
						stop()
						<-ended
						cpu[s] += processorTime(b) - began
					}
				}
				medians := map[*patching]float64{}
				for s, name := range map[*patching]string{on: "on", off: "off"} {
					all := times[s]
					slices.Sort(all)
					medians[s] = float64(all[len(all)/2].Nanoseconds()) / 1000
					b.ReportMetric(medians[s], "p50-us-"+name)
					b.ReportMetric(float64(cpu[s].Microseconds())/float64(len(all)), "cpu-us-"+name)
				}
				b.ReportMetric(medians[on]/medians[off], "on/off")
			})
		}
	}
}

func newPatchingOf(b *testing.B, engine string) *patching {
	return newPatching(b, func(c *config.Config) {
		c.AllowedNetworks, c.DatabaseURL = loopback, config.DatabaseURL(dbtest.URL(b, engine))
	})
}

// backlogVariable is how many events a backlog has, if not a hundred thousand.
const backlogVariable = "SCIMBRIDGE_BENCH_BACKLOG"

// BenchmarkWebhookBacklog is how many events of a backlog a second a fast receiver on the
// same machine gets, and the processor time of one, the receiver's included.
func BenchmarkWebhookBacklog(b *testing.B) {
	events := 100_000
	if text := os.Getenv(backlogVariable); text != "" {
		var err error
		events, err = strconv.Atoi(text)
		require.NoError(b, err)
	}
	for _, engine := range dbtest.Engines() {
		for _, ordered := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/ordered=%v", engine, ordered), func(b *testing.B) {
				s := newTold(b, engine)
				s.backlog(events)
				for b.Loop() {
					var got atomic.Int64
					late, all := make(chan time.Time, 1), make(chan struct{})
					r := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
						switch got.Add(1) {
						case int64(events - events/10):
							late <- time.Now()
						case int64(events):
							close(all)
						}
					}))
					s.webhook(r.URL, ordered, false)
					began, taken := time.Now(), processorTime(b)
					require.NoError(b, s.webhooks.look(b.Context()))
					<-all
					b.ReportMetric(float64(events)/time.Since(began).Seconds(), "events/s")
					b.ReportMetric(float64(events/10)/time.Since(<-late).Seconds(), "events/s-at-the-end")
					b.ReportMetric(float64((processorTime(b)-taken).Microseconds())/float64(events), "cpu-us/event")
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

// BenchmarkDeactivationToken is how soon a stream has the token of a deactivation, from
// before the provider's request.
func BenchmarkDeactivationToken(b *testing.B) {
	const changes, pause = 400, 100 * time.Millisecond
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			s := newPatching(b, withStreams(b), func(c *config.Config) {
				c.AllowedNetworks, c.DatabaseURL = loopback, config.DatabaseURL(dbtest.URL(b, engine))
			})
			var mu sync.Mutex
			var took []time.Duration
			sent := map[string]time.Time{}
			r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body) // one that is cut off is no token
				k := parseToken(b, string(body))
				mu.Lock()
				defer mu.Unlock()
				if k.kind() == "deactivate" {
					took = append(took, time.Since(sent[k.about()]))
					delete(sent, k.about())
				}
				w.WriteHeader(http.StatusAccepted)
			}))
			defer r.Close()
			tenant := &dbtest.Tenant{T: b, Ctx: b.Context(), Store: s.store, ID: s.tenant}
			tenant.Update(func(tx membership.Tx) error {
				head, err := tx.EventHead(tenant.Ctx)
				if err != nil {
					return err
				}
				return tx.InsertWebhook(tenant.Ctx, membership.Webhook{
					Tenant: s.tenant, ID: membership.NewID(), URL: r.URL, Signing: membership.SigningSET,
					Ordered: true, State: membership.StreamEnabled, Requested: membership.Signals, Position: head,
					CreatedAt: time.Now(), UpdatedAt: time.Now(),
				})
			})
			ctx, stop := context.WithCancel(b.Context())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				s.webhooks.Run(ctx)
			}()
			for b.Loop() {
				for i := range changes {
					user, active := s.users[i%len(s.users)], i/len(s.users)%2 == 1
					if !active {
						mu.Lock()
						require.NotContains(b, sent, "/Users/"+user)
						sent["/Users/"+user] = time.Now()
						mu.Unlock()
					}
					w := s.send(b, s.handle, http.MethodPatch, "/scim/v2/Users/"+user, patchOp+
						fmt.Sprintf(`{"op":"replace","path":"active","value":%v}]}`, active))
					require.Less(b, w.Code, 300, w.Body)
					time.Sleep(pause)
				}
				require.Eventually(b, func() bool {
					mu.Lock()
					defer mu.Unlock()
					return len(sent) == 0
				}, time.Minute, 10*time.Millisecond)
			}
			stop()
			<-ended
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Milliseconds()), "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
		})
	}
}
