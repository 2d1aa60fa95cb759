package dbtest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var errorPromises = subject{"errors", []promise{
	{"a failure halfway leaves nothing", testAFailureHalfwayLeavesNothing},
	{"a write that fails leaves nothing", testAWriteThatFailsLeavesNothing},
}}

func testAFailureHalfwayLeavesNothing(t *testing.T, s Store) {
	w := NewTenant(t, s)
	events, link, members := w.Events(), w.Link(), w.Members()
	boom := errors.New("boom")
	halfway := func(tx membership.Tx) {
		require.NoError(t, ChangeMembers(w.Ctx, tx, w.Change(w.Users[1:5], w.Users[:1])))
		require.NoError(t, w.InsertUser(tx, "late", Now()))
	}
	err := s.Update(w.Ctx, w.ID, func(tx membership.Tx) error { halfway(tx); return boom })
	require.ErrorIs(t, err, boom)
	require.Panics(t, func() {
		_ = s.Update(w.Ctx, w.ID, func(tx membership.Tx) error { halfway(tx); panic("boom") })
	})
	ctx, cancel := context.WithCancel(w.Ctx)
	err = s.Update(ctx, w.ID, func(tx membership.Tx) error { halfway(tx); cancel(); return ctx.Err() })
	require.ErrorIs(t, err, context.Canceled)
	_, err = s.WriteMembers(w.Ctx, w.Change([]membership.ID{w.Users[2], membership.NewID()}, w.Users[:1]))
	require.Equal(t, membership.KindUnknownMembers, membership.KindOf(err))

	require.Equal(t, events, w.Events())
	require.Equal(t, link, w.Link())
	require.Equal(t, members, w.Members())
	w.Read(func(r membership.Reader) error {
		_, err := r.UserByName(w.Ctx, "late")
		require.Equal(t, membership.KindNotFound, membership.KindOf(err))
		return nil
	})
}

// Writes may travel with the next statement or with the commit: an error of one
// is the transaction's, wherever it shows.
func testAWriteThatFailsLeavesNothing(t *testing.T, s Store) {
	w := NewTenant(t, s)
	name := func(i int) string { return fmt.Sprintf("soon%d", i) }
	look := func(tx membership.Tx) error {
		_, err := tx.UserByName(w.Ctx, name(0))
		return err
	}
	for what, after := range map[string]func(membership.Tx) error{
		"at the end":   func(membership.Tx) error { return nil },
		"then a query": look,
		"then many": func(tx membership.Tx) (err error) {
			for i := range 600 {
				err = errors.Join(err, w.InsertUser(tx, name(i+1), Now()))
			}
			return err
		},
	} {
		err := s.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
			if err := w.InsertUser(tx, name(0), Now()); err != nil {
				return err
			}
			if err := w.InsertUser(tx, "u0", Now()); err != nil { // is there
				return err
			}
			return after(tx)
		})
		require.Equal(t, membership.KindUniqueness, membership.KindOf(err), "%s: %v", what, err)
		w.Read(func(r membership.Reader) error {
			for i := range 2 {
				_, err := r.UserByName(w.Ctx, name(i))
				require.Equal(t, membership.KindNotFound, membership.KindOf(err), what)
			}
			return nil
		})
	}
	w.Update(func(tx membership.Tx) (err error) {
		for i := range 600 {
			err = errors.Join(err, w.InsertUser(tx, name(i), Now()))
		}
		return errors.Join(err, look(tx))
	})
}
