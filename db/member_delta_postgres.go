package db

import (
	"context"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/db/postgres"
	"github.com/scimbridge/scimbridge/membership"
)

const qChangeMembers = `select status, coalesce(version, 0), last_modified, event, changed, unknown_job, unknown,
		held_job, held_closing, held_in_group, held_in_all, held_open, held_open_in_all
	from write_members($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,
		$12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)`

// What goes into one statement at most. A change that is larger waits in no
// queue: it takes long enough by itself.
const (
	maxBatch        = 128  // changes
	maxBatchMembers = 1000 // in all of them
)

// postgresDelta is one call of the function write_members for each batch of a
// link's queue.
type postgresDelta struct {
	store  *Store
	engine *postgres.Engine
	queues engine.Queues[engine.Link, *memberWrite]
}

func newPostgresDelta(s *Store, e *postgres.Engine) *postgresDelta {
	d := &postgresDelta{store: s, engine: e}
	d.queues.Run = d.runBatch
	return d
}

func (d *postgresDelta) write(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error) {
	w := &memberWrite{change: c}
	var err error
	if w.members() > maxBatchMembers || c.Connection != c.Call.Connection {
		err = d.writeAlone(ctx, w)
	} else {
		err = d.queues.Do(ctx, linkOf(c), w)
	}
	return w.result, err
}

// runBatch is one transaction for the changes that wait: one statement, unless they
// are judged. A user is in it once, so that their changes happen in the order in
// which they came; so is a change that wants a certain version.
func (d *postgresDelta) runBatch(l engine.Link, b *engine.Batch[*memberWrite]) {
	users := map[membership.ID]bool{}
	members, alone := 0, false
	var guarded *memberWrite // the first of those that close several
	var first *memberWrite
	fits := func(w *memberWrite) bool {
		members += w.members()
		if first == nil {
			first = w
		} else if alone || w.change.IfVersion != 0 || members > maxBatchMembers ||
			len(b.Taken) >= maxBatch || (w.change.Judge == nil) != (first.change.Judge == nil) {
			return false
		}
		for _, u := range slices.Concat(w.change.Open, w.change.Close) {
			if users[u] {
				return false
			}
		}
		if len(w.change.Close) > 1 {
			if guarded != nil && guarded.change.Guard != w.change.Guard {
				return false
			}
			guarded = w
		}
		for _, u := range slices.Concat(w.change.Open, w.change.Close) {
			users[u] = true
		}
		alone = w.change.IfVersion != 0
		return true
	}
	b.Execute(fits, func(ctx context.Context, ws []*memberWrite) ([]error, error) {
		return d.writeBatch(ctx, l.Tenant, ws)
	}, d.writeAlone)
}

func (d *postgresDelta) writeAlone(ctx context.Context, w *memberWrite) error {
	tenant := w.change.Call.Tenant
	if w.members() > maxBatchMembers && w.change.Judge == nil {
		return d.engine.Update(ctx, tenant, func(t engine.Tx) (err error) {
			w.result, err = d.change(ctx, d.session(t, tenant), w.change)
			return err
		})
	}
	errs, err := d.writeBatch(ctx, tenant, []*memberWrite{w})
	if err == nil {
		err = errs[0]
	}
	return err
}

// writeBatch carries out changes of one source in one group in one transaction, all
// of them judged or none.
func (d *postgresDelta) writeBatch(
	ctx context.Context, tenant membership.ID, ws []*memberWrite,
) (errs []error, err error) {
	if ws[0].change.Judge != nil {
		err = d.engine.Update(ctx, tenant, func(t engine.Tx) (err error) {
			in := d.session(t, tenant)
			in.UseClock(func() time.Time { return ws[0].change.At })
			errs, err = writeJudged(ctx, in, ws, d.call)
			return err
		})
		return errs, err
	}
	err = d.engine.Statement(ctx, func(t engine.Tx) (err error) {
		errs, err = d.call(ctx, d.session(t, tenant), ws)
		return err
	})
	return errs, err
}

func (d *postgresDelta) session(t engine.Tx, tenant membership.ID) *session {
	return &session{tx: t, store: d.store, tenant: tenant}
}

// change looks first which users are known when there are many: the function compares
// every row with every job that it refuses, and reads the list of those for each row.
func (d *postgresDelta) change(
	ctx context.Context, s *session, c membership.MemberChange,
) (membership.MemberResult, error) {
	if users := known(c); len(users) > maxBatchMembers {
		check := c
		check.Open, check.Close, check.Check = nil, nil, users
		if r, err := d.changeOne(ctx, s, check); err != nil {
			return r, err
		}
		c.Check, c.UsersLocked = nil, true
	}
	return d.changeOne(ctx, s, c)
}

func (d *postgresDelta) changeOne(
	ctx context.Context, s *session, c membership.MemberChange,
) (membership.MemberResult, error) {
	w := &memberWrite{change: c}
	errs, err := d.call(ctx, s, []*memberWrite{w})
	if err == nil {
		err = errs[0]
	}
	return w.result, err
}

// call carries out changes of one source in one group in one statement, and sets
// the result of each. The errors are the answers to each; the last one means that
// nothing was written.
func (d *postgresDelta) call(ctx context.Context, s *session, ws []*memberWrite) ([]error, error) {
	if user, opens, only := onlyMember(ws[0].change); only && len(ws) == 1 {
		answer, err := d.callOne(ctx, s, ws[0], user, opens)
		return []error{answer}, err
	}
	var j memberJobs
	var guard membership.RemovalGuard // of all that close several
	for _, w := range ws {
		if err := j.add(w.change); err != nil {
			return nil, err
		}
		if w.change.Guard.On {
			guard = w.change.Guard
		}
	}
	c := ws[0].change
	minute, over := membership.RemovalMinutes(j.at)
	var a memberAnswer
	err := s.one(ctx, "group", qChangeMembers, []any{
		s.tenant, c.Group, c.Connection, c.IfVersion, ending(c), stamp(j.at), guard.On, guard.Members, guard.Percent,
		stamp(minute), stamp(over),
		j.reason, j.salt, j.rest, j.event, j.eventJob, j.eventAction, j.openEvent, j.open, newIDs(len(j.open)),
		j.closeEvent, j.closed, j.knownJob, j.known,
	}, a.dest()...)
	if err != nil {
		return nil, err
	}
	switch a.status {
	case "not_found":
		errs := make([]error, len(ws))
		for i := range errs {
			errs[i] = membership.NotFound("group")
		}
		return errs, nil
	case "version_mismatch":
		ws[0].result = membership.MemberResult{Version: a.version, LastModified: time.Time(a.modified)}
		return []error{versionMismatch(a.version)}, nil
	}
	changed, errs := j.results(ws, &a)
	d.engine.GrantsChanged(changed) //nolint:contextcheck // the look belongs to no request
	return errs, nil
}
