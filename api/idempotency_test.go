package api

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db/dbtest"
	"github.com/scimbridge/scimbridge/membership"
)

func key(values ...string) with { return header(idempotencyHeader, values...) }

func userBody(name string) string { return `{"user_name":"` + name + `","email":"","name":""}` }

func TestTheSameRequestAgainGetsTheFirstAnswer(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first := h.do(http.MethodPost, "/v1/users", userBody("ada"), key("k 1"))
		first.is(http.StatusCreated)
		assert.Empty(t, first.header.Get(replayedHeader))

		replica := newHouse(t, h.store, Config{}) // another server of the same store
		replica.mine = h.mine
		for path, again := range map[string]reply{
			"/v1/users":  h.do(http.MethodPost, "/v1/users", userBody("ada"), key(`"k 1"`)),
			"/v1/users/": replica.do(http.MethodPost, "/v1/users/", userBody("ada"), key("k 1")),
		} {
			again.is(http.StatusCreated)
			assert.Equal(t, string(first.body), string(again.body), path)
			assert.Equal(t, "true", again.header.Get(replayedHeader), path)
			assert.Equal(t, "no-store", again.header.Get("Cache-Control"), path)
		}
		assert.Len(t, h.do(http.MethodGet, "/v1/users", "").data(), 1)
		assert.Len(t, h.events(membership.ActionUserCreated), 1)

		// The largest answer there is.
		group := h.group("Group")
		var many []string
		for range membership.MaxBatch {
			many = append(many, membership.NewID().String())
		}
		batch := func() reply {
			return h.do(http.MethodPost, "/v1/groups/"+group+"/members:batch", `{"add":`+listOf(many...)+`}`,
				key("batch"))
		}
		assert.Len(t, batch().results(), len(many))
		again := batch()
		assert.Len(t, again.results(), len(many))
		assert.Equal(t, "true", again.header.Get(replayedHeader))
	})
}

func TestARequestThatWasNoJSONIsSentAgainWithItsKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.do(http.MethodPost, "/v1/users", userBody("ada"), key("k"), header("Content-Type", "text/plain")).
			is(http.StatusUnsupportedMediaType)
		h.do(http.MethodPost, "/v1/users", userBody("ada"), key("k")).is(http.StatusCreated)
	})
}

func TestAKeyIsOfOneRequest(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		a, b, user := h.group("A"), h.group("B"), h.user("ada")
		add := func(group, body string, changes ...with) reply {
			return h.do(http.MethodPost, "/v1/groups/"+group+"/members", body, append(changes, key("k"))...)
		}
		body := `{"user_id":"` + user + `"}`
		add(a, body).is(http.StatusCreated)
		for _, r := range []reply{
			add(b, body), add(a, body+" "), add(a, `{"user_id":"`+user+`","also_local":true}`), add(a, `{`),
		} {
			r.fails(http.StatusUnprocessableEntity, codeKeyReused)
		}
		add(a, body).is(http.StatusCreated)

		// A key belongs to a route, a credential and a tenant.
		h.do(http.MethodPost, "/v1/groups", `{"display_name":"C"}`, key("k")).is(http.StatusCreated)
		_, token := h.token(auth.AllPermissions)
		add(b, body, bearer(token)).is(http.StatusCreated)
		add(a, body, bearer(token)).fails(http.StatusUnprocessableEntity, codeKeyReused)
		h.do(http.MethodPost, "/v1/users", userBody("ada"), as(h.other), key("k")).is(http.StatusCreated)
		h.do(http.MethodPost, "/v1/users", userBody("grace"), key("k")).is(http.StatusCreated)

		// Other methods are the same when they are repeated; they take no key.
		h.do(http.MethodPatch, "/v1/groups/"+a, `{"display_name":"A2"}`, key("k")).is(http.StatusOK)
		h.do(http.MethodPatch, "/v1/groups/"+a, `{"display_name":"A3"}`, key("k")).is(http.StatusOK)
	})
}

func TestWhichFailuresAreKept(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.user("ada")
		taken := h.do(http.MethodPost, "/v1/users", userBody("ada"), key("taken"))
		taken.fails(http.StatusConflict, codeAlreadyExists)
		again := h.do(http.MethodPost, "/v1/users", userBody("ada"), key("taken"))
		assert.Equal(t, string(taken.body), string(again.body))
		assert.Equal(t, "true", again.header.Get(replayedHeader))
		h.do(http.MethodPost, "/v1/users", `{}`, key("bad")).fails(http.StatusBadRequest, codeInvalidInput)
		assert.Equal(t, "true", h.do(http.MethodPost, "/v1/users", `{}`, key("bad")).header.Get(replayedHeader))

		// What is about the moment, or about who asks, is judged anew.
		h.make("/v1/policies", policyBody(map[string]string{
			"id": "freeze", "cedar": `forbid (principal, action == Action::"users.write", resource);`,
		}))
		h.do(http.MethodPost, "/v1/users", userBody("grace"), key("k")).fails(http.StatusForbidden, codeForbidden)
		h.do(http.MethodPost, "/v1/users", userBody("grace"), key("k")).fails(http.StatusForbidden, codeForbidden)
		h.do(http.MethodDelete, "/v1/policies/freeze", "").is(http.StatusNoContent)
		h.do(http.MethodPost, "/v1/users", userBody("grace"), key("k")).is(http.StatusCreated)
	})
}

