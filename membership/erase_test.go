package membership_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

const eraseReason = "request 4711"

// erase erases a person as an administrator.
func (w *world) erase(user membership.ID, reason string) (membership.Erased, error) {
	call := w.admin
	call.Reason = reason
	return w.dir.EraseUser(w.ctx, call, user)
}

func (w *world) mustErase(user membership.ID, reason string) membership.Erased {
	w.t.Helper()
	e, err := w.erase(user, reason)
	require.NoError(w.t, err)
	return e
}

// because is a call of the administrator with a reason.
func (w *world) because(reason string) membership.Call {
	call := w.admin
	call.Reason = reason
	return call
}

// texts are all texts that events still have, and how many events.
func (w *world) texts() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, e := range w.events(membership.EventFilter{}) {
		for _, t := range e.Disclosed {
			out[t.Text]++
		}
	}
	return out
}

// unlinkedUser is one whom okta sent with an external id, put into a group, and gave up.
func (w *world) unlinkedUser(externalID string) membership.ID {
	w.t.Helper()
	l := view(w.name("left"))
	l.ExternalID = externalID
	l, err := w.dir.ProvisionUser(w.ctx, w.okta, l)
	require.NoError(w.t, err)
	w.scimGroup(w.okta, l.User)
	require.NoError(w.t, w.dir.DeprovisionUser(w.ctx, w.okta, l.User, 0))
	return l.User
}

// Of a person nothing stays but the id, in events that say what they said; what
// concerns others stays.
func TestErasure(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u, err := w.dir.CreateUser(w.ctx, w.because("Jane starts"), membership.NewUser{
			UserName: "jane.doe", Email: "jane@example.test", Name: "Jane Doe",
		})
		require.NoError(t, err)
		other, group, second := w.localUser(), w.localGroup(), w.localGroup()
		crowd := w.localUsers(2*membership.MaxEventMembers + 10)
		add := func(call membership.Call, group membership.ID, users ...membership.ID) {
			_, err := w.dir.AddMembers(w.ctx, call, group, users)
			require.NoError(t, err)
		}
		add(w.because("Jane joins"), group, u.ID)
		add(w.because("others join"), group, other)
		_, err = w.dir.RemoveMember(w.ctx, w.because("Jane leaves"), group, u.ID)
		require.NoError(t, err)
		add(w.because("Jane and many"), second, append(crowd, u.ID)...)
		require.Equal(t, 3, w.texts()["Jane and many"], "three events tell of it")
		before := w.events(membership.EventFilter{})

		require.Equal(t, membership.Erased{Users: 1, Grants: 1, Reasons: 4}, w.mustErase(u.ID, eraseReason))
		require.Equal(t, map[string]int{"others join": 1, eraseReason: 3}, w.texts())
		_, err = w.dir.User(w.ctx, w.admin, u.ID)
		w.kind(membership.KindNotFound, err)
		require.NotContains(t, w.members(second), u.ID)
		require.Len(t, w.members(second), len(crowd))

		after := w.events(membership.EventFilter{})
		for i, e := range before {
			e.Reason, e.Disclosed = after[i].Reason, after[i].Disclosed
			require.Equal(t, e, after[i], "the event is what it was")
		}
		require.Len(t, after, len(before)+3)
		for i, want := range []membership.Action{
			membership.ActionGrantClosed, membership.ActionUserDeleted, membership.ActionUserErased,
		} {
			require.Equal(t, want, after[len(before)+i].Action)
			require.Equal(t, eraseReason, after[len(before)+i].Reason)
		}
		last := after[len(after)-1]
		require.JSONEq(t, `{"users":1,"grants":1,"reasons":4}`, string(last.After))
		require.Equal(t, u.ID, last.User)
		require.Equal(t, w.admin.Actor, last.Actor)

		// Once more, nothing is found and nothing said.
		require.Zero(t, w.mustErase(u.ID, eraseReason))
		require.Len(t, w.events(membership.EventFilter{}), len(after))
		// A reason that named them after all goes with another one.
		require.Equal(t, membership.Erased{Reasons: 3}, w.mustErase(u.ID, "again"))
		require.Equal(t, map[string]int{"others join": 1, "again": 1}, w.texts())
	})
}

// localUsers makes many at once.
func (w *world) localUsers(n int) (ids []membership.ID) {
	w.t.Helper()
	require.NoError(w.t, w.store.Update(w.ctx, w.admin.Tenant, func(tx membership.Tx) error {
		ids = nil
		us := make([]membership.User, n)
		for i := range us {
			us[i] = membership.User{
				Tenant: w.admin.Tenant, ID: membership.NewID(), UserName: w.name("many"),
				Origin: membership.SourceLocal, Active: true, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
			}
			ids = append(ids, us[i].ID)
		}
		return tx.InsertUsers(w.ctx, us)
	}))
	return ids
}

// A user who was deleted before has the name of then until they are erased.
func TestErasureOfTheDeleted(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		u := w.unlinkedUser("E-1")
		require.Equal(t, 1, w.texts()["E-1"])
		require.Equal(t, membership.Erased{Users: 1, Reasons: 3, ExternalIDs: 1}, w.mustErase(u, eraseReason))
		require.Equal(t, map[string]int{eraseReason: 1}, w.texts())
		for _, e := range w.events(membership.EventFilter{User: u}) {
			require.NotContains(t, string(e.Before)+string(e.After), "E-1")
		}
		invited := w.invite("guest@example.test")
		require.Equal(t, membership.Erased{Users: 1}, w.mustErase(invited.ID, eraseReason))
		again := w.invite("guest@example.test")
		require.NotEqual(t, invited.ID, again.ID)
	})
}

