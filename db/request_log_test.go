package db_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// eachRequestLog runs a test on the request log of a fresh store of each engine.
func eachRequestLog(t *testing.T, test func(t *testing.T, l *db.RequestLog)) {
	t.Helper()
	dbtest.EachURL(t, func(t *testing.T, url string) {
		s := dbtest.Open(t, url)
		l, err := s.OpenRequestLog(t.Context(), url)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		test(t, l)
	})
}

func request(tenant membership.ID, at time.Time, change func(*membership.Request)) membership.Request {
	r := membership.Request{
		ID: membership.NewIDAt(at), Tenant: tenant, At: at, RequestID: "r", Operation: "GET /Users", Status: 200,
		Count:         1,
		RequestAnswer: membership.RequestAnswer{Outcome: membership.RequestNothing},
	}
	if change != nil {
		change(&r)
	}
	return r
}

// What is asked for in any combination is what is answered, in pages of any size,
// the newest first.
func TestRequestLogFilters(t *testing.T) {
	eachRequestLog(t, func(t *testing.T, l *db.RequestLog) {
		tenant, other := membership.NewID(), membership.NewID()
		connections := []membership.ID{membership.NewID(), membership.NewID()}
		user, group := membership.NewID(), membership.NewID()
		name, external := membership.RequestName{1}, membership.RequestName{2}
		begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		var all []membership.Request
		for i := range 300 {
			all = append(all, request(tenant, begin.Add(time.Duration(i)*time.Second), func(r *membership.Request) {
				r.Connection = connections[i%2]
				r.RequestID = fmt.Sprint("r", i/2)
				r.Status = []int{200, 400, 404}[i%3]
				r.Outcome = membership.RequestOutcomes[i%5]
				if i%3 == 1 {
					r.ScimType = "invalidValue"
				}
				if i%7 == 0 {
					r.Users = []membership.ID{membership.NewID(), user}
				}
				if i%11 == 0 {
					r.Groups = []membership.ID{group}
				}
				if i%13 == 0 {
					r.UserNames, r.ExternalIDs = []membership.RequestName{name}, []membership.RequestName{external}
				}
			}))
		}
		foreign := request(other, begin, func(r *membership.Request) { r.Users = []membership.ID{user} })
		require.NoError(t, l.AppendRequests(t.Context(), append(all, foreign)))
		require.NoError(t, l.AppendRequests(t.Context(), all[:10]), "again: they are there once")

		for what, c := range map[string]struct {
			f     membership.RequestFilter
			match func(i int) bool
		}{
			"all":        {membership.RequestFilter{}, func(int) bool { return true }},
			"connection": {membership.RequestFilter{Connection: connections[1]}, func(i int) bool { return i%2 == 1 }},
			"outcome": {membership.RequestFilter{Outcome: membership.RequestRefused},
				func(i int) bool { return i%5 == 2 }},
			"status and type": {
				membership.RequestFilter{Status: 400, ScimType: "invalidValue"}, func(i int) bool { return i%3 == 1 },
			},
			"nothing has both": {membership.RequestFilter{Status: 404, ScimType: "invalidValue"},
				func(int) bool { return false }},
			"user": {membership.RequestFilter{User: user}, func(i int) bool { return i%7 == 0 }},
			"user, group and connection": {
				membership.RequestFilter{User: user, Group: group, Connection: connections[0]},
				func(i int) bool { return i%154 == 0 },
			},
			"userName": {membership.RequestFilter{UserName: &name}, func(i int) bool { return i%13 == 0 }},
			"externalId": {membership.RequestFilter{ExternalID: &external, Status: 200},
				func(i int) bool { return i%39 == 0 }},
			"another kind": {membership.RequestFilter{ExternalID: &name}, func(int) bool { return false }},
			"request id":   {membership.RequestFilter{RequestID: "r7"}, func(i int) bool { return i/2 == 7 }},
			"time": {
				membership.RequestFilter{From: begin.Add(10 * time.Second), To: begin.Add(20 * time.Second),
					Connection: connections[0]},
				func(i int) bool { return i >= 10 && i < 20 && i%2 == 0 },
			},
		} {
			var want []membership.ID
			for i := len(all) - 1; i >= 0; i-- {
				if c.match(i) {
					want = append(want, all[i].ID)
				}
			}
			for _, limit := range []int{1, 7, 400} {
				assert.Equal(t, want, listRequests(t, l, tenant, c.f, limit), "%s, %d a page", what, limit)
			}
		}
		_, err := l.Request(t.Context(), tenant, foreign.ID)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
		assert.Equal(t, []membership.ID{foreign.ID},
			listRequests(t, l, other, membership.RequestFilter{User: user}, 10))
	})
}

