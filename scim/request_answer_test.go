package scim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

// answers are what a door said of its requests for the request log.
type answers struct {
	serving sync.RWMutex // while one is served
	mu      sync.Mutex
	all     []answered
}

type answered struct {
	membership.RequestAnswer
	id, line string
	status   int
}

// of notes what the door says of each request, and gives each an id.
func (a *answers) of(door http.Handler) http.Handler {
	return auth.Addressed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.serving.RLock()
		defer a.serving.RUnlock()
		if r.Header.Get("X-Request-Id") == "" {
			r.Header.Set("X-Request-Id", membership.NewID().String())
		}
		s := &statusOf{ResponseWriter: w, status: http.StatusOK}
		door.ServeHTTP(s, r)
		a.mu.Lock()
		defer a.mu.Unlock()
		a.all = append(a.all, answered{
			auth.NoteOf(r.Context()).Answer, r.Header.Get("X-Request-Id"), r.Method + " " + r.URL.String(), s.status,
		})
	}))
}

type statusOf struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusOf) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap serves http.ResponseController.
func (s *statusOf) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// taken returns those since the last time, when all were served.
func (a *answers) taken() []answered {
	a.serving.Lock()
	defer a.serving.Unlock()
	all := a.all
	a.all = nil
	return all
}

// answer is what the door said of the last request.
func (b *bench) answer() answered {
	b.t.Helper()
	all := b.answers.taken()
	require.NotEmpty(b.t, all)
	return all[len(all)-1]
}

// said checks what the door said of the last request.
func (b *bench) said(outcome membership.RequestOutcome, why string) answered {
	b.t.Helper()
	a := b.answer()
	require.Equal(b.t, outcome, a.Outcome, "%+v", a)
	require.Equal(b.t, why, a.Why, "%+v", a)
	return a
}

// TestOutcomesOfReplays: what the door says of each request of every recorded
// conversation is what the events say.
func TestOutcomesOfReplays(t *testing.T) {
	conversations, err := replay.Conversations()
	require.NoError(t, err)
	each(t, func(t *testing.T, b *bench) {
		for _, c := range conversations {
			_, err := (&replay.Client{Base: b.base, Token: b.token}).Play(t.Context(), c)
			require.NoError(t, err)
		}
		wrote := map[string][]membership.ID{}
		for _, e := range dbtest.Events(t, b.store, b.tenant.TenantID, membership.EventFilter{}) {
			if e.Action != membership.ActionRemovalHeld && e.Action != membership.ActionRefused {
				wrote[e.RequestID] = append(wrote[e.RequestID], e.ID)
			}
		}
		seen := map[membership.RequestOutcome]int{}
		for _, a := range b.answers.taken() {
			seen[a.Outcome]++
			require.ElementsMatch(t, wrote[a.id], a.Events, "%+v", a)
			switch {
			case a.status < 300 && len(wrote[a.id]) > 0:
				assert.Equal(t, membership.RequestChanged, a.Outcome, "%+v", a)
			case a.status < 400:
				assert.Equal(t, membership.RequestNothing, a.Outcome, "%+v", a)
				assert.NotEmpty(t, a.Why, "%+v", a)
			case a.status < 500:
				assert.Contains(t, []membership.RequestOutcome{membership.RequestRefused, membership.RequestHeld},
					a.Outcome, "%+v", a)
				assert.NotEmpty(t, a.Why, "%+v", a)
				assert.NotEmpty(t, a.Detail, "%+v", a)
			default:
				t.Errorf("%+v", a)
			}
			if strings.HasPrefix(a.line, "GET") && a.status < 300 {
				assert.Equal(t, "it only reads", a.Why)
			}
		}
		for _, o := range []membership.RequestOutcome{membership.RequestChanged, membership.RequestNothing,
			membership.RequestRefused} {
			assert.Positive(t, seen[o], o)
		}
	})
}

func members(op string, ids ...string) string {
	var values []string
	for _, id := range ids {
		values = append(values, `{"value":"`+id+`"}`)
	}
	return `{"Operations":[{"op":"` + op + `","path":"members","value":[` + strings.Join(values, ",") + `]}]}`
}

