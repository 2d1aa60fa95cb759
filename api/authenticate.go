package api

import (
	"errors"
	"net/http"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// request is a request whose sender is known and whose query is checked.
type request struct {
	*http.Request
	call  membership.Call
	query query
}

// private makes the handler of a route that asks for a credential and for
// X-Tenant-ID, and takes the named query parameters.
func (d *door) private(h func(http.ResponseWriter, request) error, parameters ...string) handler {
	return d.privateBy(tenantByHeader, h, parameters...)
}

// privateBy is private for a route that names its tenant in another way.
func (d *door) privateBy(by tenantBy, h func(http.ResponseWriter, request) error, parameters ...string) handler {
	return d.known(by, headerCredential, h, parameters)
}

// known makes the handler of a route whose senders are known by their
// credential.
func (d *door) known(
	by tenantBy, from func(*http.Request) (credential, error), h func(http.ResponseWriter, request) error,
	parameters []string,
) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		// The credential comes first: without one nothing else of the request
		// matters, such as that it names no tenant.
		named, namedErr := by.named(r)
		c, err := from(r)
		if err != nil {
			return err
		}
		call, err := d.authenticate(r, c, named)
		if err != nil {
			return err
		}
		if namedErr != nil {
			return namedErr
		}
		if err := d.checkTenant(r, by, named, call); err != nil {
			return err
		}
		if err := d.checkOrigin(r, c, call); err != nil {
			return err
		}
		if a, ok := w.(*auth.Answer); ok {
			a.Count(d.Directory, r, call.Tenant)
		}
		q, err := parseQuery(r.URL.RawQuery, parameters)
		if err != nil {
			return err
		}
		return d.once(w, request{Request: r, call: call, query: q}, h)
	}
}

// credential is what a request says its sender by.
type credential struct {
	authorization string // in the form of the header Authorization
	cookie        bool   // it was in a cookie, which a browser sends unasked
}

func headerCredential(r *http.Request) (credential, error) {
	return credential{authorization: r.Header.Get("Authorization")}, nil
}

func (d *door) authenticate(r *http.Request, c credential, named membership.ID) (membership.Call, error) {
	p, err := d.Verifier.Verify(r.Context(), c.authorization, named)
	switch {
	case errors.Is(err, auth.ErrUnauthenticated):
		return membership.Call{}, unauthenticated(c.authorization, err.Error())
	case err != nil:
		return membership.Call{}, err
	case p.Kind != auth.KindAPI:
		return membership.Call{},
			unauthenticated(c.authorization, "this is a SCIM token, which opens /scim/v2 only: use an API token")
	}
	return p.Call(requestID(r), ""), nil
}

// unauthenticated is a 401 with the challenge of RFC 6750 section 3: it names
// an error only when there was a credential.
func unauthenticated(header, message string) error {
	challenge := `Bearer realm="scimbridge"`
	if header != "" {
		challenge += `, error="invalid_token"`
	}
	return &failure{
		status: http.StatusUnauthorized, code: codeUnauthenticated, message: message, challenge: challenge,
	}
}

// pathID reads an id of the path. What cannot be the id of anything is answered
// like what does not exist.
func (r request) pathID(name, what string) (membership.ID, error) {
	id, err := membership.ParseID(r.PathValue(name))
	if err != nil {
		return membership.ID{}, membership.NotFound(what)
	}
	return id, nil
}
