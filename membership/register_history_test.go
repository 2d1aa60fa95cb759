package membership_test

import (
	"iter"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// place is a user in a group.
type place struct{ group, user membership.ID }

// stay is how a user was a member: by which grants, since when.
type stay struct {
	joined time.Time
	grants string // their ids in the order of the sources
}

// history does random things to a tenant and remembers what the lists of
// members said in between.
type history struct {
	*world
	r             *rand.Rand
	users, groups []membership.ID
	names         []string
	moments       []moment
}

type moment struct {
	at    time.Time
	was   map[place]stay
	asked []membership.ID // the groups that could be asked
}

// now is between all changes before it and all after it.
func (h *history) now() time.Time {
	h.tick.Add(1000)
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC).Add(time.Duration(h.tick.Load()) * time.Microsecond)
	h.tick.Add(1000)
	return at
}

func (h *history) of(group membership.ID, q membership.MemberQuery, into map[place]stay) error {
	return h.dir.VisitMembers(h.ctx, h.admin, group, q, func(ms iter.Seq2[membership.Member, error]) error {
		for m, err := range ms {
			if err != nil {
				return err
			}
			s := stay{joined: m.JoinedAt}
			for _, source := range m.Sources {
				s.grants += source.Grant.ID.String() + " "
			}
			into[place{group, m.User.ID}] = s
		}
		return nil
	})
}

