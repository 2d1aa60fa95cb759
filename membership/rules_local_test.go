package membership_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/membership"
)

// The rule of a local addition is one, whichever way the request comes in: the same
// cases through all ways of /v1 and the other native APIs give the same kind, the
// same sources, and the same events.
func TestLocalAdditionsAreJudgedOnce(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.policy("strangers", `@notice("No strangers") forbid (principal, action == Action::"members.add", resource)
			when { context.user has email && context.user.email like "*@stranger.test" };`)
		groups := map[string]func() membership.ID{
			"missing":    membership.NewID,
			"custom":     func() membership.ID { return w.scimGroup(w.okta) },
			"enterprise": func() membership.ID { return w.scimGroup(w.okta) }, // becomes one with its members
		}
		for name, makeGroup := range groups {
			for _, user := range []string{"missing", "none", "local", "scim", "both", "denied"} {
				t.Run(fmt.Sprintf("group %s, user %s", name, user), func(t *testing.T) {
					for way, add := range ways {
						c := w.localCase(makeGroup(), user, name)
						var got outcome
						actions := w.during(func() { got = add(w, c) })
						want := c.want()
						if way == "by name" {
							want = want.byName()
						}
						assert.Equal(t, want.kind, got.kind, way)
						if want.sources > 0 && way != "by name" && way != "batch" {
							assert.Equal(t, want.sources, got.sources, "%s: the sources that the error names", way)
						}
						assert.Equal(t, want.actions, actions, "%s: events", way)
					}
				})
			}
		}
	})
}

// localCase is one user and one group as they are before the addition.
type localCase struct {
	group, user             membership.ID
	userName                string
	groupName, relationship string
}

func (w *world) localCase(group membership.ID, user, groupName string) localCase {
	w.t.Helper()
	c := localCase{group: group, groupName: groupName, relationship: user, user: membership.NewID(),
		userName: w.name("nobody")}
	if user == "missing" {
		return w.seal(c)
	}
	domain := "acme"
	if user == "denied" {
		domain = "stranger"
	}
	v := view(w.name("user"))
	v.Email = v.UserName + "@" + domain + ".test"
	l, err := w.dir.ProvisionUser(w.ctx, w.okta, v)
	require.NoError(w.t, err)
	c.user, c.userName = l.User, v.UserName
	if groupName == "missing" {
		return c
	}
	if user == "scim" || user == "both" {
		w.scimAdd(w.okta, group, c.user)
	}
	if user == "local" || user == "both" {
		_, err := w.dir.AddMember(w.ctx, w.admin, group, c.user, true)
		require.NoError(w.t, err)
	}
	return w.seal(c)
}

// seal makes the group the provider's, once it has its local members.
func (w *world) seal(c localCase) localCase {
	w.t.Helper()
	if c.groupName == "enterprise" {
		kind := membership.GroupEnterprise
		_, err := w.dir.ChangeGroup(w.ctx, w.admin, c.group, membership.GroupChange{Kind: &kind})
		require.NoError(w.t, err)
	}
	return c
}

// outcome is what came of an addition.
type outcome struct {
	kind    membership.Kind
	sources int // that the error names
	actions []membership.Action
}

// want is what the rules say: the policy first, then whether the group is there,
// rule 12, whether the user is there, and rule 8.
func (c localCase) want() outcome {
	refused := []membership.Action{membership.ActionRefused}
	switch {
	case c.relationship == "denied":
		return outcome{kind: membership.KindForbidden, actions: refused}
	case c.groupName == "missing":
		return outcome{kind: membership.KindNotFound}
	case c.groupName == "enterprise":
		return outcome{kind: membership.KindGroupManaged, actions: refused}
	case c.relationship == "missing":
		return outcome{kind: membership.KindNotFound}
	case c.relationship == "none":
		return outcome{actions: []membership.Action{membership.ActionGrantOpened}}
	case c.relationship == "both":
		return outcome{kind: membership.KindAlreadyMember, sources: 2}
	}
	return outcome{kind: membership.KindAlreadyMember, sources: 1}
}

// failed stands for a name that could not be added, without a reason.
const failed membership.Kind = "failed"

// byName is the same of the way that names users: it says no more of one than that
// it failed.
func (o outcome) byName() outcome {
	switch o.kind {
	case membership.KindForbidden, membership.KindAlreadyMember:
		o.kind = failed
	}
	return o
}

func outcomeOf(err error) outcome {
	o := outcome{kind: membership.KindOf(err)}
	if e, ok := err.(*membership.Error); ok { //nolint:errorlint // the domain returns it bare
		if s, ok := e.Details["sources"].([]map[string]any); ok {
			o.sources = len(s)
		}
		if ms, ok := e.Details["members"].([]map[string]any); ok {
			s, _ := ms[0]["sources"].([]map[string]any)
			o.sources = len(s)
		}
	}
	return o
}

// ways are all that add a local member.
var ways = map[string]func(*world, localCase) outcome{
	"one": func(w *world, c localCase) outcome {
		_, err := w.dir.AddMember(w.ctx, w.admin, c.group, c.user, false)
		return outcomeOf(err)
	},
	"many": func(w *world, c localCase) outcome {
		_, err := w.dir.AddMembers(w.ctx, w.admin, c.group, []membership.ID{c.user})
		return outcomeOf(err)
	},
	"batch": func(w *world, c localCase) outcome {
		out, err := w.dir.ApplyBatch(w.ctx, w.admin, c.group, membership.MemberBatch{Add: []membership.ID{c.user}})
		if err == nil {
			err = out[0].Err
		}
		return outcomeOf(err)
	},
	"atomic batch": func(w *world, c localCase) outcome {
		_, err := w.dir.ApplyBatch(w.ctx, w.admin, c.group,
			membership.MemberBatch{Add: []membership.ID{c.user}, Atomic: true})
		return outcomeOf(err)
	},
	"by name": func(w *world, c localCase) outcome {
		admin := w.admin
		admin.Roles = []string{"org_owner"}
		out, err := w.dir.AddMembersByName(w.ctx, admin, "org_owner", c.group, []string{c.userName}, membership.Invitation{})
		if err == nil && len(out.Failed) > 0 {
			if c.relationship == "missing" {
				return outcome{kind: membership.KindNotFound} // a name that no user has
			}
			return outcome{kind: failed}
		}
		return outcomeOf(err)
	},
}
