package dbtest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/scimbridge/scimbridge/membership"
)

var names = []string{"Ann", "aNN B", "Ökonom", "STRASSE", "straße%", "o'hara", `back\slash`, "100%_"}

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// drawUsers gives the users of the view random attributes and returns them as
// they were stored.
func (w *Tenant) drawUsers(t *rapid.T) (all []membership.UserLink) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	text := func(label string) string { return rapid.SampledFrom(append([]string{""}, names...)).Draw(t, label) }
	userNames := rapid.Permutation(names).Draw(t, "userNames")
	links := make([]membership.UserLink, len(names))
	for i := range links {
		l := membership.UserLink{
			Tenant: w.ID, Connection: w.Connection, User: w.Users[i],
			UserName: userNames[i], ExternalID: text("externalId"), Active: rapid.Bool().Draw(t, "active"), Version: 2,
			LastModified: at.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "modified")) * time.Microsecond),
		}
		titles := append([]string{"K\u200bann", "de\x7fl", `say "ann"`, "<ann>", "Ann "}, names...)
		doc := map[string]any{"title": rapid.SampledFrom(titles).Draw(t, "title"), enterprise: map[string]any{
			"department": text("department"), "manager": map[string]any{"value": text("manager")},
		}}
		var emails []any
		for range rapid.IntRange(0, 3).Draw(t, "emails") {
			kind := rapid.SampledFrom([]string{"work", "home"}).Draw(t, "type")
			e := map[string]any{"value": text("email") + "@x.test", "type": kind}
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
	require.NoError(t, w.Store.Update(w.Ctx, w.ID, func(tx membership.Tx) error {
		for i, l := range links { // first out of the way of each other's names
			l.UserName = fmt.Sprintf("free%d", i)
			if err := tx.UpdateUserLink(w.Ctx, l); err != nil {
				return err
			}
		}
		for _, l := range links {
			if err := tx.UpdateUserLink(w.Ctx, l); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, w.Store.Read(w.Ctx, w.ID, func(r membership.Reader) (err error) {
		all, _, err = w.UserPage(r, membership.LinkQuery{Limit: 100})
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
	t *rapid.T, w *Tenant, ask func(membership.Reader, membership.LinkQuery) ([]membership.Cursor, int, error),
) {
	q := membership.LinkQuery{Limit: rapid.IntRange(0, 5).Draw(t, "limit"), Resources: Resources{}}
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
	require.NoError(t, w.Store.Read(w.Ctx, w.ID, func(r membership.Reader) error {
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
	inner := tree(compare([]membership.Attribute{
		{Name: "value", CaseExact: v.elements == "members"}, {Name: "type"}, {Name: "primary"}, {Name: "display"},
	}), 2)
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

// UserPage loads a whole page of users.
func (w *Tenant) UserPage(r membership.Reader, q membership.LinkQuery) ([]membership.UserLink, int, error) {
	q.Resources = Resources{}
	page, err := r.UserLinks(w.Ctx, w.Connection, q)
	if err == nil && len(page.Keys) > 0 {
		page.Links, err = r.UserLinksByID(w.Ctx, w.Connection, keyIDs(page.Keys))
	}
	return page.Links, page.Total, err
}

func keyIDs(keys []membership.LinkKey) (ids []membership.ID) {
	for _, k := range keys {
		ids = append(ids, k.ID)
	}
	return ids
}
