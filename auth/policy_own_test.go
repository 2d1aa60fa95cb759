package auth_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

const noOutsiders = `@notice("Finance is for people of Acme")
forbid (principal, action == Action::"members.add", resource)
when { resource.display_name == "Finance" && !(context.user.email like "*@acme.com") };`

// addition asks whether somebody may be added to a group.
func (o *office) addition(groupName, email string) membership.Question {
	g, u := membership.NewID(), membership.NewID()
	return membership.Question{
		Call: o.call, Operation: membership.OpAddMembers, Group: g, User: u,
		Objects: &membership.Objects{
			Group: membership.Group{ID: g, DisplayName: groupName, Kind: membership.GroupCustom,
				Origin: membership.SourceLocal},
			User: membership.User{ID: u, UserName: "u", Email: email, Active: true},
		},
	}
}

// ask asks as a use case does: first without the objects.
func (o *office) ask(q membership.Question) error {
	known := q.Objects
	q.Objects = nil
	err := o.policy.Allow(o.t.Context(), q)
	if err == membership.ErrUndecided { //nolint:errorlint // it is never wrapped
		q.Objects = known
		err = o.policy.Allow(o.t.Context(), q)
	}
	return err
}

func (o *office) denied(err error) *membership.Error {
	o.t.Helper()
	var e *membership.Error
	require.ErrorAs(o.t, err, &e)
	require.Equal(o.t, membership.KindForbidden, e.Kind)
	require.NotEqual(o.t, membership.ErrUndecided, err)
	return e
}

func TestOwnPolicyForbids(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		require.NoError(t, o.ask(o.addition("Finance", "eve@example.com")))
		require.NoError(t, o.create("no-outsiders", noOutsiders))
		require.NoError(t,
			o.create("never", `@notice("Nobody") forbid (principal, action == Action::"members.add", resource)
			when { context.user.email like "eve@*" };`))

		e := o.denied(o.ask(o.addition("Finance", "eve@example.com")))
		assert.Equal(t, []string{"Nobody", "Finance is for people of Acme"}, e.Notices)
		assert.Equal(t, "a policy forbids this: Nobody; Finance is for people of Acme", e.Message)
		assert.Equal(t, map[string]any{"policies": []string{"never", "no-outsiders"}}, e.Details)
		require.NoError(t, o.ask(o.addition("Finance", "ann@acme.com")))
		require.NoError(t, o.ask(o.addition("Sales", "bob@example.com")))

		require.NoError(t, o.policies.Delete(t.Context(), o.call, "never"))
		require.NoError(t, o.policies.Delete(t.Context(), o.call, "no-outsiders"))
		require.NoError(t, o.ask(o.addition("Finance", "eve@example.com")))
	})
}

func TestOwnPolicyPermits(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		admin := o.call
		o.call.Actor = membership.Actor{Kind: membership.ActorAgent, ID: "helper"}
		o.call.Permissions = nil
		q := o.addition("Interns", "x@example.com")
		o.denied(o.ask(q))
		_, err := o.policies.Create(t.Context(), admin, "helper", `permit (
			principal == Agent::"helper", action in Action::"write", resource
		) when { resource is Group && resource.display_name == "Interns" };`)
		require.NoError(t, err)
		require.NoError(t, o.ask(q))
		o.denied(o.ask(o.addition("Finance", "x@example.com")))
		q.Call.Tenant = newOffice(t, o.store).call.Tenant
		assert.Equal(t, "the permission GROUPS:WRITE is missing", o.denied(o.ask(q)).Message,
			"in another tenant nothing changed")
	})
}

