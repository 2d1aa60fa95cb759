package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// sessionCookie is the cookie that some routes take a credential from.
const sessionCookie = "session"

// session is privateBy for a route that also takes its credential from the
// cookie session: what the header Authorization has behind "Bearer". When both
// are there, the header counts.
func (d *door) session(by tenantBy, h func(http.ResponseWriter, request) error, parameters ...string) handler {
	return d.known(by, sessionCredential, h, parameters)
}

func sessionCredential(r *http.Request) (credential, error) {
	cookies := r.CookiesNamed(sessionCookie)
	if r.Header.Get("Authorization") != "" || len(cookies) == 0 {
		return headerCredential(r)
	}
	c := credential{authorization: "Bearer " + cookies[0].Value, cookie: true}
	if len(cookies) > 1 { // another site may have set one of them
		return c, unauthenticated(c.authorization, "there is more than one cookie named session")
	}
	return c, nil
}

// checkOrigin is the CSRF check of writes whose credential a browser may have added
// for a page of another site.
func (d *door) checkOrigin(r *http.Request, c credential, call membership.Call) error {
	if !c.cookie || d.origins.Own(r) {
		return nil
	}
	if err := d.Directory.RecordRefusal(r.Context(), call, "cross_origin"); err != nil {
		return err
	}
	return &failure{
		status: http.StatusForbidden, code: codeForbidden,
		message: "a change with the cookie session must come from a page of this server " +
			"(Sec-Fetch-Site: same-origin, or its Origin): " +
			"other callers send the header Authorization",
	}
}