func TestIdempotencyKeysAreChecked(t *testing.T) {
	h := newHouse(t, dbtest.Open(t, dbtest.URL(t, "sqlite")), Config{MaxBody: 100})
	for _, bad := range [][]string{
		{""}, {`""`}, {`"`}, {`"a`}, {`"a"b`}, {`"a\b"`}, {`"a\`}, {`"a";p=1`}, {"ä"}, {"a\tb"},
		{strings.Repeat("a", 256)}, {"a", "b"},
	} {
		h.do(http.MethodPost, "/v1/users", userBody("ada"), key(bad...)).fails(http.StatusBadRequest, codeInvalidInput)
		assert.False(t, len(bad) == 1 && contractTakesKey(t, bad[0]), "the contract takes %q", bad)
	}
	h.do(http.MethodPost, "/v1/users", userBody(strings.Repeat("a", 100)), key("k")).
		fails(http.StatusRequestEntityTooLarge, codeTooLarge)
	assert.Empty(t, h.do(http.MethodGet, "/v1/users", "").data())
	for i, good := range []string{"a", strings.Repeat("a", 255), `"a b \"\\ ,;"`,
		"00000000-0000-0000-0000-000000000000"} {
		h.do(http.MethodPost, "/v1/users", userBody(fmt.Sprint("user", i)), key(good)).is(http.StatusCreated)
		assert.True(t, contractTakesKey(t, good), "the contract refuses %q", good)
	}
}

// contractTakesKey asks the schema of the header in openapi.yaml.
func contractTakesKey(t *testing.T, key string) bool {
	t.Helper()
	doc, err := loadContract()
	require.NoError(t, err)
	return doc.Components.Parameters["IdempotencyKey"].Value.Schema.Value.VisitJSON(key) == nil
}

func TestManyAtOnceWithOneKey(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const n = 12
		replies := make([]reply, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { replies[i] = h.do(http.MethodPost, "/v1/groups", `{"display_name":"Group"}`, key("k")) })
		}
		wg.Wait()
		for _, r := range replies {
			if r.status != http.StatusCreated {
				r.fails(http.StatusConflict, codeInProgress)
				assert.Equal(t, "1", r.header.Get("Retry-After"))
			}
		}
		assert.Len(t, h.do(http.MethodGet, "/v1/groups", "").data(), 1)
		assert.Equal(t, "true", h.do(http.MethodPost, "/v1/groups", `{"display_name":"Group"}`, key("k")).
			header.Get(replayedHeader))
	})
}

// dead is a server that claimed a request some time ago and then died; carry is
// what it still did.
func (h *house) dead(ago time.Duration, requestID, body string, carry func(*membership.Directory, membership.Call)) {
	h.t.Helper()
	clock := func() time.Time { return time.Now().Add(-ago) }
	d := membership.NewDirectory(h.store, auth.NewPolicy(h.store, time.Now, nil), membership.Options{Clock: clock})
	p, err := auth.NewVerifier(h.store, time.Now).Verify(h.t.Context(), "Bearer "+h.mine.APIToken)
	require.NoError(h.t, err)
	call := p.Call(requestID, "")
	req, err := http.NewRequest(http.MethodPost, "/v1/users", nil)
	require.NoError(h.t, err)
	_, err = d.ReserveKey(h.t.Context(), call, "POST /v1/users", requestID, fingerprint(req, []byte(body)))
	require.NoError(h.t, err)
	if carry != nil {
		carry(d, call)
	}
}

func TestWhatAServerLeftWhenItDied(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		post := func(k string) reply { return h.do(http.MethodPost, "/v1/users", userBody(k), key(k)) }
		h.dead(time.Second, "young", userBody("young"), nil)
		post("young").fails(http.StatusConflict, codeInProgress)

		h.dead(2*time.Minute, "before", userBody("before"), nil)
		post("before").is(http.StatusCreated)
		assert.Equal(t, "true", post("before").header.Get(replayedHeader))

		h.dead(2*time.Minute, "after", userBody("after"), func(d *membership.Directory, c membership.Call) {
			_, err := d.CreateUser(t.Context(), c, membership.NewUser{UserName: "after"})
			require.NoError(t, err)
		})
		post("after").fails(http.StatusConflict, codeAnswerLost)
		post("after").fails(http.StatusConflict, codeAnswerLost)
		assert.Len(t, h.do(http.MethodGet, "/v1/users?user_name=after", "").data(), 1)

		h.dead(2*time.Minute, "refused", userBody("refused"), func(d *membership.Directory, c membership.Call) {
			c.Permissions = nil
			_, err := d.CreateUser(t.Context(), c, membership.NewUser{UserName: "refused"})
			require.Equal(t, membership.KindForbidden, membership.KindOf(err))
		})
		post("refused").is(http.StatusCreated)

		h.dead(25*time.Hour, "expired", `{}`, nil)
		post("expired").is(http.StatusCreated)
	})
}

// Every POST takes a key, or has an answer with a secret and refuses one.
func TestEveryPostTakesAKeyOrHasASecret(t *testing.T) {
	doc, err := loadContract()
	require.NoError(t, err)
	store := dbtest.Open(t, dbtest.URL(t, "sqlite"))
	h := newHouse(t, store, Config{})
	mine := h.furnish(h.mine, "")
	secrets := 0
	for path, item := range doc.Paths.Map() {
		if item.Post == nil || !strings.HasPrefix(path, "/v1/") {
			continue
		}
		name := "POST " + path
		takes := item.Post.Parameters.GetByInAndName("header", idempotencyHeader) != nil
		if !hasSecret(item.Post) {
			require.True(t, takes, "%s: add the parameter IdempotencyKey in openapi.yaml", name)
			require.NotNil(t, item.Post.Responses.Value("409"), "%s: add 409, InProgress", name)
			require.NotNil(t, item.Post.Responses.Value("422"), "%s: add 422, KeyReused", name)
			continue
		}
		secrets++
		require.False(t, takes, name)
		at, body := accessTable[name].with(mine)
		assert.Contains(t, h.do(http.MethodPost, at, body, key("k")).fails(http.StatusBadRequest, codeInvalidInput),
			"holds a secret", "%s: wrap its handler in withSecret", name)
	}
	assert.GreaterOrEqual(t, secrets, 2)
}

func hasSecret(op *openapi3.Operation) bool {
	for status, r := range op.Responses.Map() {
		media := r.Value.Content.Get("application/json")
		if !strings.HasPrefix(status, "2") || media == nil || media.Schema == nil {
			continue
		}
		for name := range media.Schema.Value.Properties {
			secretURL := name == "url" && op.OperationID == "createSetupLink"
			if name == "token" || strings.Contains(name, "secret") || secretURL {
				return true
			}
		}
	}
	return false
}

// What is kept of a tenant's requests has a budget: without room an answer is not
// kept, which is as if it were lost, and then no key is taken.
func TestKeptAnswersHaveABudget(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		used := func(change int) (total int) {
			require.NoError(t, h.store.Update(t.Context(), h.mine.TenantID, func(tx membership.Tx) (err error) {
				total, err = tx.AddReservationBytes(t.Context(), change)
				return err
			}))
			return total
		}
		post := func(name string, with ...with) reply {
			return h.do(http.MethodPost, "/v1/users", userBody(name), append(with, key(name))...)
		}
		first := post("first")
		first.is(http.StatusCreated)
		require.Equal(t, 512+len(first.body), used(0))
		post("first").is(http.StatusCreated)
		require.Equal(t, 512+len(first.body), used(0), "nothing more for a repeat")
		post("forgotten", bearer(h.mine.SCIMToken))
		require.Equal(t, 512+len(first.body), used(0))

		const budget = 64 << 20
		fill := budget - used(0) - 600
		used(fill)
		post("unkept").is(http.StatusCreated)
		post("unkept").fails(http.StatusConflict, codeAnswerLost)
		assert.Equal(t, "true", post("first").header.Get(replayedHeader))
		full := post("full")
		full.fails(http.StatusTooManyRequests, codeRateLimited)
		assert.NotEmpty(t, full.header.Get("Retry-After"))
		assert.Len(t, h.do(http.MethodGet, "/v1/users?user_name=full", "").data(), 0, "nothing was carried out")
		h.do(http.MethodPost, "/v1/users", userBody("keyless")).is(http.StatusCreated)
		h.do(http.MethodPost, "/v1/users", userBody("elsewhere"), as(h.other), key("k")).is(http.StatusCreated)
		used(-fill)
		post("full").is(http.StatusCreated)
	})
}
