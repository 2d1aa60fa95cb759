package auth

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// What is remembered of an answer is all that the default policies look at: the
// principal, of it the type and the permissions, and nothing else.
func TestDefaultPoliciesLookAtPermissionsOnly(t *testing.T) {
	var look func(t *testing.T, v any)
	look = func(t *testing.T, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, part := range v {
				switch name {
				case "Var":
					assert.Equal(t, "principal", part)
				case ".":
					assert.Equal(t, "permissions", part.(map[string]any)["attr"])
				case "has", "getTag", "hasTag", "in":
					assert.Fail(t, "an operator that looks at more", name)
				}
				look(t, part)
			}
		case []any:
			for _, part := range v {
				look(t, part)
			}
		}
	}
	for op, of := range defaults.byOperation {
		assert.NotNil(t, of.allowed, op)
		assert.False(t, of.own, op)
		for _, p := range of.list {
			text, err := p.policy.MarshalJSON()
			require.NoError(t, err)
			var parsed struct {
				Principal, Resource struct{ Op string }
				Conditions          []any
			}
			require.NoError(t, json.Unmarshal(text, &parsed))
			assert.Contains(t, []string{"All", "is"}, parsed.Principal.Op, p.id)
			assert.Equal(t, "All", parsed.Resource.Op, p.id)
			look(t, parsed.Conditions)
		}
	}
}

// Any caller, any action, any policies, and however often: the
// answer is that of the policies.
func TestRememberedAnswersAreThoseOfThePolicies(t *testing.T) {
	tenant := membership.NewID()
	texts := []string{
		"",
		`forbid (principal, action == Action::"groups.write", resource);`,
		`permit (principal, action == Action::"users.read", resource) when { principal.roles.contains("auditor") };`,
		`forbid (principal, action == Action::"members.add", resource) when { resource.display_name == "Finance" };`,
		`forbid (principal, action in [Action::"write"], resource) when { context.reason == "" };`,
		`forbid (principal is Connection, action, resource);`,
		`forbid (principal, action == Action::"members.read", resource) when { context.source == "scim" };`,
	}
	for i, text := range texts {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			var own []TenantPolicy
			if text != "" {
				own = []TenantPolicy{{ID: "own", Cedar: text}}
			}
			all := questions(t, tenant)
			want := answersWithoutMemo(t, own, all)
			policy := NewPolicy(&shelf{own: own}, time.Now, nil)
			for range 2 {
				for i, q := range all {
					require.Equal(t, want[i], policy.Allow(t.Context(), q), "%+v", q)
				}
			}
		})
	}
}

// answersWithoutMemo asks policies that remember nothing.
func answersWithoutMemo(t *testing.T, own []TenantPolicy, all []membership.Question) []error {
	t.Helper()
	remembering := defaults
	defer func() { defaults = remembering }()
	bare := *remembering
	bare.byOperation = map[membership.Operation]operationPolicies{}
	for op, of := range remembering.byOperation {
		of.allowed = nil
		bare.byOperation[op] = of
	}
	defaults = &bare
	policy := NewPolicy(&shelf{own: own}, time.Now, nil)
	want := make([]error, len(all))
	for i, q := range all {
		want[i] = policy.Allow(t.Context(), q)
	}
	return want
}

// questions are of every operation, by callers of every kind, about everything.
func questions(t *testing.T, tenant membership.ID) (all []membership.Question) {
	t.Helper()
	permissions := [][]string{
		nil, {"*"}, {"USERS:READ"}, {"USERS:WRITE"}, {"GROUPS:READ"}, {"GROUPS:WRITE"}, {"AUDIT:READ"},
		{"TENANT:ADMIN"},
		{"GROUPS:READ", "GROUPS:WRITE"}, {"GROUPS:READGROUPS:WRITE"}, {"X:Y", "USERS:READ"},
		{strings.Repeat("X", 300), "*"},
		{ScopeSCIM}, {ScopeSCIMRead}, {ScopeSCIMRead, ScopeSCIM},
	}
	var calls []membership.Call
	for _, ps := range permissions {
		calls = append(calls, membership.Call{Connection: membership.NewID(), Permissions: ps},
			membership.Call{Permissions: ps, Actor: membership.Actor{Kind: "stranger"}})
		for kind := range principalTypes {
			for _, roles := range [][]string{nil, {"auditor"}, {RoleOrgOwner}} {
				calls = append(calls, membership.Call{
					Actor: membership.Actor{Kind: kind, ID: "x"}, Permissions: ps, Roles: roles,
					Reason: strings.Join(roles, ""),
				})
			}
		}
	}
	group, user := membership.NewID(), membership.NewID()
	for _, op := range operations(t) {
		for _, call := range calls {
			call.Tenant = tenant
			for _, q := range []membership.Question{
				{}, {Group: group}, {User: user}, {Group: group, User: user},
				{Group: group, User: user, Objects: &membership.Objects{
					Group: membership.Group{ID: group, DisplayName: "Finance"},
					User:  membership.User{ID: user, Email: "eve@example.com"},
				}},
				{Role: "auditor"}, {Gives: []string{"USERS:READ"}},
			} {
				q.Call, q.Operation = call, op
				all = append(all, q)
			}
		}
	}
	return all
}

// However many principals there are, few are remembered, and none for another.
func TestAllowedMemoIsBounded(t *testing.T) {
	m := &allowedMemo{}
	for i := range 3 * maxAllowed {
		m.add(membership.Call{Permissions: []string{fmt.Sprint(i)},
			Actor: membership.Actor{Kind: membership.ActorUser}})
		require.LessOrEqual(t, len(m.who), maxAllowed)
	}
	long := membership.Call{Permissions: []string{strings.Repeat("X", maxAllowedBytes)},
		Actor: membership.Actor{Kind: membership.ActorUser}}
	m.add(long)
	assert.False(t, m.has(long))
	two := membership.Call{Permissions: []string{"A", "B"}, Actor: membership.Actor{Kind: membership.ActorUser}}
	m.add(two)
	assert.True(t, m.has(two))
	for _, other := range [][]string{{"AB"}, {"A"}, {"B", "A"}, {"A", "B", ""}, {"A\x01B"}} {
		assert.False(t, m.has(membership.Call{Permissions: other, Actor: two.Actor}), other)
	}
	two.Actor.Kind = membership.ActorAgent
	assert.False(t, m.has(two))
}
