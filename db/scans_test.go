package db

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// What an index answers needs no place of the scans, everything else does.
func TestWhatScans(t *testing.T) {
	at := func(name, sub string) membership.Attribute { return membership.Attribute{Name: name, Sub: sub} }
	compare := func(a membership.Attribute, op membership.Operator, v any) membership.Filter {
		return membership.Compare{Attribute: a, Op: op, Value: v}
	}
	eq := func(name, v string) membership.Filter { return compare(at(name, ""), membership.Equal, v) }
	mail := compare(at("emails", "value"), membership.Equal, "x")
	title := eq("title", "x")
	modified := at("meta", "lastModified")
	modified.Time = true
	inactive := compare(at("active", ""), membership.Equal, false)
	since := compare(modified, membership.Greater, "2026-01-01T00:00:00Z")
	work := membership.Element{Attribute: at("emails", ""),
		Filter: membership.And{Left: eq("type", "work"), Right: eq("value", "x")}}
	anyWork := membership.Element{Attribute: at("emails", ""), Filter: eq("type", "work")}
	by := func(a membership.Attribute) membership.Sort { return membership.Sort{Attribute: a} }

	for name, c := range map[string]struct {
		columns columns
		filter  membership.Filter
		sort    membership.Sort
		want    bool
	}{
		"everything":          {userFilter, nil, membership.Sort{}, false},
		"by name":             {userFilter, nil, by(at("userName", "")), false},
		"by id":               {groupFilter, nil, by(at("id", "")), false},
		"by address":          {userFilter, nil, by(at("emails", "value")), true},
		"by externalId":       {userFilter, nil, by(at("externalId", "")), true},
		"by time":             {userFilter, nil, by(modified), true},
		"name eq":             {userFilter, eq("userName", "x"), membership.Sort{}, false},
		"name eq, by address": {userFilter, eq("userName", "x"), by(at("emails", "value")), false},
		"externalId eq":       {groupFilter, eq("externalId", "x"), membership.Sort{}, false},
		"id eq":               {userFilter, eq("id", "x"), membership.Sort{}, false},
		"address eq":          {userFilter, mail, membership.Sort{}, false},
		"element eq":          {userFilter, work, membership.Sort{}, false},
		"element of a type":   {userFilter, anyWork, membership.Sort{}, true},
		"member eq": {groupFilter, compare(at("members", "value"), membership.Equal, "x"),
			membership.Sort{}, false},
		"member co": {groupFilter, compare(at("members", "value"), membership.Contains, "x"),
			membership.Sort{}, true},
		"name and title": {userFilter, membership.And{Left: title, Right: eq("userName", "x")},
			membership.Sort{}, false},
		"name or title": {userFilter, membership.Or{Left: title, Right: eq("userName", "x")},
			membership.Sort{}, true},
		"name or address": {userFilter, membership.Or{Left: mail, Right: eq("userName", "x")},
			membership.Sort{}, false},
		"not name": {userFilter, membership.Not{Filter: eq("userName", "x")}, membership.Sort{}, true},
		"name ne": {userFilter, compare(at("userName", ""), membership.NotEqual, "x"),
			membership.Sort{}, true},
		"name co": {userFilter, compare(at("userName", ""), membership.Contains, "x"),
			membership.Sort{}, true},
		"name pr": {userFilter, compare(at("userName", ""), membership.Present, nil),
			membership.Sort{}, true},
		"title eq": {userFilter, title, membership.Sort{}, true},
		"active": {userFilter, compare(at("active", ""), membership.Equal, true),
			membership.Sort{}, true},
		"inactive":           {userFilter, inactive, membership.Sort{}, false},
		"inactive, by name":  {userFilter, inactive, by(at("userName", "")), true},
		"inactive and title": {userFilter, membership.And{Left: inactive, Right: title}, membership.Sort{}, true},
		"name sw, many": {userFilter, compare(at("userName", ""), membership.StartsWith, "x"),
			membership.Sort{}, true},
		"changed since, many":  {userFilter, since, membership.Sort{}, true},
		"groups changed since": {groupFilter, since, membership.Sort{}, true},
		"changed until": {userFilter, compare(modified, membership.Less, "2026-01-01T00:00:00Z"),
			membership.Sort{}, true},
		"an extension's name": {userFilter,
			membership.Compare{Attribute: membership.Attribute{Schema: "urn:x", Name: "userName"}, Op: membership.Equal,
				Value: "x"}, membership.Sort{}, true},
		"null is in no index": {userFilter, compare(at("externalId", ""), membership.Equal, nil),
			membership.Sort{}, true},
		"a name of another kind": {userFilter, eq("displayName", "x"), membership.Sort{}, true},
	} {
		require.Equal(t, c.want, c.columns.scans(membership.LinkQuery{Filter: c.filter, Sort: c.sort}), name)
	}

	for name, c := range map[string]struct {
		columns columns
		filter  membership.Filter
		index   string // that has the candidates
	}{
		"changed since":        {userFilter, since, "user_links_last_modified"},
		"groups changed since": {groupFilter, since, ""},
		"name sw": {groupFilter, compare(at("displayName", ""), membership.StartsWith, "x"),
			"group_links_display_name"},
		"name sw and title": {userFilter, membership.And{Left: title,
			Right: compare(at("userName", ""), membership.StartsWith, "x")}, "user_links_user_name"},
		"name sw or title": {userFilter,
			membership.Or{Left: title, Right: compare(at("userName", ""), membership.StartsWith, "x")}, ""},
		"not name sw": {userFilter,
			membership.Not{Filter: compare(at("userName", ""), membership.StartsWith, "x")}, ""},
		"title sw": {userFilter, compare(at("title", ""), membership.StartsWith, "x"), ""},
	} {
		index := ""
		if part := c.columns.span(c.filter); part != nil {
			index = part.index
		}
		require.Equal(t, c.index, index, name)
	}

	active := true
	require.False(t, scansNative(membership.NativeQuery{}))
	require.False(t, scansNative(membership.NativeQuery{Name: "x", Active: &active}))
	require.True(t, scansNative(membership.NativeQuery{Active: &active}))
	require.True(t, scansNative(membership.NativeQuery{Origin: membership.SourceLocal}))
	require.False(t, scansEvents(membership.EventFilter{}))
	require.False(t, scansEvents(membership.EventFilter{Action: "x", From: time.Now()}))
	require.False(t, scansEvents(membership.EventFilter{Connection: membership.NewID()}))
	require.True(t, scansEvents(membership.EventFilter{User: membership.NewID(), Action: "x"}))
	require.True(t, scansEvents(membership.EventFilter{Connection: membership.NewID(), Action: "x"}))
}

// A text begins with a prefix if, and only if, it stands between the prefix and what is behind it.
func TestWhatIsBehindAPrefix(t *testing.T) {
	for prefix, want := range map[string]string{
		"a": "b", "az": "a{", "a\uD7FF": "a\uE000", "a\U0010FFFF": "b", "\U0010FFFF": "", "\u007f": "\u0080",
		"ann ": "ann!",
	} {
		require.Equal(t, want, behind(prefix), "%q", prefix)
	}
}
