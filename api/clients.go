package api

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) clientRoutes() []route {
	const (
		clients = "/v1/connections/{id}/clients"
		client  = clients + "/{client_id}"
		secrets = client + "/secrets"
	)
	return []route{
		{http.MethodGet, clients, d.private(d.listClients, "limit", "cursor")},
		{http.MethodPost, clients, d.private(withSecret(d.createClient))},
		{http.MethodGet, client, d.private(d.getClient)},
		{http.MethodDelete, client, d.private(d.revokeClient, "reason")},
		{http.MethodPost, secrets, d.private(withSecret(d.createSecret))},
		{http.MethodDelete, secrets + "/{secret_id}", d.private(d.revokeSecret, "end_access_tokens", "reason")},
	}
}

// connectionID reads the connection of a path. To the domain a zero one stands
// for all; here it was said.
func (r request) connectionID() (membership.ID, error) {
	id, err := r.pathID("id", "connection")
	if err == nil && id.IsZero() {
		err = membership.NotFound("connection")
	}
	return id, err
}

// client reads connection and client of a path; the client in either form.
func (r request) client() (connection, id membership.ID, err error) {
	if connection, err = r.pathID("id", "client"); err != nil {
		return connection, id, err
	}
	if connection.IsZero() {
		return connection, id, membership.NotFound("client")
	}
	if tenant, id, ok := auth.ParseClientID(r.PathValue("client_id")); ok {
		if tenant != r.call.Tenant {
			return connection, id, membership.NotFound("client")
		}
		return connection, id, nil
	}
	id, err = r.pathID("client_id", "client")
	return connection, id, err
}

func (d *door) createClient(w http.ResponseWriter, r request) error {
	connection, err := r.connectionID()
	if err != nil {
		return err
	}
	s := auth.ClientSpec{Connection: connection}
	var keys json.RawMessage
	var expires *string
	var seconds *int64
	if err := d.decode(w, r, fields{
		"auth_method": (*string)(&s.Method), "scopes": &s.Scopes, "jwks": &keys, "jwks_uri": &s.Keys.URI,
		"issuer": &s.Issuer, "subject": &s.Subject, "audience": &s.Audience, "reuse_assertions": &s.ReuseAssertions,
		"token_lifetime_seconds": &seconds, "expires_at": &expires, "reason": &r.call.Reason,
	}, "auth_method"); err != nil {
		return err
	}
	s.Keys.Set = keys
	if s.SecretExpiresAt, err = readExpiry(expires); err != nil {
		return err
	}
	if seconds != nil {
		// Bounded before it becomes nanoseconds, so that it cannot overflow.
		s.TokenLifetime = time.Duration(min(max(*seconds, 1), 1<<30)) * time.Second
	}
	c, secret, err := d.Clients.Create(r.Context(), r.call, s)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendNewClient(nil, c, secret))
}

func (d *door) listClients(w http.ResponseWriter, r request) error {
	connection, err := r.connectionID()
	if err != nil {
		return err
	}
	after, limit, err := r.query.page()
	if err != nil {
		return err
	}
	cs, err := d.Clients.List(r.Context(), r.call, connection, after, limit+1)
	if err != nil {
		return err
	}
	var next membership.ID
	if len(cs) > limit {
		cs, next = cs[:limit], cs[limit-1].ID
	}
	return send(w, http.StatusOK, appendPage(nil, cs, AppendClient, next))
}

func (d *door) getClient(w http.ResponseWriter, r request) error {
	connection, id, err := r.client()
	if err != nil {
		return err
	}
	c, err := d.Clients.Client(r.Context(), r.call, connection, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendClient(nil, c))
}

func (d *door) revokeClient(w http.ResponseWriter, r request) error {
	connection, id, err := r.client()
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	if err := d.Clients.Revoke(r.Context(), r.call, connection, id); err != nil {
		return err
	}
	return sendNothing(w)
}

func (d *door) createSecret(w http.ResponseWriter, r request) error {
	connection, id, err := r.client()
	if err != nil {
		return err
	}
	var expires *string
	if err := d.decode(w, r, fields{"expires_at": &expires, "reason": &r.call.Reason}); err != nil {
		return err
	}
	end, err := readExpiry(expires)
	if err != nil {
		return err
	}
	s, text, err := d.Clients.CreateSecret(r.Context(), r.call, connection, id, end)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendNewSecret(nil, s, text))
}

func (d *door) revokeSecret(w http.ResponseWriter, r request) error {
	connection, id, err := r.client()
	if err != nil {
		return err
	}
	secret, err := r.pathID("secret_id", "secret")
	if err != nil {
		return err
	}
	end, given := r.query["end_access_tokens"]
	if given && end != "true" && end != "false" {
		return membership.Invalidf("end_access_tokens must be true or false")
	}
	r.call.Reason = r.query["reason"]
	if err := d.Clients.RevokeSecret(r.Context(), r.call, connection, id, secret, end == "true"); err != nil {
		return err
	}
	return sendNothing(w)
}
