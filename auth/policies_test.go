package auth_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

const harmless = `forbid (principal is Agent, action == Action::"audit.read", resource);`

// office is a tenant with the use cases of its policies.
type office struct {
	t        *testing.T
	store    *db.Store
	policies *auth.Policies
	policy   auth.Policy
	call     membership.Call // of an administrator
}

func eachOffice(t *testing.T, test func(t *testing.T, o *office)) {
	dbtest.Each(t, func(t *testing.T, store *db.Store) { test(t, newOffice(t, store)) })
}

func newOffice(t *testing.T, store *db.Store) *office {
	b, err := auth.Bootstrap(t.Context(), store, time.Now, auth.BootstrapSpec{TenantName: "Acme"})
	require.NoError(t, err)
	o := &office{t: t, store: store, policy: auth.NewPolicy(store, time.Now, nil)}
	o.policies = auth.NewPolicies(
		membership.NewDirectory(store, o.policy, membership.Options{}), store, time.Now, o.policy)
	o.call = membership.Call{
		Tenant: b.TenantID, Actor: membership.Actor{Kind: membership.ActorUser, ID: "admin"},
		Permissions: []string{"*"}, RequestID: "request-1",
	}
	return o
}

func (o *office) create(id, cedar string) error {
	_, err := o.policies.Create(o.t.Context(), o.call, id, cedar)
	return err
}

func (o *office) ids() (ids []string) {
	o.t.Helper()
	all, err := o.policies.List(o.t.Context(), o.call)
	require.NoError(o.t, err)
	for _, p := range all {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestPoliciesAreKept(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		before := len(events(t, o.store, o.call.Tenant))
		p, err := o.policies.Create(t.Context(), o.call, "b", harmless)
		require.NoError(t, err)
		require.NoError(t, o.create("A", harmless))
		require.NoError(t, o.create("a", harmless))
		assert.Equal(t, []string{"A", "a", "b"}, o.ids(), "in the order of bytes on every engine")
		got, err := o.policies.Get(t.Context(), o.call, "b")
		require.NoError(t, err)
		assert.Equal(t, p, got)
		assert.Equal(t, membership.KindUniqueness, membership.KindOf(o.create("b", harmless)))

		same, err := o.policies.Replace(t.Context(), o.call, "b", harmless)
		require.NoError(t, err)
		assert.Equal(t, p, same, "what changes nothing is no change")
		changed, err := o.policies.Replace(t.Context(), o.call, "b", harmless+"\n"+harmless)
		require.NoError(t, err)
		assert.True(t, changed.UpdatedAt.After(p.UpdatedAt))
		assert.Equal(t, p.CreatedAt, changed.CreatedAt)
		require.NoError(t, o.policies.Delete(t.Context(), o.call, "b"))

		for _, err := range []error{
			o.policies.Delete(t.Context(), o.call, "b"),
			func() error { _, err := o.policies.Get(t.Context(), o.call, "b"); return err }(),
			func() error { _, err := o.policies.Replace(t.Context(), o.call, "b", harmless); return err }(),
		} {
			assert.Equal(t, membership.KindNotFound, membership.KindOf(err))
		}
		other := newOffice(t, o.store)
		assert.Empty(t, other.ids(), "another tenant's policies")

		var actions []membership.Action
		for _, e := range events(t, o.store, o.call.Tenant)[before:] {
			actions = append(actions, e.Action)
			assert.Equal(t, "request-1", e.RequestID)
			assert.NotContains(t, string(e.Before)+string(e.After), "forbid", "a text may name people")
		}
		assert.Equal(t, []membership.Action{
			membership.ActionPolicyCreated, membership.ActionPolicyCreated, membership.ActionPolicyCreated,
			membership.ActionPolicyUpdated, membership.ActionPolicyDeleted,
		}, actions)
	})
}