func listRequests(
	t *testing.T, l *db.RequestLog, tenant membership.ID, f membership.RequestFilter, limit int,
) (found []membership.ID) {
	t.Helper()
	f.Limit = limit
	for {
		p, err := l.Requests(t.Context(), tenant, f)
		require.NoError(t, err)
		for _, r := range p.Requests {
			found = append(found, r.ID)
		}
		if !p.More {
			return found
		}
		f.Before = p.Last
	}
}

// A request is read as it was written.
func TestRequestLogKeepsAll(t *testing.T) {
	eachRequestLog(t, func(t *testing.T, l *db.RequestLog) {
		want := request(membership.NewID(), time.Date(2026, 11, 1, 1, 2, 3, 4000, time.UTC),
			func(r *membership.Request) {
				r.Connection, r.Credential, r.Hint = membership.NewID(), membership.NewID(), "scimbridge_…abcd"
				r.Method, r.Operation, r.Path, r.Query, r.Body = "PATCH", "PATCH /Groups/{id}", "/scim/v2/Groups/x",
					"a=b",
					`{"op":"add"}`
				r.Duration, r.BytesIn, r.BytesOut, r.Client, r.UserAgent, r.Count = time.Millisecond, 3, 4, "192.0.2.1",
					"Okta", 7
				r.RequestAnswer = membership.RequestAnswer{
					ScimType: "noTarget", Detail: "d", Outcome: membership.RequestHeld, Why: "w",
					Ignored: []string{"x"},
					Events:  []membership.ID{membership.NewID()}, Users: []membership.ID{membership.NewID()},
					Groups: []membership.ID{membership.NewID()},
					Operations: []membership.RequestOperation{{Method: "POST", Path: "/Users", Status: 201,
						Outcome: "changed"}},
				}
			})
		require.NoError(t, l.AppendRequests(t.Context(), []membership.Request{want}))
		got, err := l.Request(t.Context(), want.Tenant, want.ID)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	})
}

// What is too old goes in steps, with its keys; the rest stays.
func TestRequestLogRemoves(t *testing.T) {
	eachRequestLog(t, func(t *testing.T, l *db.RequestLog) {
		tenant, other, user := membership.NewID(), membership.NewID(), membership.NewID()
		begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		of := func(r *membership.Request) { r.Users = []membership.ID{user} }
		rs := []membership.Request{request(other, begin, of)}
		for i := range 10 {
			rs = append(rs, request(tenant, begin.Add(time.Duration(i)*time.Hour), of))
		}
		require.NoError(t, l.AppendRequests(t.Context(), rs))
		for _, want := range []int{4, 3, 0} {
			n, err := l.RemoveRequests(t.Context(), tenant, begin.Add(7*time.Hour), 4)
			require.NoError(t, err)
			assert.Equal(t, want, n)
		}
		for _, f := range []membership.RequestFilter{{}, {Status: 200}, {User: user}} {
			assert.Len(t, listRequests(t, l, tenant, f, 100), 3)
			assert.Len(t, listRequests(t, l, other, f, 100), 1)
		}
	})
}