// TestWhyNothingWasDone: the domain says it.
func TestWhyNothingWasDone(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann, bob, cid := b.user("ann"), b.user("bob"), b.user("cid")
		other := b.connection()
		stranger := other.user("stranger")
		g := b.group("g", ann)
		b.answers.taken()
		patch := func(body string) { b.do("PATCH", "/Groups/"+g, body).want(204) }

		patch(members("add", ann))
		a := b.said(membership.RequestNothing, "already a member by this connection")
		require.Empty(t, a.Events)
		require.Equal(t, []string{g}, texts(a.Groups))
		require.Equal(t, []string{ann}, texts(a.Users))
		patch(members("add", ann, bob))
		a = b.said(membership.RequestChanged, "already a member by this connection")
		require.Len(t, a.Events, 1)
		require.Equal(t, []string{ann, bob}, texts(a.Users))
		patch(members("add", ann, bob))
		b.said(membership.RequestNothing, "already a member by this connection (2)")
		patch(members("remove", cid))
		b.said(membership.RequestNothing, "no such member to remove")
		patch(members("remove", cid, stranger))
		b.said(membership.RequestNothing, "no such member to remove; not in this view")
		patch(members("remove", stranger))
		b.said(membership.RequestNothing, "not in this view")
		patch(members("replace", bob, ann))
		b.said(membership.RequestNothing, "same value")
		patch(`{"Operations":[{"op":"replace","path":"displayName","value":"g"}]}`)
		b.said(membership.RequestNothing, "same value")
		patch(`{"Operations":[{"op":"replace","path":"displayName","value":"g"},` +
			`{"op":"add","path":"members","value":[{"value":"` + ann + `"}]}]}`)
		b.said(membership.RequestNothing, "already a member by this connection; same value")
		patch(`{"Operations":[{"op":"replace","path":"displayName","value":"h"},` +
			`{"op":"add","path":"members","value":[{"value":"` + cid + `"}]}]}`)
		require.Len(t, b.said(membership.RequestChanged, "").Events, 2)
		patch(`{"Operations":[]}`)
		b.said(membership.RequestNothing, "the request asks for no change")

		b.do("PUT", "/Groups/"+g, `{"displayName":"h","members":[`+
			`{"value":"`+ann+`"},{"value":"`+bob+`"},{"value":"`+cid+`"}]}`).want(200)
		b.said(membership.RequestNothing, "same value")
		b.do("PATCH", "/Users/"+ann, `{"Operations":[{"op":"replace","path":"active","value":true}]}`).want(200)
		a = b.said(membership.RequestNothing, "same value")
		require.Equal(t, []string{ann}, texts(a.Users))
		b.do("PATCH", "/Users/"+ann, `{"Operations":[{"op":"replace","path":"active","value":false},`+
			`{"op":"replace","path":"noSuch","value":"x"}]}`).want(200)
		a = b.said(membership.RequestChanged, "")
		require.Len(t, a.Events, 1)
		require.Equal(t, []string{"noSuch"}, a.Ignored)
		b.do("DELETE", "/Users/"+ann, "").want(204)
		require.Len(t, b.said(membership.RequestChanged, "").Events, 3, "the grant, the link and the user")
		b.do("GET", "/Groups", "").want(200)
		b.said(membership.RequestNothing, "it only reads")
		b.do("POST", "/Users/.search", `{}`).want(200)
		b.said(membership.RequestNothing, "it only reads")
	})
}

// TestWhyRequestsAreRefused: without a value of the request.
func TestWhyRequestsAreRefused(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann := b.user("ann")
		g := b.group("g", ann)
		none := membership.NewID().String()
		b.answers.taken()

		b.do("POST", "/Users", `{"userName":"ann"}`).want(409)
		a := b.said(membership.RequestRefused, "uniqueness: userName is taken")
		require.Equal(t, "uniqueness", a.ScimType)
		require.Equal(t, "userName is taken", a.Detail)
		b.do("PATCH", "/Groups/"+g, members("add", none)).want(400)
		a = b.said(membership.RequestRefused, "unknown_members: no such user for this connection: …")
		require.Equal(t, "invalidValue", a.ScimType)
		require.Equal(t, []string{none}, texts(a.Users), "who asks for the user finds the request")
		b.do("PATCH", "/Users/"+ann, `{"Operations":[{"op":"secret","path":"secret"}]}`).want(400)
		a = b.said(membership.RequestRefused, "invalidSyntax: op must be add, replace or remove, not …")
		require.NotContains(t, fmt.Sprint(a.RequestAnswer), "secret")
		b.do("SECRET", "/Users", "").want(405)
		require.NotContains(t, fmt.Sprint(b.answer().RequestAnswer), "SECRET")
		b.do("DELETE", "/Users/"+none, "").want(404)
		b.said(membership.RequestRefused, "not_found: user not found")
		b.do("GET", "/Me", "").want(501)
		b.said(membership.RequestRefused, "501: a connection's credential stands for no user: there is no /Me")
		b.do("GET", "/Users", "", "Authorization: Bearer x").want(401)
		b.said(membership.RequestRefused, "401: the bearer token is no scimbridge token: it was cut, mistyped or "+
			"belongs elsewhere")
	})
}

// TestOutcomeOfBulk: each operation has its own, and the whole is what they come to.
func TestOutcomeOfBulk(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		ann := b.user("ann")
		g := b.group("g", ann)
		b.answers.taken()
		patch := `{"method":"PATCH","path":"/Groups/` + g + `","data":` + members("add", ann) + `}`
		b.statuses(post("/Users", "x", "bob", "")+","+patch+","+post("/Users", "y", "ANN", "")+
			`,{"method":"DELETE","path":"/Users/nobody@example.com"},{"method":"secret"}`, "", "201", "204", "409",
			"404", "400")
		a := b.said(membership.RequestChanged, "")
		require.Len(t, a.Events, 1)
		require.Len(t, a.Operations, 5)
		bob := a.Operations[0]
		require.Equal(t, "POST", bob.Method)
		require.Regexp(t, "^/Users/[0-9a-f-]{36}$", bob.Path)
		require.Equal(t, 201, bob.Status)
		require.Equal(t, membership.RequestChanged, bob.Outcome)
		require.Equal(t, a.Events, bob.Events)
		require.Equal(t, membership.RequestOperation{
			Method: "PATCH", Path: "/Groups/" + g, Status: 204, Outcome: membership.RequestNothing,
			Why: "already a member by this connection",
		}, a.Operations[1])
		require.Equal(t, membership.RequestOperation{
			Method: "POST", Path: "/Users", Status: 409, ScimType: "uniqueness", Detail: "userName is taken",
			Outcome: membership.RequestRefused, Why: "uniqueness: userName is taken",
		}, a.Operations[2])
		require.Equal(t, "/Users/(no id)", a.Operations[3].Path)
		require.Equal(t, membership.RequestRefused, a.Operations[4].Outcome)
		require.NotContains(t, fmt.Sprint(a.RequestAnswer), "secret")
		b.statuses(patch+","+patch, "", "204", "204")
		b.said(membership.RequestNothing, "")
		b.statuses(patch+","+post("/Users", "y", "ANN", ""), "", "204", "409")
		b.said(membership.RequestRefused, "")
	})
}

func texts(ids []membership.ID) (all []string) {
	for _, id := range ids {
		all = append(all, id.String())
	}
	return all
}
