package db_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// logFill is a month of requests of one tenant.
type logFill struct {
	rnd         *rand.Rand
	tenant      membership.ID
	connections []membership.ID
	users       []membership.ID
	groups      []membership.ID // the first has half of the changes
	begin       time.Time
	every       time.Duration
}

// requestsToFill is how many requests BenchmarkRequestFilters looks among:
// SCIMBRIDGE_BENCH_REQUESTS.
func requestsToFill() int {
	if n, err := strconv.Atoi(os.Getenv("SCIMBRIDGE_BENCH_REQUESTS")); err == nil && n > 0 {
		return n
	}
	return 50_000
}

func newLogFill(n int) *logFill {
	const month = 30 * 24 * time.Hour
	f := &logFill{
		rnd:    rand.New(rand.NewPCG(1, 2)), //nolint:gosec // the same each time
		tenant: membership.NewID(), begin: time.Now().Add(-month), every: month / time.Duration(n),
	}
	for range 5 {
		f.connections = append(f.connections, membership.NewID())
	}
	for range 50_000 {
		f.users = append(f.users, membership.NewID())
	}
	for range 500 {
		f.groups = append(f.groups, membership.NewID())
	}
	return f
}

func nameKey(user int, kind byte) (n membership.RequestName) {
	binary.BigEndian.PutUint64(n[:], uint64(user)) //nolint:gosec // a number from 0
	n[15] = kind
	return n
}

// request is the i-th: mostly reads, a quarter changes of members, some users, errors.
func (f *logFill) request(i int) membership.Request {
	at := f.begin.Add(time.Duration(i) * f.every)
	user := f.rnd.IntN(len(f.users))
	r := membership.Request{
		ID: membership.NewIDAt(at), Tenant: f.tenant, At: at, RequestID: fmt.Sprint("request-", i), Method: "GET",
		Status: 200, Operation: "GET /Users", Path: "/scim/v2/Users", Query: `filter=userName eq "(address)"`,
		Client:    "192.0.2.1",
		UserAgent: "Okta SCIM Client 1.0.0", Duration: time.Millisecond, BytesOut: 400,
		Connection: f.connections[min(i%8, len(f.connections)-1)], Credential: f.connections[0],
		Hint:          "scimbridge_…abcd",
		RequestAnswer: membership.RequestAnswer{Outcome: membership.RequestNothing, Why: "it only reads"},
	}
	names := []membership.RequestName{nameKey(user, 'n')}
	switch p := f.rnd.IntN(1000); {
	case p < 650:
		r.UserNames = names
	case p < 900:
		group := 0
		if f.rnd.IntN(2) == 0 {
			group = f.rnd.IntN(len(f.groups))
		}
		r.Method, r.Status, r.Operation, r.Query = "PATCH", 204, "PATCH /Groups/{id}", ""
		r.Path = "/scim/v2/Groups/" + f.groups[group].String()
		r.Body = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add",` +
			`"path":"members","value":[{"value":"` + f.users[user].String() + `"}]}]}`
		r.Outcome, r.Why, r.Events = membership.RequestChanged, "", []membership.ID{membership.NewIDAt(at)}
		r.Groups, r.Users = f.groups[group:group+1], f.users[user:user+1]
	case p < 970:
		r.Method, r.Status, r.Operation, r.Query = "POST", 201, "POST /Users", ""
		r.Outcome, r.Why, r.Events = membership.RequestChanged, "", []membership.ID{membership.NewIDAt(at)}
		r.UserNames, r.ExternalIDs, r.Users = names, []membership.RequestName{nameKey(user, 'x')}, f.users[user:user+1]
	case p < 995:
		r.Method, r.Status, r.Operation, r.ScimType, r.Query = "POST", 409, "POST /Users", "uniqueness", ""
		r.Outcome, r.Why, r.UserNames = membership.RequestRefused, "uniqueness: userName is taken", names
	case p < 999:
		r.Status, r.Operation = 404, "GET /Users/{id}"
		r.Outcome, r.Why = membership.RequestRefused, "not_found: user not found"
		r.Users = f.users[user : user+1]
	default:
		r.Status, r.Outcome, r.Why = 500, membership.RequestFailed, "500: something went wrong"
	}
	return r
}

// BenchmarkRequestFilters fills the log of one tenant, and measures each filter with
// values at random: pages of 100, p95 of as many as the benchmark runs.
func BenchmarkRequestFilters(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			url := dbtest.URL(b, engine)
			l, err := dbtest.Open(b, url).OpenRequestLog(b.Context(), url)
			require.NoError(b, err)
			b.Cleanup(func() { _ = l.Close() })
			n := requestsToFill()
			f := newLogFill(n)
			began := time.Now()
			for i := 0; i < n; {
				var batch []membership.Request
				for ; len(batch) < 500 && i < n; i++ {
					batch = append(batch, f.request(i))
				}
				require.NoError(b, l.AppendRequests(b.Context(), batch))
			}
			b.Logf("%s: %d requests written in %s", engine, n, time.Since(began).Round(time.Second))
			f.measure(b, l, n)
		})
	}
}

