package dbtest

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var partPromises = subject{"parts of a transaction", []promise{
	{"of one that fails nothing is left", testPart},
}}

// A part fails alone, by a word of the caller, by an error of the database, or by a
// panic: what came before it stays, what comes after it is written, and totals count
// what is there.
func testPart(t *testing.T, s Store) {
	w := NewTenant(t, s)
	count := func() (n int) {
		w.Read(func(r membership.Reader) error {
			page, err := r.UserLinks(w.Ctx, w.Connection, membership.LinkQuery{})
			n = page.Total
			return err
		})
		return n
	}
	before, no := count(), errors.New("no")
	w.Update(func(tx membership.Tx) error {
		require.NoError(t, tx.Part(w.Ctx, func() error { return w.InsertUser(tx, "one", Now()) }))
		require.ErrorIs(t, tx.Part(w.Ctx, func() error {
			if err := w.InsertUser(tx, "two", Now()); err != nil {
				return err
			}
			return no
		}), no)
		require.PanicsWithError(t, "no", func() {
			_ = tx.Part(w.Ctx, func() error {
				if err := w.InsertUser(tx, "three", Now()); err != nil {
					return err
				}
				panic(no)
			})
		})
		err := tx.Part(w.Ctx, func() error {
			if err := w.InsertUser(tx, "four", Now()); err != nil {
				return err
			}
			return w.InsertUser(tx, "one", Now()) // its name is taken
		})
		require.Equal(t, membership.KindUniqueness, membership.KindOf(err))
		return tx.Part(w.Ctx, func() error { return w.InsertUser(tx, "five", Now()) })
	})
	assert.Equal(t, before+2, count())
	w.Read(func(r membership.Reader) error {
		for name, there := range map[string]bool{
			"one": true, "two": false, "three": false, "four": false, "five": true,
		} {
			_, err := r.UserLinkByName(w.Ctx, w.Connection, name)
			assert.Equal(t, there, err == nil, name)
		}
		return nil
	})
}
