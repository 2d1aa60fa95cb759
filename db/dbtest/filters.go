package dbtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/scimbridge/scimbridge/membership"
)

var filterPromises = subject{"filters", []promise{
	{"users: the same in SQL and Go", testFiltersMeanTheSameInSQLAndGo},
	{"groups: the same in SQL and Go", testGroupFiltersMeanTheSameInSQLAndGo},
	{"members", testFiltersOnMembers},
	{"elements that are not a value", testElementsThatAreNotAValue},
	{"pages through many candidates", testViewsPageThroughManyCandidates},
}}

// Random resources, filters, orders and pages of a view: whatever the database
// decides of them, and whatever it leaves to Go, the answer is what Match and
// Compare say.
func testFiltersMeanTheSameInSQLAndGo(t *testing.T, s Store) {
	w := NewTenant(t, s)
	w.Update(func(tx membership.Tx) (err error) {
		for _, u := range w.Users[len(names):] {
			err = errors.Join(err, tx.DeleteUserLink(w.Ctx, w.Connection, u))
		}
		return err
	})
	rapid.Check(t, func(rt *rapid.T) {
		all := w.drawUsers(rt)
		v := randomView{attributes: userAttributes, elements: "emails", values: slices.Clone(names)}
		v.values = append(v.values, "", "ann", "shared@x.test", "work", "zzz", "a\x00b", "\xff",
			"kann", "DEL", `"ann`, "<ann>", "ann ", " b", " ", "a", "ö", "\u200b", "straße%",
			"2026-03-01T00:00:00.0000025Z", "2026-03-01T01:00:00.000003+01:00")
		for _, l := range all {
			v.add(Resources{}.User(l), l.User, l.LastModified)
		}
		v.check(rt, w,
			func(r membership.Reader, q membership.LinkQuery) (places []membership.Cursor, total int, err error) {
				page, total, err := w.UserPage(r, q)
				for _, l := range page {
					places = append(places, q.Sort.Cursor(Resources{}.User(l), l.User))
				}
				return places, total, err
			})
	})
}

// The same for groups, whose members are not in their document.
func testGroupFiltersMeanTheSameInSQLAndGo(t *testing.T, s Store) {
	w := NewTenant(t, s)
	dir := membership.NewDirectory(s, AllowAll{}, membership.Options{})
	call := w.Change(nil, nil).Call
	require.NoError(t, dir.DeprovisionGroup(w.Ctx, call, w.Group, 0))
	displays := map[membership.ID]string{}
	require.NoError(t, s.Read(w.Ctx, w.ID, func(r membership.Reader) error {
		links, _, err := w.UserPage(r, membership.LinkQuery{Limit: 100})
		for _, l := range links {
			displays[l.User] = l.Name
		}
		return err
	}))
	rapid.Check(t, func(rt *rapid.T) {
		v := randomView{attributes: groupAttributes, elements: "members"}
		v.values = append([]string{"", "zzz", "User"}, names...)
		var made []membership.ID
		for i, name := range rapid.Permutation(names).Draw(rt, "names")[:4] {
			var d membership.MemberDelta
			members := rapid.SliceOfDistinct(rapid.SampledFrom(w.Users[:4]), rapid.ID).Draw(rt, "members")
			d.Add(members...)
			l, err := dir.ProvisionGroup(w.Ctx, call, membership.GroupLink{
				DisplayName: name, ExternalID: rapid.SampledFrom(names).Draw(rt, "externalId"),
			}, d)
			require.NoError(rt, err, i)
			made = append(made, l.Group)
			r := Resources{}.Group(l)
			var list []any
			for _, m := range members {
				list = append(list, map[string]any{"value": m.String(), "type": "User", "display": displays[m]})
				v.values = append(v.values, m.String())
			}
			r["members"] = list
			v.add(r, l.Group, l.LastModified)
		}
		defer func() {
			for _, g := range made {
				require.NoError(rt, dir.DeprovisionGroup(w.Ctx, call, g, 0))
			}
		}()
		v.check(rt, w,
			func(r membership.Reader, q membership.LinkQuery) (places []membership.Cursor, total int, err error) {
				page, err := r.GroupLinks(w.Ctx, w.Connection, q)
				total = page.Total
				if err == nil && len(page.Keys) > 0 {
					page.Links, err = r.GroupLinksByID(w.Ctx, w.Connection, keyIDs(page.Keys))
				}
				for _, l := range page.Links {
					places = append(places, q.Sort.Cursor(Resources{}.Group(l), l.Group))
				}
				return places, total, err
			})
	})
}

