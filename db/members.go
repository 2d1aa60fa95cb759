package db

import (
	"cmp"
	"context"
	"iter"
	"slices"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// What a member is shown with.
const (
	memberColumns = grantColumns + `, u.email, u.name, u.active`
	userOfGrant   = ` {lookup users u on u.tenant_id = $1 and u.id = g.user_id}`
)

type memberRow struct {
	grantRow
	email, name string
	active      bool
}

func memberDest(r *memberRow) []any {
	return append(grantDest(&r.grantRow), &r.email, &r.name, &r.active)
}

// membersQuery writes the query of at most so many rows of a MemberQuery, all but its
// limit, which is one of members.
func membersQuery(s *session, group membership.ID, q membership.MemberQuery, rows int) (string, []any) {
	w := newWhere(s.tenant, group)
	w.and(`g.user_id >`, q.After)
	w.and(`g.user_id <=`, lastID)
	if q.Active != nil {
		w.and(`u.active =`, *q.Active)
	}
	if q.Email != "" {
		// Members live; those of another time need not, and have no index.
		living := `{index users_email} where x.deleted_at is null and`
		if !q.AsOf.Time.IsZero() {
			living = `where`
		}
		w.and(`g.user_id in (select x.id from users x `+living+` x.tenant_id = $1 and x.email_key =`,
			membership.Fold(q.Email))
		w.WriteString(`)`)
	}
	if q.Source != "" {
		// The offset keeps PostgreSQL from joining all grants of the tenant instead.
		is := map[membership.Source]string{membership.SourceLocal: `=`, membership.SourceSCIM: `<>`}[q.Source]
		w.WriteString(` and exists (` + openAsOf(w, q.AsOf, "x", func(table, open string) string {
			return `select 1 from ` + table + ` x where x.tenant_id = $1 and x.group_no = g.group_no
				and x.user_id = g.user_id and x.connection_no ` + is + ` 0 and ` + open
		}) + ` limit 1 offset 0)`)
	}
	return openAsOf(w, q.AsOf, "g", func(table, open string) string {
		return `select ` + ofTable(table, memberColumns) + ` from ` + table + ` g` + userOfGrant + `
			where g.tenant_id = $1 and g.group_no = ` + noOfGroup + `$2) and ` + open + w.String()
	}) + byUser + ` limit ` + w.arg(rows), w.args
}

// partOfMembers is how many rows of a list without a limit are read at a time.
const partOfMembers = 1000

// Members implements membership.Reader.
func (s *session) Members(
	ctx context.Context, group membership.ID, q membership.MemberQuery,
) iter.Seq2[membership.Member, error] {
	return func(yield func(membership.Member, error) bool) {
		left, rows := q.Limit, partOfMembers
		if left > 0 {
			rows = left + 1 // the last one shows where the last member ends
		}
		for {
			query, args := membersQuery(s, group, q, rows)
			part, err := collect(make([]memberRow, 0, rows), stream(ctx, s, query, args, memberDest))
			more := len(part) == rows
			if more {
				part = wholeMembers(part)
			}
			var members []membership.Member
			if err == nil {
				members, err = s.membersAsOf(ctx, group, q.AsOf, part)
			}
			if err != nil {
				yield(membership.Member{}, err)
				return
			}
			for _, m := range members {
				if !yield(m, nil) {
					return
				}
				if left--; left == 0 {
					return
				}
				q.After = m.User.ID
			}
			if !more {
				return
			}
			if left > 0 && len(members) > 0 { // many have several grants
				rows = 2*left + 1
			} else if len(members) == 0 { // one has very many
				rows *= 2
			}
		}
	}
}

// wholeMembers is rows without those of the last user.
func wholeMembers(rows []memberRow) []memberRow {
	end := len(rows) - 1
	for end > 0 && rows[end-1].user == rows[end].user {
		end--
	}
	return rows[:end]
}

// membersAsOf is membersOf of a time.
func (s *session) membersAsOf(
	ctx context.Context, group membership.ID, at membership.AsOf, rows []memberRow,
) ([]membership.Member, error) {
	if err := s.endsAsOf(ctx, at, pointers(rows, func(r *memberRow) *grantRow { return &r.grantRow })); err != nil {
		return nil, err
	}
	return s.membersOf(ctx, group, rows)
}

// membersOf makes members of the rows of their grants.
func (s *session) membersOf(ctx context.Context, group membership.ID, rows []memberRow) ([]membership.Member, error) {
	facts, err := s.factsOf(ctx, pointers(rows, func(r *memberRow) *grantRow { return &r.grantRow }))
	if err != nil {
		return nil, err
	}
	members, sources := make([]membership.Member, 0, len(rows)), make([]membership.MemberSource, len(rows))
	for from := 0; from < len(rows); {
		r := &rows[from]
		m := membership.Member{JoinedAt: r.memberSince}
		m.User.Tenant, m.User.ID, m.User.Email, m.User.Name, m.User.Active = s.tenant, r.user, r.email, r.name, r.active
		to := from
		for ; to < len(rows) && rows[to].user == r.user; to++ {
			sources[to] = facts.source(&rows[to].grantRow, group)
			if rows[to].memberSince.Before(m.JoinedAt) {
				m.JoinedAt = rows[to].memberSince
			}
		}
		m.Sources = sources[from:to:to]
		oldestFirst(m.Sources)
		members, from = append(members, m), to
	}
	return members, nil
}

func oldestFirst(sources []membership.MemberSource) {
	if len(sources) > 1 {
		slices.SortFunc(sources, func(a, b membership.MemberSource) int { return compareOpening(&a.Grant, &b.Grant) })
	}
}

func compareOpening(a, b *membership.Grant) int {
	return cmp.Or(a.OpenedAt.Compare(b.OpenedAt), a.ID.Compare(b.ID))
}

const qMembersAmong = `select ` + memberColumns + ` from grants g` + userOfGrant + `
	where g.tenant_id = $1 and g.group_no = ` + noOfGroup + `$2) and g.user_id {in $3} and {open g}` + byUser

// Member implements membership.Reader.
func (s *session) Member(ctx context.Context, group, user membership.ID) (membership.Member, error) {
	ms, err := s.MembersAmong(ctx, group, []membership.ID{user})
	if err != nil || len(ms) == 0 {
		return membership.Member{}, cmp.Or(err, membership.NotFound("member"))
	}
	return ms[0], nil
}

// MembersAmong implements membership.Reader.
func (s *session) MembersAmong(
	ctx context.Context, group membership.ID, users []membership.ID,
) ([]membership.Member, error) {
	var rows []memberRow
	if err := s.pipeline(ctx, s.rowsAmong(group, users, &rows)); err != nil {
		return nil, err
	}
	return s.membersOf(ctx, group, rows)
}

func (s *session) rowsAmong(group membership.ID, users []membership.ID, rows *[]memberRow) engine.Query {
	return all(rows, qMembersAmong, []any{s.tenant, group, users}, memberDest)
}
