package config

import (
	"errors"
	"net/url"
	"strings"
)

// DatabaseURL says where the store is. It may hold a password, so every way of
// printing it hides that; string(u) is the URL itself.
type DatabaseURL string

// String returns the URL without its password.
func (u DatabaseURL) String() string {
	if _, embedded := u.File(); embedded || u == "" {
		return string(u)
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Opaque != "" || parsed.Fragment != "" || strings.Contains(parsed.RequestURI(), "@") {
		return "(hidden)" // a password with special characters can be anywhere in it
	}
	query := parsed.Query()
	for key := range query {
		if strings.Contains(strings.ToLower(key), "password") {
			query.Set(key, "xxxxx")
		}
	}
	parsed.RawQuery = query.Encode()
	return parsed.Redacted()
}

// GoString is String: %#v shows no more than %v.
func (u DatabaseURL) GoString() string { return u.String() }

// MarshalText is String: JSON and logs show no more than %v.
func (u DatabaseURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// check never repeats the URL: it may hold a password.
func (u DatabaseURL) check() error {
	if path, embedded := u.File(); embedded {
		if path == "" {
			return errors.New("sqlite: needs the path of a file")
		}
		return nil
	}
	parsed, err := url.Parse(string(u))
	switch {
	case err != nil, parsed.Fragment != "":
		return errors.New("is no valid URL (special characters in a password are written as %XX)")
	case parsed.Scheme != "postgres" && parsed.Scheme != "postgresql", parsed.Opaque != "":
		return errors.New("must be sqlite:PATH or postgres://…")
	}
	return nil
}

// Engine is what the store of a valid URL runs on: sqlite or postgres.
func (u DatabaseURL) Engine() string {
	if _, embedded := u.File(); embedded {
		return "sqlite"
	}
	return "postgres"
}

// File returns the path of an embedded store; embedded: it is one.
func (u DatabaseURL) File() (path string, embedded bool) {
	return strings.CutPrefix(string(u), "sqlite:")
}
