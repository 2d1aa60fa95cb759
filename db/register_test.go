package db_test

import (
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

// crowdGroups is into how many groups fill puts every user.
const crowdGroups = 20

// fill gives a tenant n open grants in so many groups, as fast as SQL can.
func (w *tenant) fill(n int) {
	w.T.Helper()
	id := map[string]string{"postgres": `lpad(to_hex(%s), 32, '0')::uuid`,
		"sqlite": `unhex(printf('%%032x', %s))`}[w.store.Engine()]
	of := func(number string) string { return fmt.Sprintf(id, number) }
	count := func(name string, n int) string {
		return fmt.Sprintf(`%s(i) as (select 1 union all select i + 1 from %[1]s where i < %d)`, name, n)
	}
	groups, users := count("gs", crowdGroups), count("us", n/crowdGroups)
	for _, q := range []string{
		`with recursive ` + groups + `
			insert into groups (tenant_id, id, display_name, display_name_key, kind, origin, created_at, updated_at, no)
			select t.tenant_id, ` + of("i") + `, 'Group ' || i, 'group ' || i, 'custom', 'scim', $2, $2, 1000 + i
			from gs, tenants t where t.tenant_id = $1 on conflict do nothing`,
		`with recursive ` + users + `
			insert into users (tenant_id, id, user_name, user_name_key, email, email_key, name, origin,
				suspended, deprovisioned, active, created_at, updated_at)
			select t.tenant_id, ` + of("i") +
			`, 'user' || i, 'user' || i, 'user' || i || '@example.com', 'user' || i || '@example.com',
				'User Number ' || i, 'scim', false, false, true, $2, $2
			from us, tenants t where t.tenant_id = $1 on conflict do nothing`,
		`with recursive ` + groups + `, ` + users + `
			insert into grants (tenant_id, group_no, user_id, connection_no, id, opened_at, opened_event)
			select c.tenant_id, 1000 + gs.i, ` + of("us.i") + `, c.no, ` + of("us.i") + `, $2, e.position
			from gs, us, connections c, events e where c.tenant_id = $1 and e.tenant_id = $1
				and e.position = (select max(position) from events where tenant_id = $1) on conflict do nothing`,
	} {
		at := dbtest.Now().Add(-time.Hour)
		args := []any{w.ID, db.Stamp(at)}
		if strings.Contains(q, "into grants") {
			args[1] = db.Micros(at)
		}
		require.NoError(w.T, w.store.Exec(w.Ctx, w.ID, q, args...))
	}
}

// peak reports how much more memory was in use at most than when it was called: what is
// garbage by now is not counted, as how much of it there is depends on the other tests.
func peak() func() uint64 {
	live := func() uint64 {
		runtime.GC()
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	base := live()
	top, stop, done := base, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				top = max(top, live())
			case <-stop:
				return
			}
		}
	}()
	return func() uint64 {
		close(stop)
		<-done
		return max(top, live()) - base
	}
}

// A register is as long as the tenant is large, and takes no more memory. Set
// SCIMBRIDGE_TEST_GRANTS to 1000000 to see it with a million grants.
func TestRegisterTakesConstantMemory(t *testing.T) {
	n := 100_000
	if s := os.Getenv("SCIMBRIDGE_TEST_GRANTS"); s != "" {
		var err error
		n, err = strconv.Atoi(s)
		require.NoError(t, err)
	}
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.fill(n)
		dir := membership.NewDirectory(s, dbtest.AllowAll{}, membership.Options{})
		r, out := io.Pipe()
		var size int64
		taken, start := peak(), time.Now()
		go func() {
			out.CloseWithError(dir.ExportRegister(w.Ctx, w.Change(nil, nil).Call, membership.RegisterQuery{},
				api.RegisterFormat(api.FormatCSV), func(m membership.Manifest, body iter.Seq2[[]byte, error]) error {
					return api.WriteReport(out, m, body)
				}))
		}()
		v, err := seal.VerifyExport(io.TeeReader(r, counter{&size}), nil)
		require.NoError(t, err)
		heap := taken()
		t.Logf("%d rows, %d MiB, %d KiB more heap, %s", v.Rows, size>>20, heap>>10, time.Since(start))
		require.Equal(t, int64(n+1), v.Rows) // and one of newTenant
		require.Greater(t, size, int64(n*250), "the report is large")
		require.Less(t, heap, uint64(16<<20))
	})
}

// A connection keeps its statements. Reports with other columns, one after another on
// the same connection, do not get in the way of each other.
func TestReportsShareAConnection(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		past := membership.AsOf{Time: dbtest.Now().Add(time.Minute)}
		for range 3 {
			require.NoError(t, s.Read(w.Ctx, w.ID, func(r membership.Reader) error {
				for _, q := range []membership.RegisterQuery{{}, {AsOf: past}, {User: w.Users[0]},
					{AsOf: past, User: w.Users[0]}} {
					for _, err := range r.Register(w.Ctx, q) {
						require.NoError(t, err)
					}
				}
				for _, kind := range membership.ExceptionKinds {
					for _, err := range r.ExceptionalGrants(w.Ctx, membership.ExceptionCursor{Kind: kind}, 0) {
						require.NoError(t, err, kind)
					}
				}
				return nil
			}))
		}
	})
}

type counter struct{ n *int64 }

func (c counter) Write(b []byte) (int, error) {
	*c.n += int64(len(b))
	return len(b), nil
}
