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

// Random filters, orders and pages of a view: whatever the database decides of
// them, and whatever it leaves to Go, the answer is what Match and Compare say.
func TestFiltersMeanTheSameInSQLAndGo(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, s *db.Store) {
		w := newTenant(t, s)
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		names := []string{"Ann", "aNN B", "Ökonom", "STRASSE", "straße%", "o'hara", `back\slash`, "100%_"}
		var all []membership.UserLink
		w.update(func(tx membership.Tx) error {
			for i, n := range names {
				l := membership.UserLink{
					Tenant: w.tenant, Connection: w.connection, User: w.users[i], UserName: n, ExternalID: strings.ToUpper(n[:1]),
					Active: i%2 == 0, Version: 2, CreatedAt: at, LastModified: at.Add(time.Duration(i) * time.Microsecond),
				}
				doc := map[string]any{"title": n, "nickName": ""}
				if i%3 > 0 {
					l.Emails = []string{n + "@x.test", "shared@x.test"}
					doc["emails"] = []any{
						map[string]any{"value": n + "@x.test", "type": "work", "primary": true},
						map[string]any{"value": "Shared@x.test", "type": "home"},
					}
				}
				l.Attributes, _ = json.Marshal(doc)
				if err := tx.UpdateUserLink(w.ctx, l); err != nil {
					return err
				}
			}
			for _, u := range w.users[len(names):] {
				if err := tx.DeleteUserLink(w.ctx, w.connection, u); err != nil {
					return err
				}
			}
			return nil
		})
		w.view(func(r membership.Reader) (err error) { // as it was stored
			all, _, err = r.UserLinks(w.ctx, w.connection, membership.ViewQuery{Limit: 100})
			return err
		})
		require.Len(t, all, len(names))
		values := append([]string{"", "ann", "shared@x.test", "work", "zzz", "a\x00b", "\xff"}, names...)
		for _, l := range all {
			values = append(values, l.User.String(), strings.ToUpper(l.User.String()), membership.Timestamp(l.LastModified))
		}
		values = append(values, "2026-03-01T00:00:00.0000025Z", "2026-03-01T01:00:00.000003+01:00")
		rapid.Check(t, func(rt *rapid.T) {
			q := membership.ViewQuery{Limit: rapid.IntRange(0, 5).Draw(rt, "limit")}
			if rapid.Bool().Draw(rt, "filtered") {
				q.Filter = filters(values).Draw(rt, "filter")
			}
			if rapid.Bool().Draw(rt, "sorted") {
				q.Sort.Attribute = rapid.SampledFrom(attributes).Draw(rt, "by")
			}
			q.Sort.Descending = rapid.Bool().Draw(rt, "descending")
			var places []membership.Mark
			var want []membership.Mark
			for _, l := range all {
				m := q.Sort.Mark(l.Resource(), l.User)
				places = append(places, m)
				if q.Filter == nil || q.Filter.Match(l.Resource()) {
					want = append(want, m)
				}
			}
			slices.SortFunc(want, q.Sort.Compare)
			total := len(want)
			switch rapid.IntRange(0, 2).Draw(rt, "from") {
			case 0:
				q.Offset = rapid.IntRange(0, 3).Draw(rt, "offset")
				want = want[min(q.Offset, total):]
				want = want[:min(q.Limit, len(want))]
			case 1:
				m := rapid.SampledFrom(places).Draw(rt, "after")
				q.After = &m
				want = slices.DeleteFunc(want, func(o membership.Mark) bool { return q.Sort.Compare(o, m) <= 0 })
				want = want[:min(q.Limit, len(want))]
			case 2:
				m := rapid.SampledFrom(places).Draw(rt, "before")
				q.Before = &m
				want = slices.DeleteFunc(want, func(o membership.Mark) bool { return q.Sort.Compare(o, m) >= 0 })
				want = want[max(0, len(want)-q.Limit):]
			}
			var got []membership.Mark
			require.NoError(rt, s.View(w.ctx, w.tenant, func(r membership.Reader) error {
				page, n, err := r.UserLinks(w.ctx, w.connection, q)
				for _, l := range page {
					got = append(got, q.Sort.Mark(l.Resource(), l.User))
				}
				require.Equal(rt, total, n)
				return err
			}))
			require.Equal(rt, fmt.Sprint(want), fmt.Sprint(got))
		})
	})
}

var attributes = []membership.Attribute{
	{Name: "id", CaseExact: true}, {Name: "userName"}, {Name: "externalId", CaseExact: true}, {Name: "active"},
	{Name: "title"}, {Name: "nickName"}, {Name: "nothing"},
	{Name: "emails", Sub: "value"}, {Name: "emails", Sub: "type"}, {Name: "emails", Sub: "primary"},
	{Name: "meta", Sub: "lastModified", Time: true}, {Name: "meta", Sub: "created", Time: true},
}

func filters(values []string) *rapid.Generator[membership.Filter] {
	ops := []membership.Operator{"eq", "ne", "co", "sw", "ew", "pr", "gt", "ge", "lt", "le"}
	value := rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 9).Draw(t, "type") {
		case 0:
			return rapid.Bool().Draw(t, "bool")
		case 1:
			return nil
		}
		return rapid.SampledFrom(values).Draw(t, "text")
	})
	compare := func(as []membership.Attribute) *rapid.Generator[membership.Filter] {
		return rapid.Custom(func(t *rapid.T) membership.Filter {
			return membership.Compare{
				Attribute: rapid.SampledFrom(as).Draw(t, "attribute"),
				Op:        rapid.SampledFrom(ops).Draw(t, "op"), Value: value.Draw(t, "value"),
			}
		})
	}
	inner := tree(compare([]membership.Attribute{{Name: "value"}, {Name: "type"}, {Name: "primary"}}), 2)
	return tree(rapid.OneOf(compare(attributes), rapid.Custom(func(t *rapid.T) membership.Filter {
		return membership.Element{Attribute: membership.Attribute{Name: "emails"}, Filter: inner.Draw(t, "element")}
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
				_, n, err = r.GroupLinks(context.Background(), w.connection, membership.ViewQuery{Filter: f, Limit: 1})
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
			page, total, err := r.UserLinks(w.ctx, w.connection, membership.ViewQuery{Filter: f, Offset: 1190, Limit: 100})
			require.Equal(t, 1200, total)
			require.Len(t, page, 10)
			return err
		})
	})
}
