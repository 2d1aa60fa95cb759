package membership_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// The rule of a local addition is one, whichever way the request comes in: the same
// cases through all ways of /v1 and the other native APIs give the same kind, the
// same sources, and the same events, and write in one transaction.
func TestLocalAdditionsAreJudgedOnce(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		w.policy("strangers", `@notice("No strangers") forbid (principal, action == Action::"members.add", resource)
			when { context.user has email && context.user.email like "*@stranger.test" };`)
		store := &countingStore{store: w.store}
		w.dir = membership.NewDirectory(store, auth.NewPolicy(w.store, time.Now, nil),
			membership.Options{Clock: w.clock})
		cases := 0
		for _, group := range []string{"missing", "deleted", "custom", "enterprise"} {
			for _, user := range []string{
				"missing", "deleted", "none", "inactive", "local", "okta", "entra", "both", "okta and entra", "denied",
			} {
				cases++
				t.Run(fmt.Sprintf("group %s, user %s", group, user), func(t *testing.T) {
					for way, add := range ways {
						c := w.localCase(group, user)
						var got outcome
						*store = countingStore{store: w.store}
						got.actions = w.during(func() { a := add(w, c); got.kind, got.sources = a.kind, a.sources })
						want := c.want()
						transactions := 1 + len(want.actions) // the event of a refusal has its own
						if want.kind == "" {
							transactions = 1
						}
						assert.LessOrEqual(t, store.changes+store.updates, transactions, "%s: transactions", way)
						if way == "by name" {
							want = want.byName(group)
						}
						assert.Equal(t, want, got, way)
					}
				})
			}
		}
		assert.Equal(t, 40, cases)
	})
}

// localCase is one user and one group as they are before the addition.
type localCase struct {
	group, user             membership.ID
	userName                string
	groupName, relationship string
}

func (w *world) localCase(groupName, user string) localCase {
	w.t.Helper()
	c := localCase{
		groupName: groupName, relationship: user, group: membership.NewID(), user: membership.NewID(),
		userName: w.name("unknown"),
	}
	if groupName == "deleted" {
		c.group = w.localGroup()
		require.NoError(w.t, w.dir.DeleteGroup(w.ctx, w.admin, c.group))
	}
	exists := groupName == "custom" || groupName == "enterprise" // becomes one with its members
	if exists {
		c.group = w.scimGroup(w.okta)
	}
	switch user {
	case "missing":
	case "deleted":
		u, err := w.dir.CreateUser(w.ctx, w.admin, membership.NewUser{UserName: c.userName})
		require.NoError(w.t, err)
		require.NoError(w.t, w.dir.DeleteUser(w.ctx, w.admin, u.ID))
		c.user = u.ID
	default:
		w.localMember(&c, exists)
	}
	if groupName == "enterprise" {
		kind := membership.GroupEnterprise
		_, err := w.dir.ChangeGroup(w.ctx, w.admin, c.group, membership.GroupChange{Kind: &kind})
		require.NoError(w.t, err)
	}
	return c
}

// localMember makes the user of a case, and a member of its group if there is one.
func (w *world) localMember(c *localCase, exists bool) {
	w.t.Helper()
	v := view(w.name("user"))
	v.Active = c.relationship != "inactive"
	if c.relationship == "denied" {
		v.Email = v.UserName + "@stranger.test"
	}
	l, err := w.dir.ProvisionUser(w.ctx, w.okta, v)
	require.NoError(w.t, err)
	c.user, c.userName = l.User, v.UserName
	if !exists {
		return
	}
	for _, source := range sourcesOf[c.relationship] {
		switch source {
		case "local":
			_, err = w.dir.AddMember(w.ctx, w.admin, c.group, c.user, true)
		case "okta":
			w.scimAdd(w.okta, c.group, c.user)
		case "entra":
			_, err = w.dir.ProvisionUser(w.ctx, w.entra, v)
			require.NoError(w.t, err)
			_, err = w.dir.LinkGroup(w.ctx, w.admin, c.group, w.entra.Connection, "")
			require.NoError(w.t, err)
			w.scimAdd(w.entra, c.group, c.user)
		}
		require.NoError(w.t, err)
	}
}

// sourcesOf says who put the user of a case into its group.
var sourcesOf = map[string][]string{
	"local": {"local"}, "okta": {"okta"}, "entra": {"entra"}, "both": {"local", "okta"},
	"okta and entra": {"entra", "okta"},
}

// outcome is what came of an addition.
type outcome struct {
	kind    membership.Kind
	sources []string // that the error names, sorted
	actions []membership.Action
}

// want is what the rules say: the policy first, then whether the group is there,
// rule 12, whether the user is there, and rule 8.
func (c localCase) want() outcome {
	refused := []membership.Action{membership.ActionRefused}
	switch {
	case c.relationship == "denied":
		return outcome{kind: membership.KindForbidden, actions: refused}
	case c.groupName == "missing", c.groupName == "deleted":
		return outcome{kind: membership.KindNotFound}
	case c.groupName == "enterprise":
		return outcome{kind: membership.KindGroupManaged, actions: refused}
	case c.relationship == "missing", c.relationship == "deleted":
		return outcome{kind: membership.KindNotFound}
	case sourcesOf[c.relationship] == nil:
		return outcome{actions: []membership.Action{membership.ActionGrantOpened}}
	}
	return outcome{kind: membership.KindAlreadyMember, sources: sourcesOf[c.relationship]}
}

// failed is the kind of a name that could not be added, without a reason.
const failed membership.Kind = "failed"

// byName is the same of the way that names users: it says no more of one than that
// it failed.
func (o outcome) byName(group string) outcome {
	switch o.kind {
	case membership.KindNotFound:
		if group == "deleted" { // the published API has an answer of its own for it
			o.kind = membership.KindGone
		}
	case membership.KindForbidden, membership.KindAlreadyMember:
		o.kind, o.sources = failed, nil
	}
	return o
}

func outcomeOf(err error) outcome {
	o := outcome{kind: membership.KindOf(err)}
	var e *membership.Error
	if !errors.As(err, &e) {
		return o
	}
	sources, _ := e.Details["sources"].([]map[string]any)
	if ms, ok := e.Details["members"].([]map[string]any); ok {
		sources, _ = ms[0]["sources"].([]map[string]any)
	}
	for _, s := range sources {
		name, ok := s["connection_name"].(string)
		if !ok {
			name = fmt.Sprint(s["source"])
		}
		o.sources = append(o.sources, name)
	}
	slices.Sort(o.sources)
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
		out, err := w.dir.AddMembersByName(w.ctx, admin, "org_owner", c.group, []string{c.userName},
			membership.Invitation{})
		if err == nil && len(out.Failed) > 0 {
			if c.relationship == "missing" || c.relationship == "deleted" {
				return outcome{kind: membership.KindNotFound} // a name that no user has
			}
			return outcome{kind: failed}
		}
		return outcomeOf(err)
	},
}