func (f *logFill) measure(b *testing.B, l *db.RequestLog, n int) {
	user := func() int { return f.rnd.IntN(len(f.users)) }
	some := func() time.Time { return f.begin.Add(time.Duration(f.rnd.IntN(n)) * f.every) }
	for _, c := range []struct {
		name string
		make func(q *membership.RequestFilter)
	}{
		{"none", func(*membership.RequestFilter) {}},
		{"connection", func(q *membership.RequestFilter) { q.Connection = f.connections[f.rnd.IntN(5)] }},
		{"outcome", func(q *membership.RequestFilter) { q.Outcome = membership.RequestOutcomes[f.rnd.IntN(6)] }},
		{"status", func(q *membership.RequestFilter) { q.Status = []int{200, 404, 409, 500, 503}[f.rnd.IntN(5)] }},
		{"scim_type", func(q *membership.RequestFilter) { q.ScimType = "uniqueness" }},
		{"operation", func(q *membership.RequestFilter) { q.Operation = "PATCH /Groups/{id}" }},
		{"user", func(q *membership.RequestFilter) { q.User = f.users[user()] }},
		{"userName", func(q *membership.RequestFilter) { k := nameKey(user(), 'n'); q.UserName = &k }},
		{"externalId", func(q *membership.RequestFilter) { k := nameKey(user(), 'x'); q.ExternalID = &k }},
		{"group", func(q *membership.RequestFilter) { q.Group = f.groups[f.rnd.IntN(len(f.groups))] }},
		{"largest group", func(q *membership.RequestFilter) { q.Group = f.groups[0] }},
		{"request_id", func(q *membership.RequestFilter) { q.RequestID = fmt.Sprint("request-", f.rnd.IntN(n)) }},
		{"an hour", func(q *membership.RequestFilter) { q.From = some(); q.To = q.From.Add(time.Hour) }},
		{"connection, refused, a day", func(q *membership.RequestFilter) {
			q.Connection, q.Outcome = f.connections[f.rnd.IntN(5)], membership.RequestRefused
			q.From = some()
			q.To = q.From.Add(24 * time.Hour)
		}},
		{"largest group, user", func(q *membership.RequestFilter) { q.Group, q.User = f.groups[0], f.users[user()] }},
		{"largest group, refused", func(q *membership.RequestFilter) {
			q.Group, q.Outcome = f.groups[0], membership.RequestRefused
		}},
		{"a page in the middle", func(q *membership.RequestFilter) { q.Before = membership.FirstID(some()) }},
		{"connection in the middle", func(q *membership.RequestFilter) {
			q.Connection, q.Before = f.connections[f.rnd.IntN(5)], membership.FirstID(some())
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				q := membership.RequestFilter{Limit: 100}
				c.make(&q)
				began := time.Now()
				if _, err := l.Requests(b.Context(), f.tenant, q); err != nil {
					b.Fatal(err)
				}
				times = append(times, time.Since(began))
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
	b.Run("remove the oldest", func(b *testing.B) {
		var times []time.Duration
		for b.Loop() {
			began := time.Now()
			if _, err := l.RemoveRequests(b.Context(), f.tenant, f.begin.Add(15*24*time.Hour), 200); err != nil {
				b.Fatal(err)
			}
			times = append(times, time.Since(began))
		}
		slices.Sort(times)
		b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
	})
}

// keptLog is a request log for a directory that only reads.
type keptLog struct{ log membership.RequestLog }

func (k keptLog) RequestLog() membership.RequestLog                   { return k.log }
func (keptLog) UserName(string) *membership.RequestName               { return nil }
func (keptLog) ExternalID(string) *membership.RequestName             { return nil }
func (keptLog) Captures() bool                                        { return false }
func (keptLog) Dropped(membership.ID) int64                           { return 0 }
func (keptLog) OpenBody(_, _ membership.ID, _ []byte) (string, error) { return "", nil }

// BenchmarkNumbersOfRequests measures a page of requests that are a month apart, each
// with an event of its own, among as many events of others.
func BenchmarkNumbersOfRequests(b *testing.B) {
	for _, engine := range dbtest.Engines() {
		b.Run(engine, func(b *testing.B) {
			url := dbtest.URL(b, engine)
			s := dbtest.Open(b, url)
			l, err := s.OpenRequestLog(b.Context(), url)
			require.NoError(b, err)
			b.Cleanup(func() { _ = l.Close() })
			n, w := requestsToFill()/5, newTenant(b, s)
			f := newLogFill(n)
			f.tenant = w.ID
			users := max(n/100, 1)
			for i := 0; i < n; {
				var events []membership.Event
				var rs []membership.Request
				for ; len(rs) < 500 && i < n; i++ {
					r := f.request(i)
					e := membership.Event{
						Tenant: w.ID, ID: membership.NewIDAt(r.At), At: r.At.UTC().Truncate(time.Microsecond),
						Action: membership.ActionUserUpdated, User: f.users[i%users], Source: membership.SourceSCIM,
						Connection: r.Connection, RequestID: r.RequestID,
						Actor:      membership.Actor{Kind: membership.ActorConnection, ID: r.Connection.String()},
						Credential: membership.Credential{Kind: membership.CredentialToken, ID: r.Credential},
					}
					r.Events, r.Users = []membership.ID{e.ID}, []membership.ID{e.User}
					events, rs = append(events, e), append(rs, r)
				}
				w.Update(func(tx membership.Tx) error { return tx.AppendEvents(b.Context(), events...) })
				require.NoError(b, l.AppendRequests(b.Context(), rs))
				w.NumberBy(5000)
			}
			dir := membership.NewDirectory(s, dbtest.AllowAll{}, membership.Options{Requests: keptLog{l}})
			var times []time.Duration
			for b.Loop() {
				var q membership.RequestQuery
				q.User, q.Limit = f.users[f.rnd.IntN(users)], 100
				began := time.Now()
				p, _, err := dir.Requests(b.Context(), membership.Call{Tenant: w.ID}, q)
				require.NoError(b, err)
				times = append(times, time.Since(began))
				for _, r := range p.Requests {
					require.Len(b, r.Numbers, 1)
				}
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}
