package db

import (
	"context"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// writeJudged carries out changes that are judged, of different users in one group,
// inside one transaction. The errors are the answers to each, who then has written
// nothing; the last one means that all of it is lost. write carries out what was
// not refused.
func writeJudged(
	ctx context.Context, s *session, ws []*memberWrite,
	write func(context.Context, *session, []*memberWrite) ([]error, error),
) ([]error, error) {
	states, err := s.memberStates(ctx, ws)
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(ws))
	var passed []*memberWrite
	var at []int // of each that passed, among ws
	var added []membership.ID
	for i, w := range ws {
		if errs[i] = w.change.Judge(states[i]); errs[i] != nil {
			continue
		}
		passed, at = append(passed, w), append(at, i)
		added = append(added, w.change.Open...)
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
	members, err := s.MembersAmong(ctx, ws[0].change.Group, added)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		for _, w := range ws {
			if w.user() == m.User.ID && len(w.change.Open) > 0 {
				w.result.Member = m
			}
		}
	}
	return errs, nil
}

// memberStates locks the group and reads what is there of each change's user, in one
// round trip.
func (s *session) memberStates(ctx context.Context, ws []*memberWrite) ([]membership.MemberState, error) {
	group, ids := ws[0].change.Group, make([]membership.ID, len(ws))
	for i, w := range ws {
		ids[i] = w.user()
	}
	g := membership.Group{Tenant: s.tenant}
	var found bool
	var users []membership.User
	var rows []memberRow
	if err := s.pipeline(ctx,
		maybe(&found, qLockGroup, []any{s.tenant, group}, groupDest(&g)...),
		engine.Query{Text: qUsersByID, Args: []any{s.tenant, ids}, Read: func(rs engine.Rows) (err error) {
			users, err = engine.ReadAll(rs, s.userDest)
			return err
		}},
		s.rowsAmong(group, ids, &rows),
	); err != nil {
		return nil, err
	}
	members, err := s.membersOf(ctx, group, rows)
	if err != nil {
		return nil, err
	}
	if !found {
		g = membership.Group{}
	}
	out := make([]membership.MemberState, len(ws))
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