func TestOwnPolicySeesRoles(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		require.NoError(t, o.create("auditors", `forbid (principal is User, action == Action::"members.read", resource)
			unless { principal.roles.contains("auditor") };`))
		q := membership.Question{Call: o.call, Operation: membership.OpReadMembers, Group: membership.NewID()}
		o.denied(o.ask(q))
		q.Call.Roles = []string{"cook"}
		o.denied(o.ask(q))
		q.Call.Roles = []string{"auditor", "cook"}
		require.NoError(t, o.ask(q))

		require.NoError(t, o.create("everybody", `forbid (principal, action == Action::"members.read", resource)
			when { principal has roles && principal.roles.contains("cook") };`))
		o.denied(o.ask(q))
		for _, kind := range []membership.ActorKind{membership.ActorAgent, membership.ActorService} {
			q.Call.Actor.Kind = kind
			o.denied(o.ask(q))
		}
		q.Call.Actor.Kind = membership.ActorOperator // has no roles
		require.NoError(t, o.ask(q))
		q.Call.Connection, q.Call.Permissions = membership.NewID(), []string{auth.ScopeSCIM}
		require.NoError(t, o.ask(q), "nor has a connection")

		// A policy that would fail on them is not taken.
		require.Error(t, o.create("fails", `forbid (principal, action == Action::"members.read", resource)
			unless { principal.roles.contains("cook") };`))
	})
}

func TestOwnPolicySeesTheRequest(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		require.NoError(t, o.create("reason", `forbid (principal, action == Action::"groups.write", resource)
			when { context.reason == "" && context.source == "local" && context.connection == "" };`))
		q := membership.Question{Call: o.call, Operation: membership.OpWriteGroups}
		o.denied(o.ask(q))
		q.Call.Reason = "INC-1"
		require.NoError(t, o.ask(q))
		q.Call.Reason, q.Call.Connection, q.Call.Permissions = "", membership.NewID(), []string{auth.ScopeSCIM}
		require.NoError(t, o.ask(q))

		require.NoError(t, o.create("connection", `forbid (principal == Connection::"`+q.Call.Connection.String()+
			`", action, resource)
			when { context.connection == "`+q.Call.Connection.String()+`" };`))
		o.denied(o.ask(q))
		q.Call.Connection = membership.NewID()
		require.NoError(t, o.ask(q))
	})
}

// Cedar leaves a policy out that fails; here it denies.
func TestFailingPolicyDenies(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		require.NoError(t, o.create("fails", `permit (principal, action == Action::"members.add", resource)
			when { DirectoryUser::"nobody".email == "" };`))
		e := o.denied(o.ask(o.addition("Sales", "ann@acme.com")))
		assert.Contains(t, e.Message, "could not be evaluated")
		assert.Equal(t, map[string]any{"policies": []string{"fails"}}, e.Details)
		require.NoError(t, o.ask(membership.Question{Call: o.call, Operation: membership.OpReadUsers}),
			"what it does not concern")
	})
}

// What this program cannot read any more denies what it could speak about.
func TestUnreadablePolicyDenies(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		require.NoError(t, o.store.UpdatePolicies(t.Context(), o.call.Tenant, func(tx auth.PolicyTx) error {
			return tx.SavePolicy(t.Context(), auth.TenantPolicy{
				ID: "old", Cedar: "allow everything", CreatedAt: time.Now(), UpdatedAt: time.Now(),
			})
		}))
		assert.Contains(t, o.denied(o.ask(o.addition("Sales", ""))).Message, "cannot be read")
		require.NoError(t, o.policies.Delete(t.Context(), o.call, "old"))
		require.NoError(t, o.ask(o.addition("Sales", "")))
	})
}

func TestNoPolicyLocksItsAuthorOut(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		require.NoError(t, o.create("nothing", `forbid (principal, action, resource);`))
		o.denied(o.ask(o.addition("Sales", "ann@acme.com")))
		o.denied(o.ask(membership.Question{Call: o.call, Operation: membership.OpReadAudit}))
		assert.Equal(t, []string{"nothing"}, o.ids())

		require.NoError(t, o.create("everything", `permit (principal, action, resource);`))
		nobody := o.call
		nobody.Permissions = nil
		_, err := o.policies.List(t.Context(), nobody)
		o.denied(err)
		require.NoError(t, o.policies.Delete(t.Context(), o.call, "nothing"))
		require.NoError(t, o.ask(o.addition("Sales", "ann@acme.com")))
	})
}

// counting counts the questions to the store.
type counting struct {
	store              auth.PolicyReader
	versions, policies int
}

func (c *counting) PolicyVersion(ctx context.Context, tenant membership.ID) (int64, error) {
	c.versions++
	return c.store.PolicyVersion(ctx, tenant)
}

