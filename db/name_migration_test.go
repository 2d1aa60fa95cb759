package db_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// oldNames writes rows as the version before migration 17 did.
type oldNames struct {
	t           *testing.T
	ctx         context.Context
	s           *db.Store
	tenant      membership.ID
	connections []membership.ID
	users       map[string]membership.ID
}

func oldKey(s string) string { return cases.Fold().String(norm.NFC.String(s)) }

func (o *oldNames) exec(q string, args ...any) {
	o.t.Helper()
	require.NoError(o.t, o.s.Exec(o.ctx, o.tenant, q, args...), q)
}

func (o *oldNames) user(name, email string) membership.ID {
	o.t.Helper()
	id := membership.NewID()
	o.users[name] = id
	o.exec(`insert into users (tenant_id, id, user_name, user_name_key, email, email_key, name, origin, suspended,
			deprovisioned, pending, active, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, '', 'local', false, false, false, true, $7, $7)`,
		o.tenant, id, name, oldKey(name), email, oldKey(email), db.Stamp(dbtest.Now()))
	return id
}

func (o *oldNames) link(connection int, user membership.ID, name string, emails ...string) {
	o.t.Helper()
	doc := `{"emails":[`
	for i, e := range emails {
		doc += strings.Repeat(",", min(i, 1)) + fmt.Sprintf(`{"value":%q}`, e)
	}
	c := o.connections[connection]
	o.exec(`insert into user_links (tenant_id, connection_id, user_id, external_id, user_name, user_name_key, active,
			email, name, attributes, version, created_at, last_modified)
		values ($1, $2, $3, '', $4, $5, true, '', '', $6, 1, $7, $7)`,
		o.tenant, c, user, name, oldKey(name), doc+`]}`, db.Stamp(dbtest.Now()))
	keys := map[string]bool{}
	for _, e := range emails {
		if !keys[oldKey(e)] {
			keys[oldKey(e)] = true
			o.exec(`insert into user_link_emails (tenant_id, connection_id, email_key, user_id)
				values ($1, $2, $3, $4)`,
				o.tenant, c, oldKey(e), user)
		}
	}
}

func (o *oldNames) group(connection int, name string) membership.ID {
	o.t.Helper()
	id := membership.NewID()
	o.exec(`insert into groups
		(tenant_id, id, display_name, display_name_key, kind, origin, permissions, created_at, updated_at)
		values ($1, $2, $3, $4, 'custom', 'scim', '[]', $5, $5)`, o.tenant, id, name, oldKey(name),
		db.Stamp(dbtest.Now()))
	o.exec(`insert into group_links (tenant_id, connection_id, group_id, external_id, display_name, display_name_key,
			attributes, version, created_at, last_modified)
		values ($1, $2, $3, '', $4, $5, '{}', 1, $6, $6)`, o.tenant, o.connections[connection], id, name, oldKey(name),
		db.Stamp(dbtest.Now()))
	return id
}

func newOldNames(t *testing.T, s *db.Store) *oldNames {
	ctx := context.Background()
	require.NoError(t, s.MigrateTo(ctx, 16))
	o := &oldNames{t: t, ctx: ctx, s: s, tenant: membership.NewID(), users: map[string]membership.ID{}}
	o.exec(`insert into tenants (tenant_id, name, created_at) values ($1, 't', $2)`, o.tenant, db.Stamp(dbtest.Now()))
	for i := range 2 {
		c := membership.NewID()
		o.connections = append(o.connections, c)
		o.exec(`insert into connections
			(tenant_id, id, name, idp, link_existing_users, group_kind, cursor_key, created_at)
			values ($1, $2, $3, 'okta', true, 'custom', $4, $5)`, o.tenant, c, fmt.Sprint("c", i), make([]byte, 32),
			db.Stamp(dbtest.Now()))
	}
	return o
}

func (o *oldNames) read(fn func(membership.Reader) error) {
	o.t.Helper()
	require.NoError(o.t, o.s.Read(o.ctx, o.tenant, fn))
}

func (o *oldNames) byName(name string) (ids []membership.ID) {
	o.t.Helper()
	o.read(func(r membership.Reader) error {
		us, err := r.UsersByName(o.ctx, []string{membership.Fold(name)})
		for _, u := range us {
			ids = append(ids, u.ID)
		}
		return err
	})
	return ids
}