// Captured bodies of a tenant are bounded in number and size: the oldest make room.
func TestCapturedBodiesAreBounded(t *testing.T) {
	eachRequestLog(t, func(t *testing.T, l *db.RequestLog) {
		tenant, other := membership.NewID(), membership.NewID()
		at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		add := func(tenant membership.ID, n, size int) (ids []membership.ID) {
			var rs []membership.Request
			for range n {
				at = at.Add(time.Second)
				rs = append(rs, request(tenant, at, func(r *membership.Request) {
					r.Captured, r.Sealed = membership.CapturedWhole,
						&membership.SealedBody{Until: at, Box: make([]byte, size)}
				}))
				ids = append(ids, rs[len(rs)-1].ID)
			}
			require.NoError(t, l.AppendRequests(t.Context(), rs))
			return ids
		}
		has := func(tenant, id membership.ID) bool {
			_, err := l.RequestBody(t.Context(), tenant, id)
			if err != nil {
				require.Equal(t, membership.KindNotFound, membership.KindOf(err))
			}
			return err == nil
		}
		foreign := add(other, 1, 10)[0]
		first := add(tenant, 2_000, 10)
		assert.True(t, has(tenant, first[0]))
		second := add(tenant, 1, 10)
		assert.False(t, has(tenant, first[0]))
		assert.True(t, has(tenant, first[1]))
		large := add(tenant, 2, 33<<20)
		assert.False(t, has(tenant, second[0]))
		assert.False(t, has(tenant, large[0]))
		assert.True(t, has(tenant, large[1]))
		assert.True(t, has(other, foreign), "another tenant's")
		assert.False(t, has(other, large[1]))
	})
}

// Of an erased person no name is left in any request, those of before included, where
// one that was stopped goes on when it is repeated; ids stay, and names of others.
func TestRequestLogErases(t *testing.T) {
	eachRequestLog(t, func(t *testing.T, l *db.RequestLog) {
		tenant, other, user, second := membership.NewID(), membership.NewID(), membership.NewID(), membership.NewID()
		begin := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
		name, former, never, theirs := membership.RequestName{1}, membership.RequestName{2}, membership.RequestName{3},
			membership.RequestName{4}
		var rs []membership.Request
		add := func(tenant membership.ID, names []membership.RequestName, users ...membership.ID) {
			rs = append(rs, request(tenant, begin.Add(time.Duration(len(rs))*time.Second), func(r *membership.Request) {
				r.Users, r.UserNames, r.ExternalIDs = users, names, names
			}))
		}
		list := func(names ...membership.RequestName) []membership.RequestName { return names }
		add(tenant, list(former), user)
		add(tenant, list(name, theirs), user, second) // a Bulk
		for range 450 {                               // several steps
			add(tenant, list(former))
			add(tenant, list(name, theirs))
			add(tenant, list(name), user)
		}
		add(tenant, list(never)) // before it was theirs
		add(tenant, list(theirs), second)
		add(other, list(name), user)
		require.NoError(t, l.AppendRequests(t.Context(), rs))

		canceled, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		_, _ = l.EraseRequests(canceled, tenant, user, nil, nil) // wherever it was stopped
		n := 0
		for {
			some, err := l.EraseRequests(t.Context(), tenant, user, list(never), nil)
			require.NoError(t, err)
			if n += some; some == 0 {
				break
			}
		}
		require.Positive(t, n)
		found := func(tenant membership.ID, f membership.RequestFilter) int {
			return len(listRequests(t, l, tenant, f, 1000))
		}
		for _, gone := range list(name, former) {
			assert.Zero(t, found(tenant, membership.RequestFilter{UserName: &gone}))
			assert.Zero(t, found(tenant, membership.RequestFilter{ExternalID: &gone}))
			assert.Zero(t, found(tenant, membership.RequestFilter{RequestID: "r", UserName: &gone}),
				"in the row itself")
			assert.Zero(t, found(tenant, membership.RequestFilter{RequestID: "r", ExternalID: &gone}))
		}
		assert.Zero(t, found(tenant, membership.RequestFilter{UserName: &never}))
		assert.Equal(t, 1, found(tenant, membership.RequestFilter{ExternalID: &never}), "of a name that was given")
		assert.Equal(t, 451, found(tenant, membership.RequestFilter{UserName: &theirs}))
		assert.Equal(t, 452, found(tenant, membership.RequestFilter{User: user}))
		assert.Equal(t, len(rs)-1, found(tenant, membership.RequestFilter{RequestID: "r"}))
		assert.Equal(t, 1, found(other, membership.RequestFilter{UserName: &name}))
	})
}

