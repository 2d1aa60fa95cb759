package auth

import (
	"crypto/sha256"
	"strings"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// LoginLinkLife is for how long a login link waits to be used.
const LoginLinkLife = time.Hour

// loginLinkPrefix begins the code of a login link: it is no token, and no door takes it
// for one.
const loginLinkPrefix = "scimbridge_login_"

// maxLoginLinks is how many wait at once.
const maxLoginLinks = 100

// errNoLoginLink is the one answer for codes that open nothing.
const errNoLoginLink = unauthenticated("this login link is not valid: it was used, has expired, or is of a server " +
	"that was started again")

// LoginLinks are links that begin one session each, as their API token would. They are
// in the memory of the program that prints them, by their hash, and end with it.
type LoginLinks struct {
	clock membership.Clock

	mu   sync.Mutex
	open map[tokenHash]loginLink
}

type loginLink struct {
	tenant, token membership.ID
	expires       time.Time
}

// NewLoginLinks returns those of a server.
func NewLoginLinks(clock membership.Clock) *LoginLinks {
	return &LoginLinks{clock: clock, open: make(map[tokenHash]loginLink)}
}

// LoginURL makes a link for an API token, which is its text. The code stands behind the
// #: no browser sends that, and a program that opens links uses nothing up.
func (l *LoginLinks) LoginURL(publicURL, token string) (string, error) {
	b, err := parse(token)
	if err != nil {
		return "", err
	}
	code := mintBearer(b.tenant, b.id).text(loginLinkPrefix)
	now := l.clock.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for hash, link := range l.open {
		if !now.Before(link.expires) {
			delete(l.open, hash)
		}
	}
	if len(l.open) >= maxLoginLinks {
		return "", membership.Invalidf("there are %d login links that were not used", maxLoginLinks)
	}
	l.open[sha256.Sum256([]byte(code))] = loginLink{b.tenant, b.id, now.Add(LoginLinkLife)}
	return publicURL + "/console/login#" + code, nil
}

// take uses a link up.
func (l *LoginLinks) take(code string) (loginLink, error) {
	hash := tokenHash(sha256.Sum256([]byte(code)))
	l.mu.Lock()
	defer l.mu.Unlock()
	link, ok := l.open[hash]
	delete(l.open, hash)
	if !ok || !l.clock.Now().Before(link.expires) {
		return loginLink{}, errNoLoginLink
	}
	return link, nil
}

// loginCode is the code in what a person pastes: that, or the whole link; empty: it is
// something else.
func loginCode(pasted string) string {
	if _, code, is := strings.Cut(pasted, "#"); is {
		pasted = code
	}
	if !strings.HasPrefix(pasted, loginLinkPrefix) {
		return ""
	}
	return pasted
}