func (o *oldNames) exceptions(kind membership.ExceptionKind, limit int) (ids []membership.ID) {
	o.t.Helper()
	o.read(func(r membership.Reader) error {
		place := membership.ExceptionCursor{Kind: kind}
		for row, err := range r.ExceptionalGrants(o.ctx, place, limit) {
			if err != nil {
				return err
			}
			ids = append(ids, row.Group.ID, row.User.ID)
		}
		return nil
	})
	ids = slices.DeleteFunc(ids, membership.ID.IsZero)
	slices.SortFunc(ids, membership.ID.Compare)
	return slices.Compact(ids)
}

func ids(of ...membership.ID) []membership.ID {
	slices.SortFunc(of, membership.ID.Compare)
	return of
}

func (o *oldNames) filter(connection int, attribute, value string) (found []membership.ID) {
	o.t.Helper()
	f := membership.Compare{Attribute: membership.Attribute{Name: attribute}, Op: membership.Equal, Value: value}
	if attribute == "emails" {
		f.Attribute.Sub = "value"
	}
	o.read(func(r membership.Reader) error {
		q := membership.LinkQuery{Filter: f, Limit: 10, Resources: dbtest.Resources{}}
		if attribute == "displayName" {
			page, err := r.GroupLinks(o.ctx, o.connections[connection], q)
			for _, l := range page.Links {
				found = append(found, l.Group)
			}
			return err
		}
		page, err := r.UserLinks(o.ctx, o.connections[connection], q)
		for _, l := range page.Links {
			found = append(found, l.User)
		}
		return err
	})
	return found
}

func TestNamesOfTheSchemaBefore(t *testing.T) {
	dbtest.EachEmptyURL(t, func(t *testing.T, url string) {
		s, err := db.Open(context.Background(), url, db.Options{Spread: true})
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		o := newOldNames(t, s)

		weiss := o.user("j.weiß@x.test", "j.weiß@x.test")
		o.link(0, weiss, "j.weiss@x.test", "j.weiss@x.test", "J.WEIẞ@x.test") // taken over
		o.link(1, weiss, "j.weiß@x.test", "j.weiß@x.test")
		same := o.user("gruß", "")
		o.link(0, same, "GRUẞ", "a@x.test")
		padded := o.user(" ann\u200b", "ann@x.test ")
		ann := o.user("Ann", "ann@x.test")
		third := o.user("ann ", "")
		for i, u := range []membership.ID{padded, ann} {
			o.link(0, u, []string{" ann\u200b", "ANN"}[i])
		}
		moved := o.user("ass", "") // whose old key another one has for a moment
		other := o.user(" aß", "")
		gone := o.user("gone ", "")
		o.exec(`update users set deleted_at = $3 where tenant_id = $1 and id = $2`, o.tenant, gone,
			db.Stamp(dbtest.Now()))
		back := o.user("gone", "")
		g1, g2 := o.group(0, "Straße"), o.group(0, "Straße ")
		g3 := o.group(1, "Strasse")
		for i := range 1100 { // more than one batch
			o.user(fmt.Sprintf("plain%04dß", i), "")
		}

		// Several servers start at once, and one of them is stopped at once.
		stopped, stop := context.WithCancel(o.ctx)
		stop()
		require.Error(t, s.Migrate(stopped))
		var wg sync.WaitGroup
		errs := make([]error, 3)
		for i := range errs {
			wg.Go(func() { errs[i] = s.Migrate(o.ctx) })
		}
		wg.Wait()
		for _, err := range errs {
			require.NoError(t, err)
		}
		require.NoError(t, s.Ready(o.ctx))

		require.Equal(t, []membership.ID{weiss}, o.byName("J.WEIẞ@x.test"))
		require.Empty(t, o.byName("j.weiss@x.test"))
		require.Equal(t, []membership.ID{weiss}, o.filter(0, "userName", "j.weiss@x.test"))
		require.Empty(t, o.filter(0, "userName", "j.weiß@x.test"), "in this view the name is another")
		require.Equal(t, []membership.ID{weiss}, o.filter(0, "emails", "j.weiß@x.test"))
		require.Equal(t, []membership.ID{weiss}, o.filter(0, "emails", "j.weiss@x.test"))
		require.Empty(t, o.filter(1, "emails", "j.weiss@x.test"))
		require.Equal(t, ids(padded, ann, third), o.byName("ann"))
		require.Equal(t, ids(padded, ann), o.filter(0, "userName", "ann"))
		require.Equal(t, []membership.ID{moved}, o.byName("ass"))
		require.Equal(t, []membership.ID{other}, o.byName("aß"))
		require.Equal(t, []membership.ID{back}, o.byName("GONE"))
		require.Equal(t, ids(g1, g2), o.filter(0, "displayName", "straße"))
		require.Equal(t, []membership.ID{g3}, o.filter(1, "displayName", "STRASSE"))
		for _, i := range []int{0, 999, 1000, 1099} {
			require.Len(t, o.byName(fmt.Sprintf("PLAIN%04dß", i)), 1)
		}
		o.read(func(r membership.Reader) error {
			u, err := r.UserByName(o.ctx, "ann")
			require.Equal(t, ann, u.ID, "the one whose key it was before")
			us, err2 := r.UsersByEmail(o.ctx, []string{"ann@x.test"})
			require.Len(t, us, 2)
			require.NoError(t, err2)
			return err
		})

		require.Equal(t, ids(padded, ann, third), o.exceptions(membership.ExceptionSharedUserName, 0))
		require.Len(t, o.exceptions(membership.ExceptionSharedUserName, 2), 2)
		require.Equal(t, ids(g1, g2), o.exceptions(membership.ExceptionSharedGroupName, 0))
		require.Equal(t, []membership.ID{weiss}, o.exceptions(membership.ExceptionPartedUserName, 0))
		o.settles(padded, ann, third, weiss)
	})
}