// What waited in the queue of another server while a person was erased is written
// without their names, also those that the erasure did not know of yet, and without
// its body; a repeat finds what was written with them.
func TestRequestLogHeedsErasures(t *testing.T) {
	eachRequestLog(t, func(t *testing.T, l *db.RequestLog) {
		tenant, other, user, second := membership.NewID(), membership.NewID(), membership.NewID(), membership.NewID()
		name, former, theirs := membership.RequestName{1}, membership.RequestName{2}, membership.RequestName{3}
		add := func(tenant membership.ID, at time.Time, names []membership.RequestName,
			users ...membership.ID) membership.ID {
			r := request(tenant, at, func(r *membership.Request) {
				r.Users, r.UserNames, r.ExternalIDs = users, names, names
				r.Captured, r.Sealed = membership.CapturedWhole,
					&membership.SealedBody{Until: at.Add(time.Hour), Box: []byte{1}}
			})
			require.NoError(t, l.AppendRequests(t.Context(), []membership.Request{r}))
			return r.ID
		}
		list := func(names ...membership.RequestName) []membership.RequestName { return names }
		found := func(tenant membership.ID, f membership.RequestFilter) int {
			return len(listRequests(t, l, tenant, f, 100))
		}
		began := time.Now()
		add(tenant, began, list(former))
		_, err := l.EraseRequests(t.Context(), tenant, user, list(name), list(name))
		require.NoError(t, err)

		waited := add(tenant, began, list(name, theirs))
		add(tenant, began, list(former, theirs), user, second)
		add(other, began, list(name), user)
		later := add(tenant, began.Add(time.Minute), list(name))
		check := func() {
			for _, f := range []membership.RequestFilter{{UserName: &name}, {ExternalID: &name}} {
				assert.Zero(t, found(tenant, f))
				assert.Equal(t, 1, found(other, f))
				f.RequestID = "r"
				assert.Zero(t, found(tenant, f), "in the row itself")
			}
		}
		check()
		assert.Equal(t, 1, found(tenant, membership.RequestFilter{UserName: &theirs}))
		assert.Equal(t, 1, found(tenant, membership.RequestFilter{User: user}))
		kept, err := l.Request(t.Context(), tenant, waited)
		require.NoError(t, err)
		assert.Equal(t, membership.NotCaptured, kept.Captured)
		_, err = l.RequestBody(t.Context(), tenant, waited)
		assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
		_, err = l.RequestBody(t.Context(), tenant, later)
		require.NoError(t, err)

		assert.Equal(t, 1, found(tenant, membership.RequestFilter{UserName: &former}), "nobody has told whose it was")
		add(tenant, began, list(former), user)
		_, err = l.EraseRequests(t.Context(), tenant, user, nil, nil)
		require.NoError(t, err)
		assert.Zero(t, found(tenant, membership.RequestFilter{UserName: &former}))
		add(tenant, began, list(former, name))
		assert.Zero(t, found(tenant, membership.RequestFilter{UserName: &former}))
		check()
	})
}

// Whoever writes while a person is erased leaves no name, whichever comes first.
func TestRequestLogErasesWhileOthersWrite(t *testing.T) {
	eachRequestLog(t, func(t *testing.T, l *db.RequestLog) {
		name := membership.RequestName{1}
		for range 10 {
			tenant := membership.NewID()
			var writers sync.WaitGroup
			for range 4 {
				writers.Go(func() {
					for range 10 {
						r := request(tenant, time.Now(),
							func(r *membership.Request) { r.UserNames = []membership.RequestName{name} })
						assert.NoError(t, l.AppendRequests(t.Context(), []membership.Request{r}))
					}
				})
			}
			_, err := l.EraseRequests(t.Context(), tenant, membership.NewID(), []membership.RequestName{name}, nil)
			writers.Wait()
			require.NoError(t, err)
			assert.Empty(t, listRequests(t, l, tenant, membership.RequestFilter{UserName: &name}, 100))
		}
	})
}