func (h *history) remember() {
	m := moment{at: h.now(), was: map[place]stay{}}
	for _, g := range h.groups {
		if h.of(g, membership.MemberQuery{}, m.was) == nil {
			m.asked = append(m.asked, g)
		}
	}
	h.moments = append(h.moments, m)
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func (h *history) some() (ids []membership.ID) {
	for range h.r.IntN(4) {
		ids = append(ids, pick(h.r, h.users))
	}
	return ids
}

// step does one thing; most that a rule refuses is refused by it here too.
func (h *history) step() error {
	c := pick(h.r, []membership.Call{h.okta, h.entra})
	group, user := pick(h.r, h.groups), pick(h.r, h.users)
	switch h.r.IntN(20) {
	case 0, 1:
		l, err := h.dir.ProvisionUser(h.ctx, c, view(pick(h.r, h.names)))
		if err == nil {
			h.users = append(h.users, l.User)
		}
		return err
	case 2:
		l, err := h.dir.ProvisionGroup(h.ctx, c, membership.GroupLink{DisplayName: h.name("g")},
			membership.MemberDelta{})
		if err == nil {
			h.groups = append(h.groups, l.Group)
		}
		return err
	case 3:
		h.groups = append(h.groups, h.localGroup())
		return nil
	case 4, 5, 6, 7:
		return h.patch(c, group, func(d *membership.MemberDelta) { d.Add(h.some()...) })
	case 8:
		return h.patch(c, group, func(d *membership.MemberDelta) { d.Remove(h.some()...) })
	case 9:
		return h.patch(c, group, func(d *membership.MemberDelta) { d.Clear(); d.Add(h.some()...) })
	case 10, 11, 12, 13:
		_, err := h.dir.AddMember(h.ctx, h.admin, group, user, h.r.IntN(2) == 0)
		return err
	case 14:
		_, err := h.dir.RemoveMember(h.ctx, h.admin, group, user)
		return err
	case 15:
		_, err := h.dir.UpdateProvisionedUser(h.ctx, c, user, 0, func(l *membership.UserLink) error {
			l.Active = !l.Active
			return nil
		})
		return err
	case 16:
		return h.dir.DeprovisionUser(h.ctx, c, user, 0)
	case 17:
		return h.dir.DeleteUser(h.ctx, h.admin, user)
	case 18:
		if h.r.IntN(2) == 0 {
			return h.dir.DeprovisionGroup(h.ctx, c, group, 0)
		}
		return h.dir.DeleteGroup(h.ctx, h.admin, group)
	default:
		active := h.r.IntN(2) == 0
		_, err := h.dir.ChangeUser(h.ctx, h.admin, user, membership.UserChange{Active: &active})
		return err
	}
}

// register is what the register says of a time.
func (h *history) register(q membership.RegisterQuery) map[place]stay {
	h.t.Helper()
	was := map[place]stay{}
	f := membership.Format[membership.RegisterRow]{Name: "test",
		Append: func(b []byte, r membership.RegisterRow) []byte {
			p := place{r.Grant.Group, r.Grant.User}
			s, again := was[p]
			if !again || r.Grant.MemberSince.Before(s.joined) {
				s.joined = r.Grant.MemberSince
			}
			s.grants += r.Grant.ID.String() + " "
			was[p] = s
			require.NotEmpty(h.t, r.Group.DisplayName)
			require.NotEmpty(h.t, r.User.UserName)
			return append(b, r.Grant.ID.String()...)
		}}
	require.NoError(h.t,
		h.dir.ExportRegister(h.ctx, h.admin, q, f, func(m membership.Manifest, body iter.Seq2[[]byte, error]) error {
			n := 0
			for b, err := range body {
				if err != nil {
					return err
				}
				n += len(b)
			}
			require.Equal(h.t, int64(n/36), m.Rows)
			return nil
		}))
	return was
}

// pages is what the register says of a time, page by page.
func (h *history) pages(at time.Time, limit int) map[place]stay {
	h.t.Helper()
	was := map[place]stay{}
	q := membership.RegisterQuery{AsOf: membership.AsOf{Time: at}}
	for {
		p, err := h.dir.RegisterPage(h.ctx, h.admin, q, limit)
		require.NoError(h.t, err)
		require.Equal(h.t, at, p.AsOf)
		of := map[place]stay{}
		for _, r := range p.Rows {
			s, again := of[place{r.Grant.Group, r.Grant.User}]
			if !again || r.Grant.MemberSince.Before(s.joined) {
				s.joined = r.Grant.MemberSince
			}
			s.grants += r.Grant.ID.String() + " "
			of[place{r.Grant.Group, r.Grant.User}] = s
		}
		for member, s := range of {
			require.NotContains(h.t, was, member, "a member is on one page")
			was[member] = s
		}
		if p.Next == nil {
			return was
		}
		require.GreaterOrEqual(h.t, len(p.Rows), limit)
		q.After = *p.Next
	}
}

// Whatever happened, at whatever time one asks about: the register and the lists
// of members say of it now what the lists said then.
func TestThePastIsWhatItWas(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		for seed := range uint64(3) {
			h := &history{world: newWorld(t, w.store), r: rand.New(rand.NewPCG(seed, 2026))}
			before := h.now()
			for i := range 6 {
				h.names = append(h.names, h.name("person"))
				h.users = append(h.users, h.provision(h.okta, h.names[i]), h.localUser())
			}
			h.groups = []membership.ID{h.scimGroup(h.okta), h.scimGroup(h.entra), h.localGroup()}
			done := 0
			for range 150 {
				err := h.step()
				if err != nil {
					require.NotEmpty(t, membership.KindOf(err), "%v", err)
					continue
				}
				done++
				h.remember()
			}
			require.Greater(t, done, 30)
			members := 0
			for _, m := range h.moments {
				members += len(m.was)
				require.Equal(t, m.was, h.register(membership.RegisterQuery{AsOf: membership.AsOf{Time: m.at}}),
					"seed %d, at %s", seed, m.at)
				if len(m.was) > 0 && h.r.IntN(10) == 0 {
					require.Equal(t, m.was, h.pages(m.at, 1+h.r.IntN(5)), "seed %d, at %s, by page", seed, m.at)
				}
				again, there := map[place]stay{}, map[place]stay{}
				for _, g := range m.asked {
					if err := h.of(g, membership.MemberQuery{AsOf: membership.AsOf{Time: m.at}}, again); err != nil {
						h.kind(membership.KindNotFound, err) // deleted since: the register alone tells
						continue
					}
					for p, s := range m.was {
						if p.group == g {
							there[p] = s
						}
					}
				}
				require.Equal(t, there, again)
				user := pick(h.r, h.users)
				alone := h.register(membership.RegisterQuery{AsOf: membership.AsOf{Time: m.at}, User: user})
				for p, s := range m.was {
					if p.user == user {
						require.Equal(t, s, alone[p])
						delete(alone, p)
					}
				}
				require.Empty(t, alone)
			}
			require.Greater(t, members, 100)
			require.Empty(t, h.register(membership.RegisterQuery{AsOf: membership.AsOf{Time: before}}))
			require.Empty(t,
				h.register(membership.RegisterQuery{AsOf: membership.AsOf{Time: before.AddDate(-50, 0, 0)}}),
				"before there was a tenant")
		}
	})
}