func TestPoliciesAreChecked(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		when := func(condition string) string {
			return "permit (principal, action, resource) when { " + condition + " };"
		}
		nested := func(n int) string { return when(strings.Repeat("(", n) + "true" + strings.Repeat(")", n)) }
		noticed := func(n int) string { return `@notice("` + strings.Repeat("x", n) + `") ` + harmless }
		for name, c := range map[string]struct{ id, cedar, message string }{
			"no id": {"", harmless, "the id of a policy must match"},
			"id":    {"a/b", harmless, "the id of a policy must match"},
			"syntax": {
				"x", "forbid (principal, action, resource",
				`not readable as Cedar: parser error: parse error at <input>:1:36`,
			},
			"empty":    {"x", " // nothing", "the text holds no policy"},
			"NUL":      {"x", harmless + "//\x00", "NUL"},
			"no UTF-8": {"x", harmless + "//\xff", "UTF-8"},
			"action": {
				"x", `forbid (principal, action == Action::"members.steal", resource);`,
				"unrecognized action `Action::\"members.steal\"`",
			},
			"type": {"x", `forbid (principal is Robot, action, resource);`, "unrecognized entity type `Robot`"},
			"attribute": {
				"x", `forbid (principal, action == Action::"members.add", resource) when { context.user.mail == "" };`,
				"attribute `mail` on entity type `DirectoryUser` not found",
			},
			"not always": {
				"x", `forbid (principal, action, resource) when { context.user.email == "" };`,
				"attribute `user` in context",
			},
			"kind of value": {
				"x", `forbid (principal, action, resource) when { context.reason > 1 };`, "or Long but saw String",
			},
			"second line": {"x", harmless + "\n" + `permit (principal is Robot, action, resource);`, "line 2"},
			"deep":        {"x", nested(20_000), "line 1: brackets are nested deeper than 50"},
			"signs":       {"x", when(strings.Repeat("! ", 20_000) + "true"), "more than 4 signs in a row"},
			"long or":     {"x", when(strings.Repeat("true||", 10_000) + "true"), "more than 2000 operators"},
			"long path":   {"x", when("context" + strings.Repeat(".a", 20_000) + " == 1"), "more than 2000 operators"},
			"long if": {"x", when(strings.Repeat("if true then true else ", 2500) + "true"),
				"more than 2000 operators"},
			"many":   {"x", strings.Repeat("\n"+harmless, 201), "line 202: one id holds at most 200 policies"},
			"notice": {"x", noticed(501), "line 1: @notice is longer than 500 bytes"},
			"administers": {
				"x", `permit (principal is Agent, action == Action::"tenant.administer", resource);`,
				"TENANT:ADMIN alone",
			},
		} {
			err := o.create(c.id, c.cedar)
			assert.Equal(t, membership.KindInvalid, membership.KindOf(err), name)
			assert.ErrorContains(t, err, c.message, name)
			assert.NotContains(t, err.Error(), "\n", name)
			assert.Less(t, len(err.Error()), 700, name)
		}
		require.NoError(t, o.create("deep", nested(45)))
		require.NoError(t, o.create("long",
			when(strings.Repeat(`"if ((( && // \" !!!!!!" == "" || `, 400)+"true // "+strings.Repeat("(", 1000)+"\n")))
		require.NoError(t, o.create("notice", noticed(500)))
		assert.Equal(t, membership.KindTooLarge,
			membership.KindOf(o.create("x", harmless+strings.Repeat(" ", auth.MaxPolicyText))))
		assert.Equal(t, []string{"deep", "long", "notice"}, o.ids())
	})
}

// A policy is read before the transaction that stores it begins: no caller waits
// for that.
func TestPoliciesAreCheckedBeforeTheTransaction(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		watched := &watchedPolicies{store: o.store}
		policies := auth.NewPolicies(membership.NewDirectory(o.store, o.policy, membership.Options{}), watched,
			time.Now,
			o.policy)
		_, err := policies.Create(t.Context(), o.call, "x", "forbid (")
		require.Error(t, err)
		require.Zero(t, watched.transactions)
		_, err = policies.Create(t.Context(), o.call, "x", harmless)
		require.NoError(t, err)
		require.Equal(t, 1, watched.transactions)
	})
}

// watchedPolicies counts the transactions that change policies.
type watchedPolicies struct {
	store        auth.PolicyStore
	transactions int
}

func (w *watchedPolicies) UpdatePolicies(
	ctx context.Context, tenant membership.ID, fn func(auth.PolicyTx) error,
) error {
	w.transactions++
	return w.store.UpdatePolicies(ctx, tenant, fn)
}

func (w *watchedPolicies) PolicyVersion(ctx context.Context, tenant membership.ID) (int64, error) {
	return w.store.PolicyVersion(ctx, tenant)
}

func (w *watchedPolicies) Policies(
	ctx context.Context, tenant membership.ID,
) ([]auth.TenantPolicy, int64, error) {
	return w.store.Policies(ctx, tenant)
}

func TestPoliciesAreBounded(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		put := func(id, cedar string) error {
			checked, err := auth.CheckPolicy(id, cedar)
			require.NoError(t, err)
			return o.store.UpdatePolicies(t.Context(), o.call.Tenant, func(tx auth.PolicyTx) error {
				_, err := auth.PutPolicy(t.Context(), tx, time.Now, o.call, checked)
				return err
			})
		}
		long := harmless + strings.Repeat(" ", auth.MaxPolicyText-len(harmless))
		for i := range auth.MaxPolicyTexts / auth.MaxPolicyText {
			require.NoError(t, put(fmt.Sprint("long", i), long))
		}
		assert.Equal(t, membership.KindTooLarge, membership.KindOf(put("more", harmless)))
		require.NoError(t, put("long0", harmless), "a shorter text for a longer one")
		for i := len(o.ids()); i < auth.MaxPolicies; i++ {
			require.NoError(t, put(fmt.Sprint("short", i), harmless))
		}
		assert.ErrorContains(t, put("more", harmless), "at most 200 policies")
		require.NoError(t, put("long0", harmless+harmless))
	})
}

func TestPoliciesOfNoTenant(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.call.Tenant = membership.NewID()
		assert.Equal(t, membership.KindNotFound, membership.KindOf(o.create("x", harmless)))
		assert.Empty(t, o.ids())
	})
}

func TestPoliciesAskForThePermission(t *testing.T) {
	eachOffice(t, func(t *testing.T, o *office) {
		o.call.Permissions = []string{"USERS:WRITE", "GROUPS:WRITE", "AUDIT:READ"}
		err := o.create("x", harmless)
		assert.Equal(t, membership.KindForbidden, membership.KindOf(err))
		assert.ErrorContains(t, err, "TENANT:ADMIN")
		es := events(t, o.store, o.call.Tenant)
		assert.Equal(t, membership.ActionRefused, es[len(es)-1].Action)
	})
}
