package console

import (
	"net/http"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const connectPath = Prefix + "/connect"

func (d *door) connectRoutes() []route {
	const one = "/connect/{id}"
	return []route{
		d.get("/connect", d.connections, "cursor"),
		d.post("/connect", d.createConnection, "name", "provider"),
		d.get(one, d.connection, wizardParameters...),
		d.get(one+"/progress", d.connection, wizardParameters...),
		d.post(one+"/token", d.connectionToken, wizardParameters...),
		d.post(one+"/client", d.connectionClient, wizardParameters...),
		d.get(one+"/links", d.setupLinks),
		d.post(one+"/links", d.createSetupLink, "days", "requests", "token", "client", "reason"),
		d.post(one+"/links/{link_id}/revoke", d.revokeSetupLink),
	}
}

// connectView is the list of connections, and what makes another one.
type connectView struct {
	List   []connectionRow
	First  string
	Next   string
	Guides []guide
	Form   *form
}

// connectionsOfPage is how many connections a page lists.
const connectionsOfPage = 50

func (d *door) connections(w http.ResponseWriter, r *request) error {
	return d.showConnections(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showConnections(w http.ResponseWriter, r *request, status int, f *form) error {
	v := connectView{Guides: guides(), Form: f}
	var after membership.ID
	if s, given := r.query["cursor"]; given {
		var err error
		if after, err = membership.ParseID(s); err != nil {
			return membership.Invalidf("cursor is none of this list")
		}
		v.First = connectPath
	}
	cs, err := d.Directory.Connections(r.Context(), r.call, after, connectionsOfPage+1, false)
	if err != nil {
		return err
	}
	if len(cs) > connectionsOfPage {
		cs = cs[:connectionsOfPage]
		v.Next = connectPath + "?cursor=" + cs[len(cs)-1].ID.String()
	}
	health, err := d.Directory.Health(r.Context(), r.call, cs)
	if err != nil {
		return err
	}
	for i, c := range cs {
		row := connectionRow{Connection: c}
		if health != nil {
			row.Health = &health[i]
		}
		v.List = append(v.List, row)
	}
	return d.show(w, r, view{
		template: "connect", title: "Connect a provider", section: connectPath, status: status, data: v,
	})
}

func (d *door) createConnection(w http.ResponseWriter, r *request) error {
	r.form.require("name", "Give it a name, such as Okta.")
	g, known := guideOf(r.form.Value("provider"))
	if !known {
		r.form.fail("provider", "Choose a provider.")
	}
	if !r.form.OK() {
		return d.showConnections(w, r, http.StatusBadRequest, r.form)
	}
	c, err := d.Directory.CreateConnection(r.Context(), r.call,
		membership.ConnectionSpec{Name: r.form.Value("name"), IDP: g.IDP})
	if err != nil {
		if status, taken := r.form.refused(err, "name"); taken {
			return d.showConnections(w, r, status, r.form)
		}
		return err
	}
	return redirect(w, r, connectPath+"/"+c.ID.String()+"?provider="+g.ID)
}

// wizardOf makes the page of the connection of a path.
func (d *door) wizardOf(r *request, provider, with string) (v wizard, err error) {
	id, err := r.pathID("id", "connection")
	if err != nil {
		return v, err
	}
	c, err := d.Directory.Connection(r.Context(), r.call, id)
	if err != nil {
		return v, err
	}
	if !c.RemovedAt.IsZero() {
		return v, membership.NotFound("connection")
	}
	return d.newWizard(c, connectPath+"/"+id.String(), provider, with)
}

func (d *door) connection(w http.ResponseWriter, r *request) error {
	v, err := d.wizardOf(r, r.query["provider"], r.query["with"])
	if err != nil {
		return err
	}
	return d.showConnection(w, r, v)
}

func (d *door) showConnection(w http.ResponseWriter, r *request, v wizard) error {
	read := func(f membership.RequestFilter) (membership.RequestPage, error) {
		f.Connection = v.Connection.ID
		page, _, err := d.Directory.Requests(r.Context(), r.call, membership.RequestQuery{RequestFilter: f})
		return page, err
	}
	// Asked before, as a page that shows what there is to do is no attempt.
	err := d.Directory.May(r.Context(), r.call, membership.OpReadRequests, membership.ID{}, membership.ID{})
	if err != nil {
		read = func(membership.RequestFilter) (membership.RequestPage, error) { return membership.RequestPage{}, err }
	}
	if err := v.follow(read, func() (membership.HealthState, error) {
		h, err := d.Directory.Health(r.Context(), r.call, []membership.Connection{v.Connection})
		if err != nil || len(h) == 0 {
			return "", err
		}
		return h[0].State, nil
	}); err != nil {
		return err
	}
	return d.show(w, r, view{
		template: "wizard", title: "Connect " + v.Guide.Name, section: connectPath, data: v,
	})
}

func (d *door) connectionToken(w http.ResponseWriter, r *request) error {
	v, err := d.wizardOf(r, r.form.Value("provider"), "")
	if err != nil {
		return err
	}
	_, text, err := d.Tokens.Create(r.Context(), r.call, auth.TokenSpec{
		Kind: auth.KindSCIM, Connection: v.Connection.ID,
		Name: v.Guide.Name + " " + time.Now().UTC().Format(time.DateOnly),
	})
	if err != nil {
		return err
	}
	v.madeToken(text)
	return d.showConnection(w, r, v)
}

func (d *door) connectionClient(w http.ResponseWriter, r *request) error {
	v, err := d.wizardOf(r, r.form.Value("provider"), "client")
	if err != nil {
		return err
	}
	c, secret, err := d.Clients.Create(r.Context(), r.call,
		auth.ClientSpec{Connection: v.Connection.ID, Method: auth.MethodSecret})
	if err != nil {
		return err
	}
	v.madeSecret(c, secret)
	return d.showConnection(w, r, v)
}

// linksView are the set-up links of a connection.
type linksView struct {
	Connection membership.Connection
	Links      []linkRow
	URL        string // of one that was made just now; it is shown this once
	Ends       time.Time
	Form       *form
}

type linkRow struct {
	auth.SetupLink
	State auth.SetupState
}

func (d *door) setupLinks(w http.ResponseWriter, r *request) error {
	return d.showSetupLinks(w, r, http.StatusOK, linksView{Form: newForm(map[string]string{
		"days": "7", "requests": "true", "token": "true", "client": "true",
	})})
}

func (d *door) showSetupLinks(w http.ResponseWriter, r *request, status int, v linksView) error {
	id, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	if v.Connection, err = d.Directory.Connection(r.Context(), r.call, id); err != nil {
		return err
	}
	links, err := d.SetupLinks.List(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	now := time.Now()
	for _, l := range slices.Backward(links) {
		v.Links = append(v.Links, linkRow{l, l.State(now)})
	}
	return d.show(w, r, view{
		template: "setup_links", title: "Set-up links of " + v.Connection.Name, section: connectPath, status: status,
		data: v,
	})
}

// life is how long a link works, as the form offers it.
type life struct {
	Days  string
	Label string
	n     int
}

var setupLives = []life{{"1", "1 day", 1}, {"7", "7 days", 7}, {"14", "14 days", 14}, {"30", "30 days", 30}}

func (d *door) createSetupLink(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	chosen := slices.IndexFunc(setupLives, func(l life) bool { return l.Days == r.form.Value("days") })
	if chosen < 0 {
		r.form.fail("days", "Choose how long it works.")
		return d.showSetupLinks(w, r, http.StatusBadRequest, linksView{Form: r.form})
	}
	s := auth.SetupSpec{
		Connection: id, Abilities: []auth.Ability{},
		Lifetime: time.Duration(setupLives[chosen].n) * 24 * time.Hour,
	}
	for _, a := range auth.Abilities {
		if r.form.Value(string(a)) == "true" {
			s.Abilities = append(s.Abilities, a)
		}
	}
	r.call.Reason = r.form.Value("reason")
	l, text, err := d.SetupLinks.Create(r.Context(), r.call, s)
	if err != nil {
		if status, taken := r.form.refused(err, ""); taken {
			return d.showSetupLinks(w, r, status, linksView{Form: r.form})
		}
		return err
	}
	return d.showSetupLinks(w, r, http.StatusOK,
		linksView{Form: r.form, URL: auth.SetupURL(d.publicURL, text), Ends: l.ExpiresAt})
}

func (d *door) revokeSetupLink(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "connection")
	if err != nil {
		return err
	}
	link, err := r.pathID("link_id", "set-up link")
	if err != nil {
		return err
	}
	if err := d.SetupLinks.Revoke(r.Context(), r.call, id, link); err != nil {
		return err
	}
	return d.done(w, r, connectPath+"/"+id.String()+"/links", "link-revoked")
}
