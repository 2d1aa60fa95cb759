package console

import (
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const clientsPath = accessPath + "/clients"

func (d *door) clientRoutes() []route {
	const (
		client = "/access/clients/{id}"
		secret = client + "/secrets/{secret_id}"
	)
	return []route{
		d.get("/access/clients", d.clients, "cursor"),
		d.get("/access/new-client", d.clientForm),
		d.post("/access/new-client", d.createClient, "connection", "read_only", "expires", "reason"),
		d.get(client, d.client),
		d.post(client+"/secrets", d.createSecret, "expires", "reason"),
		d.get(secret+"/revoke", d.secretRevocation),
		d.post(secret+"/revoke", d.revokeSecret, "end_access_tokens", "reason"),
		d.get(client+"/revoke", d.clientRevocation),
		d.post(client+"/revoke", d.revokeClient, "reason"),
	}
}

// clientRow is a client with the name of its connection.
type clientRow struct {
	auth.OAuthClient
	ConnectionName string
}

type clientsView struct {
	Clients []clientRow
	Pages   pager
}

func (d *door) clients(w http.ResponseWriter, r *request) error {
	after, err := r.query.after()
	if err != nil {
		return err
	}
	cs, err := d.Clients.List(r.Context(), r.call, membership.ID{}, after, pageSize+1)
	if err != nil {
		return err
	}
	var v clientsView
	cs, last := cut(cs, func(c auth.OAuthClient) membership.ID { return c.ID })
	v.Pages = r.pages(last)
	names := map[membership.ID]string{}
	for _, c := range cs {
		if _, known := names[c.Connection]; !known {
			if names[c.Connection], err = d.connectionName(r, c.Connection); err != nil {
				return err
			}
		}
		v.Clients = append(v.Clients, clientRow{c, names[c.Connection]})
	}
	return d.show(w, r, view{template: "clients", title: "OAuth clients", section: accessPath, data: v})
}

// connectionName is what a connection is called; empty: it is gone.
func (d *door) connectionName(r *request, id membership.ID) (string, error) {
	c, err := d.Directory.Connection(r.Context(), r.call, id)
	if membership.KindOf(err) == membership.KindNotFound {
		return "", nil
	}
	return c.Name, err
}

type clientFormView struct {
	Form        *form
	Connections []membership.Connection
}

func (d *door) clientForm(w http.ResponseWriter, r *request) error {
	return d.showClientForm(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showClientForm(w http.ResponseWriter, r *request, status int, f *form) error {
	v := clientFormView{Form: f}
	var err error
	v.Connections, err = d.Directory.Connections(r.Context(), r.call, membership.ID{}, mostConnections, false)
	if err != nil {
		return err
	}
	return d.show(w, r, view{
		template: "client_new", title: "New OAuth client", section: accessPath, status: status, data: v,
	})
}

func (d *door) createClient(w http.ResponseWriter, r *request) error {
	s := auth.ClientSpec{
		Connection: r.form.id("connection", "choose the connection that it is for"), Method: auth.MethodSecret,
	}
	if r.form.Value("read_only") != "" {
		s.Scopes = []string{auth.ScopeSCIMRead}
	}
	s.SecretExpiresAt = r.form.readEnd()
	if !r.form.OK() {
		return d.showClientForm(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	c, text, err := d.Clients.Create(r.Context(), call, s)
	if status, taken := r.form.refused(err, ""); taken {
		return d.showClientForm(w, r, status, r.form)
	}
	if err != nil {
		return err
	}
	return d.showClientSecret(w, r, c, text)
}

// readEnd reads the field expires; the zero time: it is empty.
func (f *form) readEnd() time.Time {
	return f.time("expires", "the end")
}

func (d *door) showClientSecret(w http.ResponseWriter, r *request, c auth.OAuthClient, text string) error {
	return d.showSecret(w, r, secretView{
		What: "Client secret", Secret: text, Label: "Client id", Beside: c.ClientID(), Back: clientPath(c.ID),
		Next: "Give both to the identity provider: it asks for access tokens with them.",
	})
}

func clientPath(id membership.ID) string { return clientsPath + "/" + id.String() }

type clientView struct {
	clientRow
	Form   *form
	Secret auth.ClientSecret // that is to be revoked
}

// clientOf reads the client that the path names.
func (d *door) clientOf(r *request, f *form) (v clientView, err error) {
	v.Form = f
	id, err := r.pathID("id", "client")
	if err != nil {
		return v, err
	}
	if v.OAuthClient, err = d.Clients.Client(r.Context(), r.call, membership.ID{}, id); err != nil {
		return v, err
	}
	v.ConnectionName, err = d.connectionName(r, v.Connection)
	return v, err
}

func (d *door) client(w http.ResponseWriter, r *request) error {
	return d.showClient(w, r, http.StatusOK, "client", newForm(nil))
}

func (d *door) showClient(w http.ResponseWriter, r *request, status int, template string, f *form) error {
	v, err := d.clientOf(r, f)
	if err != nil {
		return err
	}
	return d.show(w, r, view{template: template, title: "OAuth client", section: accessPath, status: status, data: v})
}

func (d *door) createSecret(w http.ResponseWriter, r *request) error {
	v, err := d.clientOf(r, r.form)
	if err != nil {
		return err
	}
	end := r.form.readEnd()
	if !r.form.OK() {
		return d.showClient(w, r, http.StatusBadRequest, "client", r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	_, text, err := d.Clients.CreateSecret(r.Context(), call, v.Connection, v.ID, end)
	if status, taken := r.form.refused(err, ""); taken {
		return d.showClient(w, r, status, "client", r.form)
	}
	if err != nil {
		return err
	}
	return d.showClientSecret(w, r, v.OAuthClient, text)
}

func (d *door) secretRevocation(w http.ResponseWriter, r *request) error {
	return d.showSecretRevocation(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showSecretRevocation(w http.ResponseWriter, r *request, status int, f *form) error {
	v, err := d.clientOf(r, f)
	if err != nil {
		return err
	}
	id, err := r.pathID("secret_id", "secret")
	if err != nil {
		return err
	}
	for _, s := range v.Secrets {
		if s.ID == id {
			v.Secret = s
		}
	}
	if v.Secret.ID.IsZero() {
		return membership.NotFound("secret")
	}
	return d.show(w, r, view{
		template: "secret_revoke", title: "Revoke a secret", section: accessPath, status: status, data: v,
	})
}

func (d *door) revokeSecret(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "client")
	if err != nil {
		return err
	}
	secret, err := r.pathID("secret_id", "secret")
	if err != nil {
		return err
	}
	r.form.require("reason", "say why: it is kept with the change")
	if !r.form.OK() {
		return d.showSecretRevocation(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	end := r.form.Value("end_access_tokens") != ""
	if err := d.Clients.RevokeSecret(r.Context(), call, membership.ID{}, id, secret, end); err != nil {
		return err
	}
	return d.done(w, r, clientPath(id), "secret-revoked")
}

func (d *door) clientRevocation(w http.ResponseWriter, r *request) error {
	return d.showClient(w, r, http.StatusOK, "client_revoke", newForm(nil))
}

func (d *door) revokeClient(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "client")
	if err != nil {
		return err
	}
	r.form.require("reason", "say why: it is kept with the change")
	if !r.form.OK() {
		return d.showClient(w, r, http.StatusBadRequest, "client_revoke", r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	if err := d.Clients.Revoke(r.Context(), call, membership.ID{}, id); err != nil {
		return err
	}
	return d.done(w, r, clientsPath, "client-revoked")
}
