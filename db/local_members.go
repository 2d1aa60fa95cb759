package db

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// localWrite is one local change in a line, and its result.
type localWrite struct {
	memberWrite
	local membership.LocalChange
	added membership.Member
}

func newLocalWrite(c membership.LocalChange) *localWrite {
	w := &localWrite{local: c}
	w.change = membership.MemberChange{Call: c.Call, At: c.At, Group: c.Group}
	if c.Add {
		w.change.Open = []membership.ID{c.User}
	} else {
		w.change.Close = []membership.ID{c.User}
	}
	return w
}

// ChangeLocal implements membership.Store.
func (s *Store) ChangeLocal(ctx context.Context, c membership.LocalChange) (membership.Member, membership.MemberResult, error) {
	var w *localWrite
	err := s.retry(ctx, func() error {
		w = newLocalWrite(c)
		return s.engine.shareLocal(ctx, w)
	})
	return w.added, w.result, err
}

// changeLocals carries out changes of different users in one group, inside one
// transaction. The errors are the answers to each, who then has written nothing;
// the last one means that all of it is lost.
func changeLocals(
	ctx context.Context, s *session, ws []*localWrite, write func(context.Context, *session, []*memberWrite) ([]error, error),
) ([]error, error) {
	standings, err := s.standings(ctx, ws)
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(ws))
	var passed []*memberWrite
	var at []int // of each that passed, among ws
	var added []membership.ID
	for i, w := range ws {
		if errs[i] = w.local.Judge(standings[i]); errs[i] != nil {
			continue
		}
		passed, at = append(passed, &w.memberWrite), append(at, i)
		if w.local.Add {
			added = append(added, w.local.User)
		}
	}
	if len(passed) == 0 {
		return errs, nil
	}
	written, err := write(ctx, s, passed)
	if err != nil {
		return nil, err
	}
	for i, err := range written {
		errs[at[i]] = err
	}
	if len(added) == 0 {
		return errs, nil
	}
	members, err := s.MembersAmong(ctx, ws[0].local.Group, added)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		for _, w := range ws {
			if w.local.User == m.User.ID {
				w.added = m
			}
		}
	}
	return errs, nil
}

// standings locks the group and reads what is there, in one round trip.
func (s *session) standings(ctx context.Context, ws []*localWrite) ([]membership.MemberStanding, error) {
	group, ids := ws[0].local.Group, make([]membership.ID, len(ws))
	for i, w := range ws {
		ids[i] = w.local.User
	}
	g := membership.Group{Tenant: s.tenant}
	var found bool
	var users []membership.User
	var members []membership.Member
	if err := s.ask(ctx,
		maybe(&found, qLockGroup, []any{s.tenant, group}, groupDest(&g)...),
		question{qUsersByID, []any{s.tenant, ids}, func(rs rows) (err error) {
			users, err = readAll(rs, s.userDest)
			return err
		}},
		s.membersAmong(group, ids, &members),
	); err != nil {
		return nil, err
	}
	if !found {
		g = membership.Group{}
	}
	out := make([]membership.MemberStanding, len(ws))
	for i, id := range ids {
		out[i].Group = g
		for _, u := range users {
			if u.ID == id {
				out[i].User = u
			}
		}
		for _, m := range members {
			if m.User.ID == id {
				out[i].Member = m
			}
		}
	}
	return out, nil
}

// shareLocal is a local change as part of a shared transaction. It refuses
// before it writes.
func (e *sqliteEngine) shareLocal(ctx context.Context, w *localWrite) error {
	return e.writers.do(ctx, sqliteWrite{fn: func(q querier) error {
		s := &session{querier: q, engine: e, tenant: w.local.Call.Tenant}
		errs, err := changeLocals(ctx, s, []*localWrite{w}, func(ctx context.Context, s *session, ws []*memberWrite) (_ []error, err error) {
			ws[0].result, err = e.changeMembers(ctx, s.querier, ws[0].change)
			return []error{nil}, err
		})
		if err != nil {
			return err
		}
		return errs[0]
	}})
}

func (e *postgresEngine) shareLocal(ctx context.Context, w *localWrite) error {
	return e.locals.do(ctx, memberLine{tenant: w.local.Call.Tenant, group: w.local.Group}, w)
}

// writeLocals is one transaction for the local changes that wait; a user stands
// in it once.
func (e *postgresEngine) writeLocals(l memberLine, b *batch[*localWrite]) {
	users := map[membership.ID]bool{}
	fits := func(w *localWrite) bool {
		if users[w.local.User] || len(users) >= maxTogether {
			return false
		}
		users[w.local.User] = true
		return true
	}
	b.together(fits, func(ctx context.Context, ws []*localWrite) ([]error, error) { return e.changeLocals(ctx, l.tenant, ws) },
		func(ctx context.Context, w *localWrite) error {
			errs, err := e.changeLocals(ctx, l.tenant, []*localWrite{w})
			if err == nil {
				err = errs[0]
			}
			return err
		})
}

func (e *postgresEngine) changeLocals(ctx context.Context, tenant membership.ID, ws []*localWrite) (errs []error, err error) {
	err = e.update(ctx, tenant, func(q querier) (err error) {
		errs, err = changeLocals(ctx, &session{querier: q, engine: e, tenant: tenant}, ws, changeJobs)
		return err
	})
	return errs, err
}
