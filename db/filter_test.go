package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// Random resources, filters, orders and pages of a view: whatever the database
// decides of them, and whatever it leaves to Go, the answer is what Match and
// Compare say.
func TestFiltersMeanTheSameInSQLAndGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.update(func(tx membership.Tx) (err error) {
			for _, u := range w.users[len(names):] {
				err = errors.Join(err, tx.DeleteUserLink(w.ctx, w.connection, u))
			}
			return err
		})
		db.WholePages(t, 2) // both ways of loading one
		rapid.Check(t, func(rt *rapid.T) {
			all := w.drawUsers(rt)
			v := randomView{attributes: userAttributes, elements: "emails", values: slices.Clone(names)}
			v.values = append(v.values, "", "ann", "shared@x.test", "work", "zzz", "a\x00b", "\xff",
				"2026-03-01T00:00:00.0000025Z", "2026-03-01T01:00:00.000003+01:00")
			for _, l := range all {
				v.add(l.Resource(), l.User, l.LastModified)
			}
			v.check(rt, w, func(r membership.Reader, q membership.LinkQuery) (places []membership.Cursor, total int, err error) {
				page, total, err := w.userPage(r, q)
				for _, l := range page {
					places = append(places, q.Sort.Cursor(l.Resource(), l.User))
				}
				return places, total, err
			})
		})
	})
}

// The same for groups, whose members are not in their document.
func TestGroupFiltersMeanTheSameInSQLAndGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		dir := membership.NewDirectory(s, allowAll{}, membership.Options{})
		call := w.change(nil, nil).Call
		require.NoError(t, dir.DeprovisionGroup(w.ctx, call, w.group, 0))
		displays := map[membership.ID]string{}
		require.NoError(t, s.Read(w.ctx, w.tenant, func(r membership.Reader) error {
			links, _, err := w.userPage(r, membership.LinkQuery{Limit: 100})
			for _, l := range links {
				displays[l.User] = l.Name
			}
			return err
		}))
		db.WholePages(t, 2)
		rapid.Check(t, func(rt *rapid.T) {
			v := randomView{attributes: groupAttributes, elements: "members", values: append([]string{"", "zzz", "User"}, names...)}
			var made []membership.ID
			for i, name := range rapid.Permutation(names).Draw(rt, "names")[:4] {
				var d membership.MemberDelta
				members := rapid.SliceOfDistinct(rapid.SampledFrom(w.users[:4]), rapid.ID).Draw(rt, "members")
				d.Add(members...)
				l, err := dir.ProvisionGroup(w.ctx, call, membership.GroupLink{
					DisplayName: name, ExternalID: rapid.SampledFrom(names).Draw(rt, "externalId"),
				}, d)
				require.NoError(rt, err, i)
				made = append(made, l.Group)
				r := l.Resource()
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
					require.NoError(rt, dir.DeprovisionGroup(w.ctx, call, g, 0))
				}
			}()
			v.check(rt, w, func(r membership.Reader, q membership.LinkQuery) (places []membership.Cursor, total int, err error) {
				page, err := r.GroupLinks(w.ctx, w.connection, q)
				total = page.Total
				if err == nil && len(page.Keys) > 0 {
					page.Links, err = r.GroupLinksByID(w.ctx, w.connection, keyIDs(page.Keys))
				}
				for _, l := range page.Links {
					places = append(places, q.Sort.Cursor(l.Resource(), l.Group))
				}
				return places, total, err
			})
		})
	})
}

