package console

import (
	"net/http"
	"time"
)

// The cookies: the session; what a login form is bound to before there is one; and
// what the next page says was done.
const (
	cookieSession = "scimbridge-session"
	cookieLogin   = "scimbridge-login"
	cookieFlash   = "scimbridge-flash"
)

// loginLife is how long a login form can be used, and flashLife a flash.
const (
	loginLife = time.Hour
	flashLife = time.Minute
)

// cookies are how cookies are set: over https with the prefix __Host-, which no other
// host and no page over http can set (RFC 6265bis section 4.1.3.2).
type cookies struct {
	prefix, path string
	secure       bool
	usable       bool // the server's address is https, or of this machine
}

// get returns a cookie, unless there is none, or more than one: another site may have
// set one of them.
func (c cookies) get(r *http.Request, name string) string {
	all := r.CookiesNamed(c.prefix + name)
	if len(all) != 1 {
		return ""
	}
	return all[0].Value
}

func (c cookies) set(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, c.make(name, value, int(life/time.Second)))
}

func (c cookies) drop(w http.ResponseWriter, name string) { http.SetCookie(w, c.make(name, "", -1)) }

func (c cookies) make(name, value string, maxAge int) *http.Cookie {
	return &http.Cookie{
		Name: c.prefix + name, Value: value, Path: c.path, MaxAge: maxAge, Secure: c.secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
}