// What must not be erased is not, and nothing of it is touched.
func TestErasureIsRefused(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		group := w.localGroup()
		linked := w.scimUser(w.okta)
		_, err := w.dir.AddMember(w.ctx, w.because("Jane joins"), group, linked, false)
		require.NoError(t, err)
		events := len(w.events(membership.EventFilter{}))
		_, err = w.erase(linked, eraseReason)
		e := w.kind(membership.KindLinked, err)
		require.Equal(t, []membership.ID{w.okta.Connection}, e.Details["connections"])
		require.Equal(t, 1, w.texts()["Jane joins"])
		require.Contains(t, w.members(group), linked)
		_, err = w.erase(linked, "")
		w.kind(membership.KindInvalid, err)
		_, err = w.erase(membership.NewID(), eraseReason)
		w.kind(membership.KindNotFound, err)
		theirs := newWorld(t, w.store)
		_, err = w.erase(theirs.localUser(), eraseReason)
		w.kind(membership.KindNotFound, err)
		_, err = w.erase(membership.ID{}, eraseReason)
		w.kind(membership.KindNotFound, err)
		require.Len(t, w.events(membership.EventFilter{}), events)

		may := w.admin
		may.Permissions, may.Reason = []string{"USERS:READ", "USERS:WRITE", "AUDIT:READ"}, eraseReason
		local := w.localUser()
		_, err = w.dir.EraseUser(w.ctx, may, local)
		w.kind(membership.KindForbidden, err)
		require.NotEmpty(t, w.user(local).UserName)

		// Once the provider has given them up.
		require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, linked, 0))
		require.Equal(t, 1, w.mustErase(linked, eraseReason).Users)
		require.Zero(t, w.texts()["Jane joins"])
	})
}

// A person with very much is erased in steps: each is a transaction with its event.
func TestErasureInSteps(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		const groups = 1500
		user, other := w.localUser(), w.localUser()
		for i := 0; i < groups; i += 500 {
			require.NoError(t, w.store.Update(w.ctx, w.admin.Tenant, func(tx membership.Tx) error {
				for range 500 {
					g := membership.Group{
						Tenant: w.admin.Tenant, ID: membership.NewID(), DisplayName: "g", Kind: membership.GroupCustom,
						Origin: membership.SourceLocal, CreatedAt: w.clock.Now(), UpdatedAt: w.clock.Now(),
					}
					c := membership.MemberChange{
						Call: w.because("Jane joins"), At: w.clock.Now(), Group: g.ID,
						Open: []membership.ID{user, other},
					}
					if err := errors.Join(tx.InsertGroup(w.ctx, g), dbtest.ChangeMembers(w.ctx, tx, c)); err != nil {
						return err
					}
				}
				return nil
			}))
		}
		require.Equal(t, groups, w.texts()["Jane joins"])
		require.Equal(t, membership.Erased{Users: 1, Grants: groups, Reasons: groups}, w.mustErase(user, eraseReason))
		require.Zero(t, w.texts()["Jane joins"])
		steps := w.events(membership.EventFilter{Action: membership.ActionUserErased})
		require.Greater(t, len(steps), groups/500)
		for i, e := range steps {
			assert.Equal(t, i < len(steps)-1, strings.Contains(string(e.After), `"more":true`), "%s", e.After)
		}
		require.Empty(t, w.open(user))
		require.Len(t, w.open(other), groups)
	})
}

func (w *world) open(user membership.ID) (grants []membership.Grant) {
	w.t.Helper()
	require.NoError(w.t, w.store.Read(w.ctx, w.admin.Tenant, func(r membership.Reader) (err error) {
		grants, err = r.OpenGrants(w.ctx, membership.ID{}, user)
		return err
	}))
	return grants
}

// While others write to the person: either the provider has them, and nothing is
// erased, or nothing of them is left, whatever was written at the same moment.
func TestErasureBesideWriters(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		erased, refused := 0, 0
		for i := range 25 {
			u, err := w.dir.CreateUser(w.ctx, w.because("Jane starts"), membership.NewUser{UserName: w.name("jane")})
			require.NoError(t, err)
			groups := []membership.ID{w.localGroup(), w.localGroup()}
			var writers sync.WaitGroup
			if i%2 == 0 {
				writers.Go(func() {
					time.Sleep(time.Duration(i) * time.Millisecond / 2)
					_, err := w.dir.ProvisionUser(w.ctx, w.okta, view(u.UserName))
					assert.NoError(t, err)
				})
			}
			for _, g := range groups {
				writers.Go(func() {
					for range 3 {
						_, err := w.dir.AddMember(w.ctx, w.because("Jane joins"), g, u.ID, true)
						if membership.KindOf(err) == membership.KindNotFound {
							return
						}
						assert.NoError(t, err)
						_, err = w.dir.RemoveMember(w.ctx, w.because("Jane leaves"), g, u.ID)
						if membership.KindOf(err) == membership.KindNotFound {
							return
						}
						assert.NoError(t, err)
					}
				})
			}
			_, err = w.erase(u.ID, eraseReason)
			writers.Wait()
			if membership.KindOf(err) == membership.KindLinked {
				refused++
				require.Equal(t, u.UserName, w.user(u.ID).UserName)
				require.NoError(t, w.dir.DeprovisionUser(w.ctx, w.okta, u.ID, 0))
				_, err = w.erase(u.ID, eraseReason)
			} else {
				erased++
			}
			require.NoError(t, err)
			_, err = w.dir.User(w.ctx, w.admin, u.ID)
			w.kind(membership.KindNotFound, err)
			require.Empty(t, w.open(u.ID))
			for _, e := range w.events(membership.EventFilter{User: u.ID}) {
				require.Contains(t, []string{"", eraseReason}, e.Reason, e.Action)
			}
		}
		t.Logf("%d erased at once, %d refused first", erased, refused)
	})
}