// settles goes through what can be done with users who share their name.
func (o *oldNames) settles(padded, ann, third, weiss membership.ID) {
	t := o.t
	t.Helper()
	dir := membership.NewDirectory(o.s, auth.Policy{}, membership.Options{})
	all := []string{auth.AllPermissions, auth.ScopeSCIM}
	admin := membership.Call{Tenant: o.tenant, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "x"},
		Permissions: all}
	scim := membership.Call{
		Tenant: o.tenant, Actor: membership.Actor{Kind: membership.ActorConnection, ID: o.connections[1].String()},
		Connection:  o.connections[1],
		Permissions: all,
	}
	change := func(id membership.ID, c membership.UserChange) error {
		_, err := dir.ChangeUser(o.ctx, admin, id, c)
		return err
	}
	no, yes, plain := false, true, "ann"
	for _, u := range []membership.ID{padded, ann, third} { // all of them can be changed
		require.NoError(t, change(u, membership.UserChange{Active: &no}))
		require.NoError(t, change(u, membership.UserChange{Active: &yes}))
	}
	require.NoError(t, change(third, membership.UserChange{UserName: &plain}), "the same name, written otherwise")

	// The name means none of them.
	_, err := dir.ProvisionUser(o.ctx, scim, membership.UserLink{UserName: "ann", Active: true})
	require.Equal(t, membership.KindUniqueness, membership.KindOf(err))
	_, err = dir.CreateUser(o.ctx, admin, membership.NewUser{UserName: "ANN "})
	require.Equal(t, membership.KindUniqueness, membership.KindOf(err))
	require.Equal(t, ids(padded, ann, third), o.byName("ann"))

	// One after the other gets another name or goes, and is listed no more.
	renamed := "annabel"
	require.NoError(t, change(ann, membership.UserChange{UserName: &renamed}))
	require.Contains(t, o.exceptions(membership.ExceptionSharedUserName, 0), third)
	require.NoError(t, dir.DeleteUser(o.ctx, admin, third))
	require.Equal(t, []membership.ID{padded}, o.byName("ann"))
	require.Error(t, change(ann, membership.UserChange{UserName: &plain}), "it is not free")
	l, err := dir.ProvisionUser(o.ctx, scim, membership.UserLink{UserName: "ann", Active: true})
	require.NoError(t, err)
	require.Equal(t, padded, l.User, "now it is clear who is meant")
	require.Equal(t, ids(padded, ann), o.exceptions(membership.ExceptionSharedUserName, 0),
		"in the view of the first connection they still share it")

	// A link between names that were the same is settled by one name.
	one := "j.weiss@x.test"
	require.NoError(t, change(weiss, membership.UserChange{UserName: &one}))
	require.Equal(t, []membership.ID{weiss}, o.exceptions(membership.ExceptionPartedUserName, 0),
		"the other connection's is another")
	second := scim
	require.NoError(t, dir.DeprovisionUser(o.ctx, second, weiss, 0))
	require.Empty(t, o.exceptions(membership.ExceptionPartedUserName, 0))
}