var names = []string{"Ann", "aNN B", "Ökonom", "STRASSE", "straße%", "o'hara", `back\slash`, "100%_"}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// drawUsers gives the users of the view random attributes and returns them as
// they were stored.
func (w *tenant) drawUsers(t *rapid.T) (all []membership.UserLink) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	text := func(label string) string { return rapid.SampledFrom(append([]string{""}, names...)).Draw(t, label) }
	userNames := rapid.Permutation(names).Draw(t, "userNames")
	links := make([]membership.UserLink, len(names))
	for i := range links {
		l := membership.UserLink{
			Tenant: w.tenant, Connection: w.connection, User: w.users[i],
			UserName: userNames[i], ExternalID: text("externalId"), Active: rapid.Bool().Draw(t, "active"), Version: 2,
			LastModified: at.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "modified")) * time.Microsecond),
		}
		doc := map[string]any{"title": text("title"), enterprise: map[string]any{
			"department": text("department"), "manager": map[string]any{"value": text("manager")},
		}}
		var emails []any
		for range rapid.IntRange(0, 3).Draw(t, "emails") {
			e := map[string]any{"value": text("email") + "@x.test", "type": rapid.SampledFrom([]string{"work", "home"}).Draw(t, "type")}
			if rapid.Bool().Draw(t, "primary") {
				e["primary"] = true
			}
			emails = append(emails, e)
			l.Emails = append(l.Emails, e["value"].(string))
		}
		doc["emails"] = emails
		l.Attributes, _ = json.Marshal(doc)
		links[i] = l
	}
	require.NoError(t, w.store.Update(w.ctx, w.tenant, func(tx membership.Tx) error {
		for i, l := range links { // first out of the way of each other's names
			l.UserName = fmt.Sprintf("free%d", i)
			if err := tx.UpdateUserLink(w.ctx, l); err != nil {
				return err
			}
		}
		for _, l := range links {
			if err := tx.UpdateUserLink(w.ctx, l); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, w.store.Read(w.ctx, w.tenant, func(r membership.Reader) (err error) {
		all, _, err = w.userPage(r, membership.LinkQuery{Limit: 100})
		return err
	}))
	require.Len(t, all, len(names))
	return all
}

// randomView is what a view has, and what to ask it.
type randomView struct {
	attributes []membership.Attribute
	elements   string // the multi-valued attribute for value filters
	values     []string
	resources  []map[string]any
	ids        []membership.ID
}

func (v *randomView) add(r map[string]any, id membership.ID, modified time.Time) {
	v.resources, v.ids = append(v.resources, r), append(v.ids, id)
	v.values = append(v.values, id.String(), strings.ToUpper(id.String()), membership.Timestamp(modified))
}

// check asks one random question and compares the answer with what Go says.
func (v *randomView) check(
	t *rapid.T, w *tenant, ask func(membership.Reader, membership.LinkQuery) ([]membership.Cursor, int, error),
) {
	q := membership.LinkQuery{Limit: rapid.IntRange(0, 5).Draw(t, "limit")}
	if rapid.Bool().Draw(t, "filtered") {
		q.Filter = v.filters().Draw(t, "filter")
	}
	if rapid.Bool().Draw(t, "sorted") {
		if a := rapid.SampledFrom(v.attributes).Draw(t, "by"); a.Name != "members" {
			q.Sort.Attribute = a
		}
	}
	q.Sort.Descending = rapid.Bool().Draw(t, "descending")
	var places, want []membership.Cursor
	for i, r := range v.resources {
		m := q.Sort.Cursor(r, v.ids[i])
		places = append(places, m)
		if q.Filter == nil || q.Filter.Match(r) {
			want = append(want, m)
		}
	}
	slices.SortFunc(want, q.Sort.Compare)
	total := len(want)
	switch rapid.IntRange(0, 2).Draw(t, "from") {
	case 0:
		q.Offset = rapid.IntRange(0, 3).Draw(t, "offset")
		want = want[min(q.Offset, total):]
		want = want[:min(q.Limit, len(want))]
	case 1:
		m := rapid.SampledFrom(places).Draw(t, "after")
		q.After = &m
		want = slices.DeleteFunc(want, func(o membership.Cursor) bool { return q.Sort.Compare(o, m) <= 0 })
		want = want[:min(q.Limit, len(want))]
	case 2:
		m := rapid.SampledFrom(places).Draw(t, "before")
		q.Before = &m
		want = slices.DeleteFunc(want, func(o membership.Cursor) bool { return q.Sort.Compare(o, m) >= 0 })
		want = want[max(0, len(want)-q.Limit):]
	}
	require.NoError(t, w.store.Read(w.ctx, w.tenant, func(r membership.Reader) error {
		got, n, err := ask(r, q)
		if err != nil {
			return err
		}
		require.Equal(t, total, n)
		require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
		return nil
	}))
}

var (
	common = []membership.Attribute{
		{Name: "id", CaseExact: true}, {Name: "externalId", CaseExact: true}, {Name: "nothing"},
		{Name: "meta", Sub: "lastModified", Time: true}, {Name: "meta", Sub: "created", Time: true},
	}
	userAttributes = append([]membership.Attribute{
		{Name: "userName"}, {Name: "active"}, {Name: "title"},
		{Name: "emails", Sub: "value"}, {Name: "emails", Sub: "type"}, {Name: "emails", Sub: "primary"},
		{Schema: enterprise, Name: "department"}, {Schema: enterprise, Name: "manager", Sub: "value"},
	}, common...)
	groupAttributes = append([]membership.Attribute{
		{Name: "displayName"}, {Name: "members", Sub: "value", CaseExact: true}, {Name: "members", Sub: "type"},
		{Name: "members", Sub: "display"},
	}, common...)
)

func (v *randomView) filters() *rapid.Generator[membership.Filter] {
	ops := []membership.Operator{"eq", "ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le"}
	value := rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 9).Draw(t, "type") {
		case 0:
			return rapid.Bool().Draw(t, "bool")
		case 1:
			return nil
		}
		return rapid.SampledFrom(v.values).Draw(t, "text")
	})
	compare := func(as []membership.Attribute) *rapid.Generator[membership.Filter] {
		return rapid.Custom(func(t *rapid.T) membership.Filter {
			return membership.Compare{
				Attribute: rapid.SampledFrom(as).Draw(t, "attribute"),
				Op:        rapid.SampledFrom(ops).Draw(t, "op"), Value: value.Draw(t, "value"),
			}
		})
	}
	inner := tree(compare([]membership.Attribute{{Name: "value", CaseExact: v.elements == "members"}, {Name: "type"}, {Name: "primary"}, {Name: "display"}}), 2)
	return tree(rapid.OneOf(compare(v.attributes), rapid.Custom(func(t *rapid.T) membership.Filter {
		return membership.Element{Attribute: membership.Attribute{Name: v.elements}, Filter: inner.Draw(t, "element")}
	})), 3)
}