func testFiltersOnMembers(t *testing.T, s Store) {
	w := NewTenant(t, s)
	count := func(f membership.Filter) (n int) {
		w.Read(func(r membership.Reader) (err error) {
			page, err := r.GroupLinks(context.Background(), w.Connection,
				membership.LinkQuery{Filter: f, Limit: 1, Resources: Resources{}})
			n = page.Total
			return err
		})
		return n
	}
	member := func(op membership.Operator, v any) membership.Filter {
		attribute := membership.Attribute{Name: "members", Sub: "value", CaseExact: true}
		return membership.Compare{Attribute: attribute, Op: op, Value: v}
	}
	in, out := w.Users[0].String(), w.Users[1].String()
	require.Equal(t, 1, count(member("eq", in)))
	require.Equal(t, 0, count(member("eq", out)))
	require.Equal(t, 0, count(member("eq", strings.ToUpper(in))))
	require.Equal(t, 1, count(member("ne", out)))
	require.Equal(t, 1, count(member("sw", in[:5])), "what no index answers is decided all the same")
	require.Equal(t, 1, count(member("pr", nil)))
	members := membership.Attribute{Name: "members"}
	require.Equal(t, 1, count(membership.Element{Attribute: members, Filter: membership.Compare{
		Attribute: membership.Attribute{Name: "value", CaseExact: true}, Op: "eq", Value: in,
	}}))
}

// One element that is not the value is enough, whatever else there is.
func testElementsThatAreNotAValue(t *testing.T, s Store) {
	w := NewTenant(t, s)
	w.Update(func(tx membership.Tx) error {
		return tx.UpdateUserLink(w.Ctx, membership.UserLink{
			Tenant: w.ID, Connection: w.Connection, User: w.Users[0], UserName: "two", Version: 2, LastModified: Now(),
			Emails:     []string{"a@x.test", "b@x.test"},
			Attributes: []byte(`{"emails":[{"value":"a@x.test"},{"value":"b@x.test"}]}`),
		})
	})
	f := membership.Element{
		Attribute: membership.Attribute{Name: "emails"},
		Filter:    membership.Compare{Attribute: membership.Attribute{Name: "value"}, Op: "ne", Value: "a@x.test"},
	}
	w.Read(func(r membership.Reader) error {
		_, total, err := w.UserPage(r, membership.LinkQuery{Filter: f})
		if err == nil {
			require.Equal(t, 1, total)
		}
		return err
	})
}

func testViewsPageThroughManyCandidates(t *testing.T, s Store) {
	w := NewTenant(t, s)
	w.Update(func(tx membership.Tx) (err error) {
		for i := range 1200 {
			err = errors.Join(err, w.InsertUser(tx, fmt.Sprintf("page%d", i), Now()))
		}
		return err
	})
	f := membership.Compare{Attribute: membership.Attribute{Name: "userName"}, Op: "sw", Value: "PAGE"}
	w.Read(func(r membership.Reader) error {
		page, total, err := w.UserPage(r, membership.LinkQuery{Filter: f, Offset: 1190, Limit: 100})
		if err == nil {
			require.Equal(t, 1200, total)
			require.Len(t, page, 10)
		}
		return err
	})
}
