package db

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// The end of a local grant has passed once the tenant's own clock says so, passed_at of
// grant_clocks: {open g} compares with nothing else. It only ever goes forward, so what
// has ended stays ended, whatever happens to the clocks of servers. A transaction that
// reads open grants first looks whether there are ends between passed_at and now. If
// there are, it ends, passed_at is raised to now, and it begins anew: who has seen a
// grant ended sees that for ever after.

const (
	qEndsPassed = `select count(*) from (select 1 from grant_clocks clock
		{lookup grants g by grants_ending on g.tenant_id = $1 and g.expires_at > clock.passed_at
			and g.expires_at <= $2}
		where clock.tenant_id = $1 limit 1) x`
	qPassTime = `update grant_clocks set passed_at = $2 where tenant_id = $1 and passed_at < $2`
	qPassedAt = `select clock.passed_at from grant_clocks clock where clock.tenant_id = $1`
)

// passedEnds is what a transaction knows of the ends that have passed.
type passedEnds struct {
	clock  func() time.Time // of the caller; nil: the machine's
	looked bool
}

// errPassed says that ends have passed by at that passed_at does not know.
type errPassed struct{ at time.Time }

func (e *errPassed) Error() string { return "ends of grants have passed by " + e.at.String() }

// UseClock implements membership.TimeReader.
func (s *session) UseClock(now func() time.Time) { s.passed.clock = now }

func (p *passedEnds) now() time.Time {
	if p.clock != nil {
		return p.clock()
	}
	return time.Now().UTC().Truncate(time.Microsecond)
}

// asked reports whether a query asks for open grants, and none did before.
func (p *passedEnds) asked(q string) bool { return !p.looked && strings.Contains(q, "{open ") }

// passEnds looks for ends that have passed, before the first query of open grants. The
// clock is read first: what ends between that and the snapshot is open for this
// transaction, which had begun by then.
func (s *session) passEnds(ctx context.Context, q string) error {
	if !s.passed.asked(q) {
		return nil
	}
	s.passed.looked = true
	at, n := s.passed.now(), 0
	err := s.one(ctx, "tenant", qEndsPassed, []any{s.tenant, micros(at)}, &n)
	if err == nil && n > 0 {
		err = &errPassed{at}
	}
	return err
}

// pipelinePassing is passEnds in the round trip of the queries themselves.
func (s *session) pipelinePassing(ctx context.Context, qs []engine.Query) error {
	s.passed.looked = true
	at, n, found := s.passed.now(), 0, false
	first := maybe(&found, qEndsPassed, []any{s.tenant, micros(at)}, &n)
	err := s.tx.Pipeline(ctx, append([]engine.Query{first}, qs...)...)
	if n > 0 {
		return &errPassed{at}
	}
	return err
}

// endedMembers is the error of a change of members whose grant has ended and is not
// closed yet. Nothing was written.
type endedMembers struct {
	groups, users []membership.ID
	at            time.Time // by then
	err           error     // of the engine, if it came from there
}

func membersEnded(group membership.ID, users []membership.ID, at time.Time) *endedMembers {
	return &endedMembers{groups: []membership.ID{group}, users: users, at: at}
}

func (e *endedMembers) Error() string { return "grants of the members have ended" }
func (e *endedMembers) Unwrap() error { return e.err }

// noteEnded makes an error of the engine that says so an endedMembers.
func (s *Store) noteEnded(err error, c *membership.MemberChange) error {
	if err == nil || s.engine.Class(err) != engine.ClassEnded {
		return err
	}
	e := membersEnded(c.Group, slices.Concat(c.Open, c.Close), c.At)
	e.err = err
	return e
}

// settled runs a transaction, and again when it met ends that had passed, after that was
// noted, or grants that had ended, after they were closed.
func (s *Store) settled(ctx context.Context, tenant membership.ID, run func() error) error {
	const tries = 10
	for try := 1; ; try++ {
		err := run()
		var passed *errPassed
		var ended *endedMembers
		var settle func(*session) error
		switch {
		case err == nil || try == tries || ctx.Err() != nil:
			return err
		case errors.As(err, &passed):
			settle = func(s *session) error {
				_, err := s.exec(ctx, qPassTime, tenant, micros(passed.at))
				return err
			}
		case errors.As(err, &ended):
			settle = func(s *session) error { return s.closeEndedMembers(ctx, ended) }
		default:
			return err
		}
		if err := s.updateOnce(ctx, tenant, settle); err != nil {
			return err
		}
	}
}