func tree(leaf *rapid.Generator[membership.Filter], depth int) *rapid.Generator[membership.Filter] {
	if depth == 0 {
		return leaf
	}
	return rapid.Custom(func(t *rapid.T) membership.Filter {
		below := tree(leaf, depth-1)
		switch rapid.IntRange(0, 4).Draw(t, "node") {
		case 0:
			return membership.And{Left: below.Draw(t, "left"), Right: below.Draw(t, "right")}
		case 1:
			return membership.Or{Left: below.Draw(t, "left"), Right: below.Draw(t, "right")}
		case 2:
			return membership.Not{Filter: below.Draw(t, "not")}
		}
		return leaf.Draw(t, "leaf")
	})
}

func TestFiltersOnMembers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		count := func(f membership.Filter) (n int) {
			w.view(func(r membership.Reader) (err error) {
				page, err := r.GroupLinks(context.Background(), w.connection, membership.LinkQuery{Filter: f, Limit: 1})
				n = page.Total
				return err
			})
			return n
		}
		member := func(op membership.Operator, v any) membership.Filter {
			return membership.Compare{Attribute: membership.Attribute{Name: "members", Sub: "value", CaseExact: true}, Op: op, Value: v}
		}
		in, out := w.users[0].String(), w.users[1].String()
		require.Equal(t, 1, count(member("eq", in)))
		require.Equal(t, 0, count(member("eq", out)))
		require.Equal(t, 0, count(member("eq", strings.ToUpper(in))))
		require.Equal(t, 1, count(member("ne", out)))
		require.Equal(t, 1, count(member("sw", in[:5])), "what no index answers is decided all the same")
		require.Equal(t, 1, count(member("pr", nil)))
		require.Equal(t, 1, count(membership.Element{Attribute: membership.Attribute{Name: "members"}, Filter: membership.Compare{
			Attribute: membership.Attribute{Name: "value", CaseExact: true}, Op: "eq", Value: in,
		}}))
	})
}