func (c *counting) Policies(ctx context.Context, tenant membership.ID) ([]auth.TenantPolicy, int64, error) {
	c.policies++
	return c.store.Policies(ctx, tenant)
}

func TestPoliciesReachOtherServersWithinSeconds(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		now := time.Now()
		store := &counting{store: o.store}
		elsewhere := *o
		elsewhere.policy = auth.NewPolicy(store, func() time.Time { return now }, nil)
		q := o.addition("Finance", "eve@example.com")
		for range 10 {
			require.NoError(t, elsewhere.ask(q))
		}
		assert.Equal(t, 1, store.policies, "once, and then from memory")
		assert.Zero(t, store.versions)

		require.NoError(t, o.create("no-outsiders", noOutsiders))
		require.NoError(t, elsewhere.ask(q))
		now = now.Add(2 * time.Second)
		elsewhere.denied(elsewhere.ask(q))
		assert.Equal(t, 2, store.policies)

		now = now.Add(time.Hour)
		for range 10 {
			elsewhere.denied(elsewhere.ask(q))
		}
		assert.Equal(t, 2, store.policies, "what did not change is not read again")
		assert.Equal(t, 2, store.versions)

		now = now.Add(-time.Minute)
		elsewhere.denied(elsewhere.ask(q))
		assert.Equal(t, 3, store.versions, "a clock that was set back keeps nothing alive")
	})
}

func TestStoreThatCannotAnswerDenies(t *testing.T) {
	o := newOffice(t, dbtest.Open(t, dbtest.URL(t, "sqlite")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := o.policy.Allow(ctx, membership.Question{Call: o.call, Operation: membership.OpReadUsers})
	require.Error(t, err)
	require.NotEqual(t, membership.KindForbidden, membership.KindOf(err), "nobody knows")
}

func BenchmarkDecision(b *testing.B) {
	store := dbtest.Open(b, dbtest.URL(b, "sqlite"))
	tenant := func(own int) membership.ID {
		t, err := auth.Bootstrap(b.Context(), store, time.Now, auth.BootstrapSpec{TenantName: "Acme"})
		require.NoError(b, err)
		call := membership.Call{Tenant: t.TenantID}
		require.NoError(b, store.UpdatePolicies(b.Context(), call.Tenant, func(tx auth.PolicyTx) error {
			for i := range own {
				text := strings.ReplaceAll(noOutsiders, "Finance", "Finance "+string(rune('a'+i%26)))
				checked, err := auth.CheckPolicy("p"+strings.Repeat("x", i%60)+string(rune('a'+i/60)), text)
				require.NoError(b, err)
				if _, err := auth.PutPolicy(b.Context(), tx, time.Now, call, checked); err != nil {
					return err
				}
			}
			return nil
		}))
		return call.Tenant
	}
	policy := auth.NewPolicy(store, time.Now, nil)
	for name, own := range map[string]int{"defaults": 0, "1 of its own": 1, "200 of its own": 200} {
		o := &office{call: membership.Call{
			Tenant: tenant(own), Actor: membership.Actor{Kind: membership.ActorUser, ID: "admin"},
			Permissions: []string{"GROUPS:WRITE"},
		}}
		native := o.addition("Finance", "ann@example.com")
		b.Run("native addition, "+name, func(b *testing.B) { decide(b, policy, native) })
		provider := native
		provider.Call.Connection, provider.User, provider.Objects = membership.NewID(), membership.ID{}, nil
		provider.Call.Permissions = []string{auth.ScopeSCIM}
		b.Run("SCIM delta, "+name, func(b *testing.B) { decide(b, policy, provider) })
	}
}

func decide(b *testing.B, policy auth.Policy, q membership.Question) {
	first := q
	first.Objects = nil
	b.ReportAllocs()
	for b.Loop() {
		err := policy.Allow(b.Context(), first)
		if err == membership.ErrUndecided && q.Objects != nil { //nolint:errorlint // it is never wrapped
			err = policy.Allow(b.Context(), q)
		}
		if err != nil && err != membership.ErrUndecided { //nolint:errorlint // as above
			b.Fatal(err)
		}
	}
}
