package dbtest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

var heldNamePromises = subject{"held names", []promise{
	{"many at once", testHeldNamesAtOnce},
	{"one name for many", testHeldNameOnce},
	{"a connection that is not there", testHeldNameOfNoConnection},
}}

// create adds a user with an address under a free name.
func (w *Tenant) create(name, email string) error {
	var emails []string
	if email != "" {
		emails = []string{email}
	}
	held := membership.HeldName{Connection: w.Connection, Name: name, Emails: emails}
	return w.Store.UpdateHolding(w.Ctx, w.ID, held, func(tx membership.Tx, h membership.NameHolders) error {
		switch {
		case h.Connection.ID != w.Connection:
			return errors.New("this is another connection")
		case h.InView || !h.User.ID.IsZero():
			return &membership.Error{Kind: membership.KindUniqueness, Message: "taken"}
		case len(h.ByEmail) > 0:
			return &membership.Error{Kind: membership.KindInvalid, Message: h.ByEmail[0].UserName}
		}
		at := Now()
		u := membership.User{
			Tenant: w.ID, ID: membership.NewID(), UserName: name, Email: email, Origin: "scim", Active: true,
			CreatedAt: at, UpdatedAt: at,
		}
		return errors.Join(tx.InsertUser(w.Ctx, u), tx.InsertUserLink(w.Ctx, membership.UserLink{
			Tenant: w.ID, Connection: w.Connection, User: u.ID, UserName: name, Active: true, Email: email,
			Emails:     emails,
			Attributes: []byte(`{}`), Version: 1, CreatedAt: at, LastModified: at,
		}))
	})
}

// Those that share a transaction are answered for themselves: a name that is taken,
// an address that another has do not fail the others.
func testHeldNamesAtOnce(t *testing.T, s Store) {
	w := NewTenant(t, s)
	require.NoError(t, w.create("first", "first@example.com"))
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			switch i % 8 {
			case 3:
				assert.Equal(t, membership.KindUniqueness, membership.KindOf(w.create("u3", "")))
			case 5:
				err := w.create(fmt.Sprintf("n%d", i), "first@example.com")
				assert.Equal(t, membership.KindInvalid, membership.KindOf(err))
				assert.ErrorContains(t, err, "first")
			default:
				assert.NoError(t, w.create(fmt.Sprintf("n%d", i), fmt.Sprintf("n%d@example.com", i)))
			}
		})
	}
	wg.Wait()
	w.Read(func(r membership.Reader) error {
		page, err := r.UserLinks(w.Ctx, w.Connection, membership.LinkQuery{Limit: 0})
		require.NoError(t, err)
		require.Equal(t, 20+1+48, page.Total)
		return nil
	})
	for i := range 64 {
		users, err := s.LookUpUsersNamed(w.Ctx, w.ID, w.Connection, fmt.Sprintf("n%d", i))
		require.NoError(t, err)
		require.Len(t, users, map[bool]int{true: 1}[i%8 != 3 && i%8 != 5], i)
	}
}

// Of many who want the same name one gets it.
func testHeldNameOnce(t *testing.T, s Store) {
	w := NewTenant(t, s)
	var wg sync.WaitGroup
	errs := make([]error, 16)
	for i := range errs {
		wg.Go(func() { errs[i] = w.create("wanted", fmt.Sprintf("w%d@example.com", i)) })
	}
	wg.Wait()
	got := 0
	for _, err := range errs {
		if err == nil {
			got++
			continue
		}
		require.Equal(t, membership.KindUniqueness, membership.KindOf(err), "%v", err)
	}
	require.Equal(t, 1, got)
}

// A connection that is not there, or is removed, gives no names.
func testHeldNameOfNoConnection(t *testing.T, s Store) {
	w := NewTenant(t, s)
	w.Connection = membership.NewID()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			assert.Equal(t, membership.NotFound("connection"), w.create(fmt.Sprintf("n%d", i), ""))
		})
	}
	wg.Wait()
}