func TestFiltersLookIntoSoManyMembers(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		_, err := s.WriteMembers(w.ctx, w.change(w.users, nil))
		require.NoError(t, err)
		db.HoldMembers(t, len(w.users)-1)
		first := w.users[0].String()
		value := map[membership.Operator]string{"gt": "g", "co": first[:4], "eq": first}
		ask := func(op membership.Operator) error {
			return s.Read(w.ctx, w.tenant, func(r membership.Reader) error {
				_, err := r.GroupLinks(w.ctx, w.connection, membership.LinkQuery{Filter: membership.Compare{
					Attribute: membership.Attribute{Name: "members", Sub: "value", CaseExact: true}, Op: op, Value: value[op],
				}})
				return err
			})
		}
		require.Equal(t, membership.KindTooMany, membership.KindOf(ask("gt")), "it has to look at all of them")
		require.NoError(t, ask("co"), "it has found it at once")
		require.NoError(t, ask("eq"), "an index answers it")
	})
}

// One element that is not the value is enough, whoever else there is.
func TestElementsThatAreNotAValue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.update(func(tx membership.Tx) error {
			return tx.UpdateUserLink(w.ctx, membership.UserLink{
				Tenant: w.tenant, Connection: w.connection, User: w.users[0], UserName: "two", Version: 2, LastModified: now(),
				Emails:     []string{"a@x.test", "b@x.test"},
				Attributes: []byte(`{"emails":[{"value":"a@x.test"},{"value":"b@x.test"}]}`),
			})
		})
		f := membership.Element{
			Attribute: membership.Attribute{Name: "emails"},
			Filter:    membership.Compare{Attribute: membership.Attribute{Name: "value"}, Op: "ne", Value: "a@x.test"},
		}
		w.view(func(r membership.Reader) error {
			_, total, err := w.userPage(r, membership.LinkQuery{Filter: f})
			if err == nil {
				require.Equal(t, 1, total)
			}
			return err
		})
	})
}

func TestViewsPageThroughManyCandidates(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		w.update(func(tx membership.Tx) (err error) {
			for i := range 1200 {
				err = errors.Join(err, w.insertUser(tx, fmt.Sprintf("page%d", i), now()))
			}
			return err
		})
		f := membership.Compare{Attribute: membership.Attribute{Name: "userName"}, Op: "sw", Value: "PAGE"}
		w.view(func(r membership.Reader) error {
			page, total, err := w.userPage(r, membership.LinkQuery{Filter: f, Offset: 1190, Limit: 100})
			if err == nil {
				require.Equal(t, 1200, total)
				require.Len(t, page, 10)
			}
			return err
		})
	})
}

// userPage loads a whole page of users.
func (w *tenant) userPage(r membership.Reader, q membership.LinkQuery) ([]membership.UserLink, int, error) {
	page, err := r.UserLinks(w.ctx, w.connection, q)
	if err == nil && len(page.Keys) > 0 {
		page.Links, err = r.UserLinksByID(w.ctx, w.connection, keyIDs(page.Keys))
	}
	return page.Links, page.Total, err
}

func keyIDs(keys []membership.LinkKey) (ids []membership.ID) {
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	return ids
}
