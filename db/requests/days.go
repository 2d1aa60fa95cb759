package requests

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	qAddDay = `insert into request_days (tenant_id, connection_id, day, outcome, requests, last_at, last_why)
		values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (tenant_id, connection_id, day,
			outcome) do update set requests = request_days.requests + excluded.requests,
			last_why = case when excluded.last_at < request_days.last_at then request_days.last_why
				else excluded.last_why end,
			last_at = case when excluded.last_at < request_days.last_at then request_days.last_at
				else excluded.last_at end`
	qDays = `select connection_id, day, outcome, requests, last_at, last_why from request_days
		where tenant_id = $1 and connection_id = $2 and day >= $3`
	qRemoveDays = `delete from request_days where tenant_id = $1 and day < $2`
)

// dayOf is the day of a time in UTC.
func dayOf(t time.Time) int64 { return t.Unix() / int64(24*time.Hour/time.Second) }

type dayKey struct {
	connection membership.ID
	day        int64
	outcome    string
}

// dayRows are what requests of a tenant add to their days, in one order, so that two
// servers do not wait for each other.
func dayRows(tenant membership.ID, rs []membership.Request) (rows [][]any) {
	days := map[dayKey]*membership.RequestDay{}
	var keys []dayKey
	for i := range rs {
		r := &rs[i]
		key := dayKey{r.Connection, dayOf(r.At), string(r.Outcome)}
		d := days[key]
		if d == nil {
			d = new(membership.RequestDay)
			days[key], keys = d, append(keys, key)
		}
		if d.Requests += int64(max(r.Count, 1)); !r.At.Before(d.LastAt) {
			d.LastAt, d.LastWhy = r.At, cmp.Or(r.Why, r.Detail)
		}
	}
	slices.SortFunc(keys, func(a, b dayKey) int {
		return cmp.Or(bytes.Compare(a.connection[:], b.connection[:]), cmp.Compare(a.day, b.day),
			cmp.Compare(a.outcome, b.outcome))
	})
	for _, key := range keys {
		d := days[key]
		rows = append(rows, []any{
			tenant, key.connection, key.day, key.outcome, d.Requests, engine.Stamp(d.LastAt), d.LastWhy,
		})
	}
	return rows
}

// RequestDays implements membership.RequestLog.
func (l *Log) RequestDays(
	ctx context.Context, tenant membership.ID, connections []membership.ID, from time.Time,
) (days []membership.RequestDay, err error) {
	type row struct {
		connection membership.ID
		day        int64
		outcome    string
		requests   int64
		last       engine.Stamp
		why        string
	}
	err = l.engine.Read(ctx, tenant, func(t engine.Tx) error {
		days = nil
		qs := make([]engine.Query, len(connections))
		for i, c := range connections {
			qs[i] = engine.Query{Text: qDays, Args: []any{tenant, c, dayOf(from)}, Read: func(rs engine.Rows) error {
				rows, err := engine.ReadAll(rs, func(r *row) []any {
					return []any{&r.connection, &r.day, &r.outcome, &r.requests, &r.last, &r.why}
				})
				for _, r := range rows {
					days = append(days, membership.RequestDay{
						Connection: r.connection, Day: time.Unix(r.day*24*60*60, 0).UTC(),
						Outcome:  membership.RequestOutcome(r.outcome),
						Requests: r.requests, LastAt: time.Time(r.last), LastWhy: r.why,
					})
				}
				return err
			}}
		}
		if len(qs) == 0 {
			return nil
		}
		return t.Pipeline(ctx, qs...)
	})
	return days, l.translate(err)
}
