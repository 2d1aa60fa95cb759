package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// server is just enough of a service provider to play against: it keeps what
// is posted and writes down every request line and header it sees.
type server struct {
	*httptest.Server
	mu    sync.Mutex
	items map[string]map[string]any
	seen  []string
	heads []http.Header
}

func newServer(t *testing.T) *server {
	s := &server{items: map[string]map[string]any{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r.Method+" "+r.RequestURI+" "+string(body))
	s.heads = append(s.heads, r.Header)
	path := strings.TrimPrefix(r.URL.Path, "/scim/v2")
	answer := func(status int, v any) {
		w.Header().Set("Content-Type", "application/scim+json")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	switch {
	case r.Header.Get("Authorization") != "Bearer secret":
		answer(http.StatusUnauthorized, map[string]any{"status": "401"})
	case r.Method == http.MethodPost:
		item := map[string]any{}
		if err := json.Unmarshal(body, &item); err != nil {
			answer(http.StatusBadRequest, map[string]any{"detail": err.Error()})
			return
		}
		item["id"] = fmt.Sprint("id-", len(s.items))
		item["meta"] = map[string]any{"created": "2026-01-02T03:04:05Z", "lastModified": "2026-01-02T03:04:05Z",
			"version": `W/"1"`}
		s.items[path+"/"+item["id"].(string)] = item
		w.Header().Set("Location", path+"/"+item["id"].(string))
		answer(http.StatusCreated, item)
	case s.items[path] == nil:
		answer(http.StatusNotFound, map[string]any{"status": "404"})
	case r.Method == http.MethodDelete:
		s.items[path] = nil
		w.WriteHeader(http.StatusNoContent)
	default:
		answer(http.StatusOK, s.items[path])
	}
}

func (s *server) client() *Client { return &Client{Base: s.URL + "/scim/v2/", Token: "secret"} }

// conversation reads the steps of a file.
func conversation(t *testing.T, steps string) Conversation {
	t.Helper()
	all, err := Load(fstest.MapFS{"t.json": {Data: []byte(`{"id":"t","idp":"test","headers":{"X-From":"file",` +
		`"Content-Type":"text/plain"},"steps":` + steps + `}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return all[0]
}

func mustPlay(t *testing.T, c *Client, steps string) Result {
	t.Helper()
	r, err := c.Play(t.Context(), conversation(t, steps))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const createUser = `{"note":"make","setup":true,"method":"POST","path":"/Users","body":{"userName":"u.{{run}}"},` +
	`"capture":{"u":"$.id"},"expect":{"status":[201],"headers":{"location":{"contains":"/Users/"}}}}`

func TestPlayPassesAndCleans(t *testing.T) {
	s := newServer(t)
	var observed []Exchange
	c := s.client()
	c.Observe = func(ex Exchange) { observed = append(observed, ex) }
	r := mustPlay(t, c, `[`+createUser+`,{"note":"read","method":"GET","path":"/Users/{{u}}",`+
		`"headers":{"X-From":"step"},"expect":{"status":[200],"json":{"$.userName":"u.{{run}}"}}}]`)
	if r.Verdict != Pass || !r.OK() {
		t.Fatalf("%+v", r)
	}
	if len(observed) != 2 || observed[1].Status != 200 || observed[1].Path != "/Users/id-0" ||
		observed[0].Request != `{"userName":"u.`+r.Vars["run"].(string)+`"}` {
		t.Errorf("observed %+v", observed)
	}
	if last := s.seen[len(s.seen)-1]; last != "DELETE /scim/v2/Users/id-0 " {
		t.Errorf("the user was not deleted at the end: %s", last)
	}
	if s.heads[0].Get("X-From") != "file" || s.heads[1].Get("X-From") != "step" {
		t.Errorf("headers of file and step: %v", s.heads)
	}
	if s.heads[0].Get("Content-Type") != "text/plain" || s.heads[1].Get("Content-Type") != "" ||
		s.heads[1].Get("User-Agent") != "" || s.heads[1].Get("Accept-Encoding") != "" {
		t.Errorf("headers that nobody recorded: %v", s.heads[:2])
	}
}

func TestPlayKeep(t *testing.T) {
	s := newServer(t)
	c := s.client()
	c.Keep = true
	r := mustPlay(t, c, `[`+createUser+`]`)
	if s.items["/Users/"+r.Vars["u"].(string)] == nil {
		t.Error("the user is gone")
	}
}

func TestPlayVerdicts(t *testing.T) {
	get := func(more string) string { return `[{"note":"n","method":"GET","path":"/Users/none"` + more + `}]` }
	tests := []struct {
		name, steps string
		want        Verdict
		finding     string
	}{
		{"fail", get(`,"expect":{"status":[200,204]}`), Fail, `status 404, wanted 200 or 204: {"status":"404"}`},
		{"should", get(`,"expect":{"status":[404],"should":{"json":{"$.status":"x"}}}`), Warn,
			`$.status: "404" instead of "x"`},
		{"soft step", get(`,"soft":true,"expect":{"status":[200]}`), Warn, `status 404`},
		{"setup", get(`,"setup":true,"expect":{"status":[200]}`), Setup, `status 404`},
		{"nothing captured in time", get(`,"expect":{"json":{"$.id":"{{u}}"}}`), Fail, `{{u}} was never captured`},
		{"nothing to capture", `[` + strings.Replace(createUser, `$.id`, `$.no`, 1) + `]`, Setup,
			`nothing to capture at $.no`},
		{"header", get(`,"expect":{"headers":{"Content-Type":"x"}}`), Fail,
			`header Content-Type: "application/scim+json" instead of "x"`},
		{"no body",
			`[` + createUser + `,{"note":"d","method":"DELETE","path":"/Users/{{u}}","expect":{"json":{"$.id":"x"}` +
				`}}]`, Fail, `$.id: no JSON body`},
		{"no body is empty", `[` + createUser + `,{"note":"d","method":"DELETE","path":"/Users/{{u}}",` +
			`"expect":{"json":{"$.id":{"emptyOrAbsent":true}}}}]`, Pass, ""},
		{"bad token", `[{"note":"n","method":"GET","path":"/Users","auth":"bad","expect":{"status":[401]}}]`, Pass, ""},
		{"raw authorization",
			`[{"note":"n","method":"GET","path":"/Users","auth":"Bearer secret","expect":{"status":[404]` +
				`}}]`, Pass, ""},
		{"no authorization", `[{"note":"n","method":"GET","path":"/Users","auth":"none","expect":{"status":[401]}}]`,
			Pass, ""},
		{"raw body",
			`[{"note":"n","method":"POST","path":"/Users","rawBody":"{\"a\":","expect":{"status":[400]}}]`, Pass,
			""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := mustPlay(t, newServer(t).client(), tt.steps)
			last := r.Steps[len(r.Steps)-1]
			findings := strings.Join(append(last.Fails, last.Warns...), "\n")
			if r.Verdict != tt.want || !strings.Contains(findings, tt.finding) || tt.finding == "" && findings != "" {
				t.Errorf("%s: %s", r.Verdict, findings)
			}
		})
	}
}

func TestPlaySkips(t *testing.T) {
	s := newServer(t)
	r := mustPlay(t, s.client(), `[{"note":"lost","method":"GET","path":"/Users/{{u}}"}]`)
	if r.Verdict != Fail || r.Steps[0].Skipped != "{{u}} was never captured" || len(s.seen) != 0 {
		t.Errorf("%+v", r)
	}
	r = mustPlay(t, s.client(), `[{"note":"no","setup":true,"method":"GET","path":"/no","expect":{"status":[200]}},`+
		`{"note":"after","method":"GET","path":"/Users"}]`)
	if r.Verdict != Setup || len(r.Steps) != 2 || r.Steps[1].Skipped != "setup failed" {
		t.Errorf("%+v", r)
	}
}

func TestPlayRepeatAndEach(t *testing.T) {
	s := newServer(t)
	r := mustPlay(t, s.client(), `[
		{"note":"make","repeat":3,"method":"POST","path":"/Users","body":{"userName":"{{i}}"},
			"captureList":{"ids":"$.id"}`+
		`,"expect":{"status":[201]}},
		{"note":"group","method":"POST","path":"/Groups","body":{"members":{"$each":"ids","limit":2,
			"of":{"value":"{{it}}`+
		`"}}},"expect":{"status":[201],"json":{"$.members[*].value":{"set":["id-1","id-0"]}}}}]`)
	if r.Verdict != Pass || len(r.Steps) != 4 {
		t.Errorf("%+v", r)
	}
	if s.seen[2] != `POST /scim/v2/Users {"userName":3}` {
		t.Errorf("the third repetition was %s", s.seen[2])
	}
}

// The server answers no request before all have come: it takes requests that
// really are in flight together to get through.
func TestPlayParallel(t *testing.T) {
	const n = 8
	var together sync.WaitGroup
	together.Add(n)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		together.Done()
		together.Wait()
		fmt.Fprintf(w, `{"id":%q}`, r.URL.Path)
	}))
	defer srv.Close()
	var steps []string
	for i := range n {
		steps = append(steps, fmt.Sprintf(`{"note":"%d","method":"PATCH","path":"/%d","capture":{"c%d":"$.id"},`+
			`"expect":{"status":[200]}}`, i, i, i))
	}
	c := &Client{Base: srv.URL, Observe: func(Exchange) {}}
	r := mustPlay(t, c, `[{"note":"all","parallel":[`+strings.Join(steps, ",")+`]}]`)
	if r.Verdict != Pass || len(r.Steps) != n || r.Steps[7].Note != "7" || r.Vars["c7"] != "/7" {
		t.Errorf("%+v", r)
	}
}

func TestPlaySendsPathsAsRecorded(t *testing.T) {
	s := newServer(t)
	for _, path := range []string{
		`/Users?filter=userName+eq+"x"`, `/Users?filter=a%20eq%20%22b+c%22&x=[1]`, `/Users/%2e%2E/a%2Fb?`,
		`/Users//x;y|z{}`, `/Users?q=é`,
	} {
		doc, err := json.Marshal([]map[string]any{{"note": "n", "method": "GET", "path": path}})
		if err != nil {
			t.Fatal(err)
		}
		s.seen = nil
		mustPlay(t, s.client(), string(doc))
		if want := "GET /scim/v2" + strings.ReplaceAll(path, "é", "\xe9") + " "; !slices.Equal(s.seen, []string{want}) {
			t.Errorf("sent %q, want %q", s.seen, want)
		}
	}
	s.seen = nil
	r := mustPlay(t, s.client(),
		`[{"note":"n","method":"GET","path":"/Users?filter=a eq b","expect":{"status":[200]}}]`)
	if r.Verdict != Fail || len(s.seen) != 0 || !strings.Contains(r.Steps[0].Fails[0], "unescaped characters") {
		t.Errorf("a space in the request line: %+v", r)
	}
}

func TestPlayFollowsNoRedirect(t *testing.T) {
	srv := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusFound))
	defer srv.Close()
	for _, h := range []*http.Client{nil, srv.Client()} {
		r := mustPlay(t, &Client{Base: srv.URL, HTTP: h},
			`[{"note":"n","method":"GET","path":"/","expect":{"status":[302]}}]`)
		if r.Verdict != Pass {
			t.Errorf("%+v", r)
		}
	}
}

func TestPlayNoAnswer(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	r := mustPlay(t, &Client{Base: srv.URL}, `[{"note":"n","method":"GET","path":"/","expect":{"status":[200]}}]`)
	if r.Verdict != Fail || r.Steps[0].Status != 0 ||
		!strings.HasPrefix(r.Steps[0].Fails[0], "status 0, wanted 200: ") {
		t.Errorf("%+v", r)
	}
}

func TestPlayErrors(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer srv.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	c := &Client{Base: srv.URL}
	if _, err := c.Play(ctx, conversation(t, `[{"note":"n","method":"GET","path":"/"}]`)); !errors.Is(err,
		context.DeadlineExceeded) {
		t.Errorf("a context that ended: %v", err)
	}
	if _, err := (&Client{Base: "localhost:1"}).Play(t.Context(), conversation(t, `[{"note":"n"}]`)); err == nil {
		t.Error("a base URL without a host was accepted")
	}
	s := newServer(t)
	for _, expect := range []string{`{"json":{"id":1}}`, `{"json":{"$.status":{"resembles":1}}}`} {
		if _, err := s.client().Play(t.Context(), conversation(t,
			`[{"note":"n","method":"GET","path":"/x","expect":`+expect+`}]`)); err == nil {
			t.Errorf("%s made sense", expect)
		}
	}
}

// Every recorded conversation can be played to its end, whatever the server
// makes of it: no pointer, matcher or modifier in them is unknown here.
func TestConversations(t *testing.T) {
	all, err := Conversations()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 83 || !slices.IsSortedFunc(all, func(a, b Conversation) int { return strings.Compare(a.ID, b.ID) }) {
		t.Errorf("%d conversations", len(all))
	}
	s := newServer(t)
	for _, conv := range all {
		r, err := s.client().Play(t.Context(), conv)
		if err != nil {
			t.Error(err)
		}
		if r.Verdict == Setup && conv.Steps[0].Setup {
			t.Errorf("%s: this server takes any setup: %+v", conv.ID, r.Steps[0])
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	for _, data := range []string{`{"id":"a","steps":[{"exspect":{}}]}`, `{"id":"a","steps":[]}`, `{"steps":[{}]}`,
		`[]`, `{"id":"a","steps":[{"expect":{"json":[]}}]}`} {
		if _, err := Load(fstest.MapFS{"odd.json": {Data: []byte(data)}}); err == nil || !strings.Contains(err.Error(),
			"odd.json") {
			t.Errorf("%s: %v", data, err)
		}
	}
}
