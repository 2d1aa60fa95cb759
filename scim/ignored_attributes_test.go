package scim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/scim"
)

// logged serves the door with a log that can be read.
func (b *bench) logged() *observer.ObservedLogs {
	core, logs := observer.New(zapcore.InfoLevel)
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		handler.ServeHTTP(w, r)
	}))
	b.t.Cleanup(server.Close)
	handler = scim.New(membership.NewDirectory(b.store, auth.Policy{}, membership.Options{}),
		auth.NewVerifier(b.store, time.Now),
		scim.Config{PublicURL: server.URL, Logger: zap.New(core)})
	b.base = server.URL + "/scim/v2"
	return logs
}

// TestIgnoredAttributesAreLogged: wherever a name stands that no schema has, the
// log says the name, and never a value.
func TestIgnoredAttributesAreLogged(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		u, g := b.user("ann"), b.group("staff")
		const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
		member := `[{"value":"` + u + `","display":"canary"}]`
		long := strings.Repeat("x", 500)
		for i, tt := range []struct {
			method, path, body string
			want               []string
		}{
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"add","path":"memebers","value":` + member + `}]}`,
				[]string{"memebers"}},
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"add","value":{"memebers":` + member + `}}]}`,
				[]string{"memebers"}},
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"add","path":"memebers[value eq \"canary\"]"}]}`, nil},
			// needs a value
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"remove","path":"memebers[value eq \"canary\"]"}]}`,
				[]string{"memebers"}},
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"add",` +
				`"path":"urn:ietf:params:scim:schemas:core:2.0:Group:memebers","value":` + member + `}]}`,
				[]string{"memebers"}},
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"add",` +
				`"path":"urn:ietf:params:scim:schemas:core:2.0:Group.memebers","value":` + member + `}]}`,
				[]string{"memebers"}},
			{"PATCH", "/Groups/" + g,
				`{"Operations":[{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:Group",` +
					`"value":{"memebers":` + member + `}}]}`, []string{"memebers"}},
			{"PUT", "/Groups/" + g, `{"displayName":"staff","memebers":` + member + `,"meta":{},"id":"canary"}`,
				[]string{"memebers"}},
			{"POST", "/Groups", `{"displayName":"more","Memebers":` + member + `}`, []string{"Memebers"}},
			{"PATCH", "/Users/" + u, `{"Operations":[{"op":"replace","path":"shoeSize","value":"canary"},{"op":"add",` +
				`"path":"name.nick","value":"canary"}]}`, []string{"shoeSize", "name.nick"}},
			{"PATCH", "/Users/" + u, `{"Operations":[{"op":"replace","value":{"shoeSize":"canary",` +
				`"emails":[{"value":"c@x.test","knd":"canary"}],"name":{"nick":"canary"}}}]}`,
				[]string{"emails.knd", "name.nick", "shoeSize"}},
			{"PATCH", "/Users/" + u, `{"Operations":[{"op":"replace","path":"emails[type eq \"canary\"].valeu",` +
				`"value":"canary"}]}`, []string{"emails.valeu"}},
			{"PUT", "/Users/" + u, `{"userName":"ann","shoeSize":"canary","groups":[],"schemas":[],"` + enterprise +
				`":{"deprtment":"canary"}}`, []string{"shoeSize", enterprise + ":deprtment"}},
			{"POST", "/Users", `{"userName":"bob","canary@x.test":"canary","` + long + `":"canary","email ` +
				`addresses":"canary"}`, []string{"(what is no name)", long[:80] + "…"}},
			{"POST", "/Bulk", `{"Operations":[{"method":"POST","path":"/Users","bulkId":"1","data":{"userName":"cid",` +
				`"shoeSize":"canary"}}]}`, []string{"shoeSize"}},
			{"GET", "/Users?filter=usrName+eq+%22canary%22&sortBy=shoeSize", "", []string{"shoeSize", "usrName"}},
			{"POST", "/Users/.search", `{"filter":"emails.valeu eq \"canary\" or not (title pr)"}`,
				[]string{"emails.valeu"}},
			{"GET", "?filter=userName+eq+%22canary%22+or+displayName+pr", "", nil},
			{"PATCH", "/Users/" + u,
				`{"Operations":[{"op":"replace","path":"urn:acme:ext:1.0:User:badge","value":"canary"},` +
					`{"op":"replace","path":"password","value":"canary"}]}`, nil},
			{"PATCH", "/Groups/" + g, `{"Operations":[{"op":"add","path":"members","value":` + member + `}]}`, nil},
		} {
			logs := b.logged() // a new replica, which has said nothing yet
			r := b.do(tt.method, tt.path, tt.body)
			require.Less(t, r.status, 500, "%d %s", i, r.body)
			all := logs.FilterMessage("attributes that no schema has were ignored").All()
			if tt.want == nil {
				require.Empty(t, all, "%d", i)
				continue
			}
			require.Less(t, r.status, 300, "%d %s", i, r.body)
			require.Len(t, all, 1, "%d", i)
			fields := all[0].ContextMap()
			var have []string
			for _, name := range fields["attributes"].([]any) {
				have = append(have, name.(string))
			}
			require.ElementsMatch(t, tt.want, have, "%d", i)
			require.Equal(t, b.tenant.ConnectionID.String(), fields["connection"])
			require.Equal(t, tt.method, fields["method"])
			for _, value := range fields {
				require.NotContains(t, value, "canary")
			}
		}
	})
}

// TestSingleQuotesQuoteNothing: what stands between them is refused, wherever it
// is, and nothing is changed.
func TestSingleQuotesQuoteNothing(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		u := b.do("POST", "/Users", `{"userName":"ann","emails":[{"type":"work","value":"a@x.test"}]}`).want(201).id()
		g := b.group("g", u)
		before := b.do("GET", "/Users/"+u, "").want(200)
		for _, op := range []string{
			`{"op":"replace","path":"emails[type eq 'work'].value","value":"b@x.test"}`,
			`{"op":"add","path":"emails[type eq 'work'].value","value":"b@x.test"}`,
			`{"op":"remove","path":"emails[type eq 'work']"}`,
			`{"op":"replace","value":{"emails[type eq 'work'].value":"b@x.test"}}`,
			`{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq ` +
				`'work'].value":"b@x.test"}}`,
			`{"op":"replace","path":"emails[type eq “work”].value","value":"b@x.test"}`,
		} {
			b.patch("/Users/"+u, op).wantError(400, "invalidPath")
		}
		b.do("PUT", "/Users/"+u, `{"userName":"ann","emails[type eq 'work'].value":"b@x.test"}`).
			wantError(400, "invalidPath")
		for _, op := range []string{
			`{"op":"remove","path":"members[value eq '` + u + `']"}`,
			`{"op":"remove","path":"members[not (value eq 'x')]"}`,
		} {
			b.patch("/Groups/"+g, op).wantError(400, "invalidPath")
		}
		for _, query := range []string{
			"filter=userName+eq+'ann'", "filter=emails[type+eq+'work'].value+eq+%22a@x.test%22",
			"filter=userName%20sw%20%27a%27",
		} {
			b.do("GET", "/Users?"+query, "").wantError(400, "invalidFilter")
		}
		b.do("POST", "/Users/.search", `{"filter":"userName eq 'ann'"}`).wantError(400, "invalidFilter")
		b.do("GET", "/Users?attributes=emails[type+eq+'work']", "").wantError(400, "invalidPath")
		require.Equal(t, before.body, b.do("GET", "/Users/"+u, "").want(200).body)
		require.Equal(t, []string{u}, b.members(g))
	})
}
