package console

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const (
	accessPath = Prefix + "/access"
	tokensPath = accessPath
)

func (d *door) tokenRoutes() []route {
	const token = "/access/tokens/{id}"
	fields := []string{"name", "kind", "connection", "read_only", "networks", "expires", "reason"}
	for _, p := range auth.KnownPermissions() {
		fields = append(fields, permissionField(p))
	}
	return []route{
		d.get("/access", d.tokens, "cursor"),
		d.get("/access/new-token", d.tokenForm),
		d.post("/access/new-token", d.createToken, fields...),
		d.get(token, d.token),
		d.post(token+"/rotate", d.rotateToken, "hours", "reason"),
		d.get(token+"/revoke", d.revocationForm),
		d.post(token+"/revoke", d.revokeToken, "reason"),
	}
}

func permissionField(permission string) string { return "may_" + permission }

type tokensView struct {
	Tokens []auth.Token
	Pages  pager
	Own    membership.ID // the token that the session began with
}

func (d *door) tokens(w http.ResponseWriter, r *request) error {
	after, err := r.query.after()
	if err != nil {
		return err
	}
	ts, err := d.Tokens.List(r.Context(), r.call, after, pageSize+1)
	if err != nil {
		return err
	}
	v := tokensView{Own: r.session.Token}
	var last membership.ID
	v.Tokens, last = cut(ts, func(t auth.Token) membership.ID { return t.ID })
	v.Pages = r.pages(last)
	return d.show(w, r, view{template: "tokens", title: "Tokens", section: accessPath, data: v})
}

type tokenFormView struct {
	Form        *form
	Connections []membership.Connection
	Permissions []tokenPermission
}

// tokenPermission is a permission that can be chosen for a token.
type tokenPermission struct {
	Name, Field string
	Chosen      bool
}

// permissionsIn are all permissions, with which of them are chosen in a form.
func permissionsIn(f *form) (ps []tokenPermission) {
	for _, p := range auth.KnownPermissions() {
		ps = append(ps, tokenPermission{p, permissionField(p), f.Value(permissionField(p)) != ""})
	}
	return ps
}

func chosenPermissions(f *form) (names []string) {
	for _, p := range permissionsIn(f) {
		if p.Chosen {
			names = append(names, p.Name)
		}
	}
	return names
}

func (d *door) tokenForm(w http.ResponseWriter, r *request) error {
	return d.showTokenForm(w, r, http.StatusOK, newForm(map[string]string{"kind": string(auth.KindAPI)}))
}

func (d *door) showTokenForm(w http.ResponseWriter, r *request, status int, f *form) error {
	v := tokenFormView{Form: f}
	var err error
	v.Connections, err = d.Directory.Connections(r.Context(), r.call, membership.ID{}, mostConnections, false)
	if err != nil {
		return err
	}
	v.Permissions = permissionsIn(f)
	return d.show(w, r, view{
		template: "token_new", title: "New token", section: accessPath, status: status, data: v,
	})
}

