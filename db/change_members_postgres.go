package db

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/scimbridge/scimbridge/membership"
)

const qChangeMembers = `select status, coalesce(version, 0), last_modified, opened, closed, unknown_job, unknown
	from write_members($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)`

// What goes into one statement at most. A change that is larger stands in no
// line: it takes long enough by itself.
const (
	maxTogether      = 128
	maxMembersAtOnce = 1000
)

// memberWrite is one change in a line, and its result.
type memberWrite struct {
	change membership.MemberChange
	result membership.MemberResult
}

// user is the only one of a change that is judged.
func (w *memberWrite) user() membership.ID { return slices.Concat(w.change.Open, w.change.Close)[0] }

func (w *memberWrite) members() int {
	return len(w.change.Open) + len(w.change.Close) + len(w.change.Check)
}

func (e *postgresEngine) writeMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	w := &memberWrite{change: c}
	var err error
	if w.members() > maxMembersAtOnce || c.Connection != c.Call.Connection {
		err = e.changeAlone(ctx, w)
	} else {
		err = e.writers.do(ctx, memberLine{c.Call.Tenant, c.Connection, c.Group}, w)
	}
	return w.result, err
}

// writeTogether is one transaction for the changes that wait: one statement, unless
// they are judged. A user stands in it once, so that their changes happen in the
// order in which they came; so does a change that wants a certain version.
func (e *postgresEngine) writeTogether(l memberLine, b *batch[*memberWrite]) {
	users := map[membership.ID]bool{}
	members, alone := 0, false
	var first *memberWrite
	fits := func(w *memberWrite) bool {
		members += w.members()
		if first == nil {
			first = w
		} else if alone || w.change.IfVersion != 0 || members > maxMembersAtOnce || len(b.taken) >= maxTogether ||
			(w.change.Judge == nil) != (first.change.Judge == nil) {
			return false
		}
		for _, u := range slices.Concat(w.change.Open, w.change.Close) {
			if users[u] {
				return false
			}
		}
		for _, u := range slices.Concat(w.change.Open, w.change.Close) {
			users[u] = true
		}
		alone = w.change.IfVersion != 0
		return true
	}
	b.together(fits, func(ctx context.Context, ws []*memberWrite) ([]error, error) {
		return e.changeTogether(ctx, l.tenant, ws)
	},
		e.changeAlone)
}

func (e *postgresEngine) changeAlone(ctx context.Context, w *memberWrite) error {
	if w.members() > maxMembersAtOnce && w.change.Judge == nil {
		return e.update(ctx, w.change.Call.Tenant, func(q querier) (err error) {
			w.result, err = e.changeMembers(ctx, q, w.change)
			return err
		})
	}
	errs, err := e.changeTogether(ctx, w.change.Call.Tenant, []*memberWrite{w})
	if err == nil {
		err = errs[0]
	}
	return err
}

// changeTogether carries out changes of one source in one group, all of them judged
// or none.
func (e *postgresEngine) changeTogether(ctx context.Context, tenant membership.ID, ws []*memberWrite) (errs []error, err error) {
	if ws[0].change.Judge != nil {
		err = e.update(ctx, tenant, func(q querier) (err error) {
			errs, err = writeJudged(ctx, &session{querier: q, engine: e, tenant: tenant}, ws, changeJobs)
			return err
		})
		return errs, err
	}
	err = e.pool.with(ctx, func(c *pgx.Conn) (err error) {
		errs, err = changeJobs(ctx, &session{querier: pgTx{c}, engine: e, tenant: tenant}, ws)
		return err
	})
	return errs, err
}

// changeMembers asks first who is known when there are many: the function holds
// every row against every job that it refuses, and reads the list of those anew
// for each.
func (e *postgresEngine) changeMembers(ctx context.Context, q querier, c membership.MemberChange) (membership.MemberResult, error) {
	if users := known(c); len(users) > maxMembersAtOnce {
		asking := c
		asking.Open, asking.Close, asking.Check = nil, nil, users
		if r, err := e.changeGiven(ctx, q, asking); err != nil {
			return r, err
		}
		c.Check, c.Kept = nil, true
	}
	return e.changeGiven(ctx, q, c)
}

func (e *postgresEngine) changeGiven(ctx context.Context, q querier, c membership.MemberChange) (membership.MemberResult, error) {
	w := &memberWrite{change: c}
	errs, err := changeJobs(ctx, &session{querier: q, engine: e, tenant: c.Call.Tenant}, []*memberWrite{w})
	if err == nil {
		err = errs[0]
	}
	return w.result, err
}

// changeJobs carries out changes of one source in one group in one statement,
// and sets the result of each. The errors are the answers to each; the last one
// means that nothing was written.
func changeJobs(ctx context.Context, s *session, ws []*memberWrite) ([]error, error) {
	var j memberJobs
	for _, w := range ws {
		j.add(w.change)
	}
	c := ws[0].change
	var status string
	var version int64
	var modified stamp
	var unknown [][16]byte
	var opened, closed, unknownJob []int32
	err := s.one(ctx, "group", qChangeMembers, []any{
		s.tenant, c.Group, c.Connection, c.IfVersion, string(c.Call.Source()), c.Call.Connection, j.at,
		j.actorKind, j.actorID, j.credential, j.request, j.reason, newIDs(len(ws)), newIDs(len(ws)),
		j.open.job, j.open.users, newIDs(len(j.open.users)),
		j.closed.job, j.closed.users, j.known.job, j.known.users,
	}, &status, &version, &modified, &opened, &closed, &unknownJob, &unknown)
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(ws))
	switch status {
	case "not_found":
		for i := range errs {
			errs[i] = membership.NotFound("group")
		}
		return errs, nil
	case "version_mismatch":
		ws[0].result = membership.MemberResult{Version: version, LastModified: time.Time(modified)}
		return []error{versionMismatch(version)}, nil
	}
	j.count(ws, opened, closed)
	if e, ok := s.engine.(*postgresEngine); ok {
		e.stats.wrote(&e.stats.grants, len(opened)+len(closed)) //nolint:contextcheck // the look is nobody's request
	}
	j.version(ws, version, time.Time(modified))
	j.refuse(errs, unknownJob, unknown)
	return errs, nil
}