func (d *door) createToken(w http.ResponseWriter, r *request) error {
	s := auth.TokenSpec{Kind: auth.TokenKind(r.form.Value("kind")), Name: r.form.Value("name")}
	r.form.require("name", "give it a name: lists and events call it so")
	switch s.Kind {
	case auth.KindSCIM:
		s.Connection = r.form.id("connection", "choose the connection that it is for")
		if r.form.Value("read_only") != "" {
			s.Scopes = []string{auth.ScopeSCIMRead}
		}
	case auth.KindAPI:
		s.Permissions = chosenPermissions(r.form)
	}
	var err error
	if s.Networks, err = auth.ParseNetworks(strings.Fields(r.form.Value("networks"))); err != nil {
		r.form.fail("networks", err.Error())
	}
	s.ExpiresAt = r.form.readEnd()
	if !r.form.OK() {
		return d.showTokenForm(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	t, text, err := d.Tokens.Create(r.Context(), call, s)
	if status, taken := r.form.refused(err, ""); taken {
		return d.showTokenForm(w, r, status, r.form)
	}
	if err != nil {
		return err
	}
	return d.showSecret(w, r, secretView{
		What: "Token " + t.Name, Secret: text, Back: tokenPath(t.ID),
		Next: cmp.Or(map[auth.TokenKind]string{
			auth.KindSCIM: "Paste it where the identity provider asks for the secret or API token.",
		}[t.Kind], "Put it where the program that uses it keeps its secrets."),
	})
}

func tokenPath(id membership.ID) string { return accessPath + "/tokens/" + id.String() }

// secretView is a secret that was just made, and is shown on this page alone.
type secretView struct {
	What, Secret  string
	Public        bool   // it is none, but a key that everybody may know
	Label, Beside string // what is needed with it, and what that is; empty: nothing
	Next          string // what to do with it
	Back          string // where the page leads to
}

func (d *door) showSecret(w http.ResponseWriter, r *request, v secretView) error {
	return d.show(w, r, view{
		template: "secret", title: v.What, section: accessPath, status: http.StatusCreated, data: v,
	})
}

type tokenView struct {
	Form       *form
	Token      auth.Token
	Connection string
	Own        bool // the session began with it
	Overlaps   []overlap
}

// overlap is for how long the old of two secrets goes on working.
type overlap struct {
	Hours int
	Label string
}

var overlaps = []overlap{
	{24, "For a day"}, {7 * 24, "For a week"}, {30 * 24, "For 30 days"}, {1, "For an hour"},
	{0, "Not at all: it leaked"},
}

// readOverlap reads the field hours.
func (f *form) readOverlap() time.Duration {
	n, err := strconv.Atoi(f.Value("hours"))
	if err != nil || !slices.ContainsFunc(overlaps, func(o overlap) bool { return o.Hours == n }) {
		f.fail("hours", "choose for how long the old one goes on working")
	}
	return time.Duration(n) * time.Hour
}

func (d *door) token(w http.ResponseWriter, r *request) error {
	return d.showToken(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showToken(w http.ResponseWriter, r *request, status int, f *form) error {
	v, err := d.tokenOf(r, f)
	if err != nil {
		return err
	}
	return d.show(w, r, view{
		template: "token", title: "Token " + v.Token.Name, section: accessPath, status: status, data: v,
	})
}

func (d *door) tokenOf(r *request, f *form) (v tokenView, err error) {
	v = tokenView{Form: f, Overlaps: overlaps}
	id, err := r.pathID("id", "token")
	if err != nil {
		return v, err
	}
	if v.Token, err = d.Tokens.Token(r.Context(), r.call, id); err != nil {
		return v, err
	}
	v.Own = r.session.Token == id
	if !v.Token.Connection.IsZero() {
		v.Connection, err = d.connectionName(r, v.Token.Connection)
	}
	return v, err
}

func (d *door) rotateToken(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "token")
	if err != nil {
		return err
	}
	over := r.form.readOverlap()
	if !r.form.OK() {
		return d.showToken(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	t, text, err := d.Tokens.Rotate(r.Context(), call, id, over)
	if status, taken := r.form.refused(err, ""); taken {
		return d.showToken(w, r, status, r.form)
	}
	if err != nil {
		return err
	}
	next := "Put it where the old one was, now: that one does not work any more."
	if over > 0 {
		next = "Put it where the old one was. Then look at the page of the old one whether it is still used."
	}
	return d.showSecret(w, r, secretView{What: "Token " + t.Name, Secret: text, Next: next, Back: tokenPath(t.ID)})
}

func (d *door) revocationForm(w http.ResponseWriter, r *request) error {
	return d.showRevocation(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showRevocation(w http.ResponseWriter, r *request, status int, f *form) error {
	v, err := d.tokenOf(r, f)
	if err != nil {
		return err
	}
	return d.show(w, r, view{
		template: "token_revoke", title: "Revoke " + v.Token.Name, section: accessPath, status: status, data: v,
	})
}

func (d *door) revokeToken(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "token")
	if err != nil {
		return err
	}
	r.form.require("reason", "say why: it is kept with the change")
	if !r.form.OK() {
		return d.showRevocation(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	if err := d.Tokens.Revoke(r.Context(), call, id); err != nil {
		return err
	}
	return d.done(w, r, tokensPath, "token-revoked")
}
