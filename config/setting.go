package config

import (
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Prefix begins the name of every environment variable of the program.
const Prefix = "SCIMBRIDGE_"

// Setting is one thing that can be set.
type Setting struct {
	Key     string // in the YAML file; the flag and the variable follow from it
	Value   string // what to write there, in a word, for help
	Default string
	Usage   string // one sentence without a full stop
	Secret  bool   // never shown, and may come from a file named by NAME_FILE

	read  func(Config) string
	write func(*Config, string) error
}

// Flag is the name of the command line's flag, without the dashes.
func (s Setting) Flag() string { return strings.ReplaceAll(s.Key, "_", "-") }

// Variable is the name of the environment variable.
func (s Setting) Variable() string { return Prefix + strings.ToUpper(s.Key) }

// Settings is the table of everything that can be set, in the order of the
// documentation.
func Settings() []Setting {
	return []Setting{
		{
			Key: "listen", Value: "HOST:PORT", Default: "127.0.0.1:8080",
			Usage: "address to listen on; port 0 takes a free one",
			read:  func(c Config) string { return c.Listen },
			write: func(c *Config, v string) error { c.Listen = v; return checkListen(v) },
		},
		{
			Key: "database_url", Value: "URL", Default: "sqlite:scimbridge.db", Secret: true,
			Usage: "sqlite:PATH (embedded) or postgres://…",
			read:  func(c Config) string { return string(c.DatabaseURL) },
			write: func(c *Config, v string) error { c.DatabaseURL = DatabaseURL(v); return c.DatabaseURL.check() },
		},
		{
			Key: "public_url", Value: "URL", Default: "",
			Usage: "base URL under which clients reach the server; empty: the listen address with http://, or " +
				"https:// if there is a certificate",
			read: func(c Config) string { return c.PublicURL },
			write: func(c *Config, v string) error {
				c.PublicURL = strings.TrimRight(v, "/")
				return checkPublicURL(v)
			},
		},
		{
			Key: "log_level", Value: "LEVEL", Default: "info",
			Usage: "debug, info, warn or error",
			read:  func(c Config) string { return c.LogLevel },
			write: func(c *Config, v string) error {
				c.LogLevel = v
				return oneOf(v, "debug", "info", "warn", "error")
			},
		},
		{
			Key: "log_format", Value: "FORMAT", Default: "json",
			Usage: "json or console",
			read:  func(c Config) string { return c.LogFormat },
			write: func(c *Config, v string) error { c.LogFormat = v; return oneOf(v, "json", "console") },
		},
		{
			Key: "shutdown_timeout", Value: "DURATION", Default: "30s",
			Usage: "how long requests may take to finish once the server is told to stop",
			read:  func(c Config) string { return c.ShutdownTimeout.String() },
			write: func(c *Config, v string) (err error) { c.ShutdownTimeout, err = duration(v); return err },
		},
		{
			Key: "max_body", Value: "BYTES", Default: "33554432",
			Usage: "largest body of a SCIM request about groups; a longer one is answered 413",
			read:  func(c Config) string { return strconv.FormatInt(c.MaxBody, 10) },
			write: func(c *Config, v string) (err error) { c.MaxBody, err = positive(v); return err },
		},
		{
			Key: "allowed_networks", Value: "NETWORKS", Default: "",
			Usage: "networks, with commas between, that the server may also connect to (jwks_uri, webhooks, anchors, " +
				"oidc_issuer), by http too; empty: public addresses over https only",
			read:  func(c Config) string { return c.AllowedNetworks.String() },
			write: func(c *Config, v string) (err error) { c.AllowedNetworks, err = networks(v); return err },
		},
		{
			Key: "debug_listen", Value: "HOST:PORT", Default: "",
			Usage: "second address, for administrators only, with Go's profiler under /debug/pprof; empty: none",
			read:  func(c Config) string { return c.DebugListen },
			write: func(c *Config, v string) error { c.DebugListen = v; return checkOptional(v, checkListen) },
		},
		{
			Key: "rate_limit", Value: "NUMBER", Default: "100",
			Usage: "requests a second of one connection or API token, twice that at once; above it, 429; 0: no limit",
			read:  func(c Config) string { return strconv.Itoa(c.RateLimit) },
			write: func(c *Config, v string) (err error) { c.RateLimit, err = rate(v); return err },
		},
		{
			Key: "issuer_rate_limit", Value: "NUMBER", Default: "1000",
			Usage: "requests a second of all subjects of one issuer of JWTs, twice that at once; above it, 429; 0: " +
				"no limit",
			read:  func(c Config) string { return strconv.Itoa(c.IssuerRateLimit) },
			write: func(c *Config, v string) (err error) { c.IssuerRateLimit, err = rate(v); return err },
		},
		{
			Key: "failed_auth_limit", Value: "NUMBER", Default: "10",
			Usage: "failed authentications a second of one client address, six times that at once; above it, 429; " +
				"0: no limit",
			read:  func(c Config) string { return strconv.Itoa(c.FailedAuthLimit) },
			write: func(c *Config, v string) (err error) { c.FailedAuthLimit, err = rate(v); return err },
		},
		{
			Key: "trusted_proxies", Value: "NETWORKS", Default: "",
			Usage: "networks of your proxies, with commas between: their X-Forwarded-For names the client",
			read:  func(c Config) string { return c.TrustedProxies.String() },
			write: func(c *Config, v string) (err error) { c.TrustedProxies, err = networks(v); return err },
		},
		{
			Key: "removal_guard", Value: "LIMITS", Default: "100:50",
			Usage: "members:percent; a SCIM request that removes more than both is held; off holds none",
			read:  func(c Config) string { return c.RemovalGuard.String() },
			write: func(c *Config, v string) (err error) { c.RemovalGuard, err = parseRemovalGuard(v); return err },
		},
		{
			Key: "max_requests", Value: "NUMBER", Default: "500",
			Usage: "requests with a credential that run at once; one tenant gets half of them at most; above it, " +
				"503; 0: no limit",
			read:  func(c Config) string { return strconv.Itoa(c.MaxRequests) },
			write: func(c *Config, v string) (err error) { c.MaxRequests, err = rate(v); return err },
		},
		{
			Key: "max_tenant_requests", Value: "NUMBER", Default: "250",
			Usage: "requests of one tenant that run at once; above it, 503; 0: no limit",
			read:  func(c Config) string { return strconv.Itoa(c.MaxTenantRequests) },
			write: func(c *Config, v string) (err error) { c.MaxTenantRequests, err = rate(v); return err },
		},
		{
			Key: "max_caller_requests", Value: "NUMBER", Default: "125",
			Usage: "requests of one connection, API token or subject of an issuer that run at once; above it, 429; " +
				"0: no limit",
			read:  func(c Config) string { return strconv.Itoa(c.MaxCallerRequests) },
			write: func(c *Config, v string) (err error) { c.MaxCallerRequests, err = rate(v); return err },
		},
		{
			Key: "max_anonymous_requests", Value: "NUMBER", Default: "64",
			Usage: "requests without a credential that run at once, of each kind; a quarter of one client address; " +
				"above it, 503; 0: no limit",
			read:  func(c Config) string { return strconv.Itoa(c.MaxAnonymousRequests) },
			write: func(c *Config, v string) (err error) { c.MaxAnonymousRequests, err = rate(v); return err },
		},
		{
			Key: "max_anonymous_connections", Value: "NUMBER", Default: "4096",
			Usage: "connections that have shown no credential; a quarter of one client address; above it, the " +
				"oldest is closed; 0: no limit",
			read:  func(c Config) string { return strconv.Itoa(c.MaxAnonymousConnections) },
			write: func(c *Config, v string) (err error) { c.MaxAnonymousConnections, err = rate(v); return err },
		},
		{
			Key: "tls_cert_file", Value: "FILE", Default: "",
			Usage: "certificate and its chain (PEM) to serve HTTPS with; read again when it changes; empty: HTTP",
			read:  func(c Config) string { return c.TLSCertFile },
			write: func(c *Config, v string) error { c.TLSCertFile = v; return nil },
		},
		{
			Key: "tls_key_file", Value: "FILE", Default: "",
			Usage: "the certificate's private key (PEM)",
			read:  func(c Config) string { return c.TLSKeyFile },
			write: func(c *Config, v string) error { c.TLSKeyFile = v; return nil },
		},
		{
			Key: "console", Value: "on|off", Default: "on",
			Usage: "pages for people under /console; off: there are none",
			read:  func(c Config) string { return onOff(c.Console) },
			write: func(c *Config, v string) error { c.Console = v == "on"; return oneOf(v, "on", "off") },
		},
		{
			Key: "oidc_issuer", Value: "URL", Default: "",
			Usage: "issuer of the OpenID Provider that people log in to the console with; empty: API tokens only",
			read:  func(c Config) string { return c.OIDC.Issuer },
			write: func(c *Config, v string) error { c.OIDC.Issuer = v; return checkIssuer(v) },
		},
		{
			Key: "oidc_client_id", Value: "ID", Default: "",
			Usage: "the console's client at the OpenID Provider; its redirect URI is /console/login/callback",
			read:  func(c Config) string { return c.OIDC.ClientID },
			write: func(c *Config, v string) error { c.OIDC.ClientID = v; return nil },
		},
		{
			Key: "oidc_client_secret", Value: "SECRET", Default: "", Secret: true,
			Usage: "the client's secret; empty: it is a public client",
			read:  func(c Config) string { return string(c.OIDC.ClientSecret) },
			write: func(c *Config, v string) error { c.OIDC.ClientSecret = Secret(v); return nil },
		},
		{
			Key: "request_log", Value: "DURATION", Default: "720h",
			Usage: "how long SCIM and token requests are kept in the request log; 0: they are not",
			read:  func(c Config) string { return c.RequestLog.String() },
			write: func(c *Config, v string) (err error) { c.RequestLog, err = duration(v); return err },
		},
		{
			Key: "seal_key_file", Value: "FILE", Default: "",
			Usage: "key that events are sealed with, made there if there is none; empty: scimbridge-seal.key " +
				"beside the " +
				"embedded store, and with PostgreSQL nothing is sealed",
			read:  func(c Config) string { return c.SealKeyFile },
			write: func(c *Config, v string) error { c.SealKeyFile = v; return nil },
		},
		{
			Key: "ssf_keys", Value: "PEM", Default: "", Secret: true,
			Usage: "keys of security event tokens, one after another: the first is private and signs, the others " +
				"are published beside it; empty: there are no streams",
			read:  func(c Config) string { return c.SSFKeys },
			write: func(c *Config, v string) error { c.SSFKeys = v; return checkOptional(v, checkPEM) },
		},
		{
			Key: "anchor_folder", Value: "FOLDER", Default: "",
			Usage: "folder that signed checkpoints are written to, a file each, nothing is changed in it; empty: none",
			read:  func(c Config) string { return c.Anchors.Folder },
			write: func(c *Config, v string) error { c.Anchors.Folder = v; return nil },
		},
		{
			Key: "anchor_webhook_url", Value: "URL", Default: "", Secret: true,
			Usage: "URL that signed checkpoints are posted to; empty: none",
			read:  func(c Config) string { return c.Anchors.WebhookURL },
			write: func(c *Config, v string) error { c.Anchors.WebhookURL = v; return checkAnchorURL(v) },
		},
		{
			Key: "anchor_witness_url", Value: "URL", Default: "",
			Usage: "submission prefix of a witness that cosigns checkpoints (C2SP tlog-witness); empty: none",
			read:  func(c Config) string { return c.Anchors.WitnessURL },
			write: func(c *Config, v string) error { c.Anchors.WitnessURL = v; return checkAnchorURL(v) },
		},
		{
			Key: "anchor_witness_key", Value: "VKEY", Default: "",
			Usage: "verifier key of the witness",
			read:  func(c Config) string { return c.Anchors.WitnessKey },
			write: func(c *Config, v string) error { c.Anchors.WitnessKey = v; return nil },
		},
		{
			Key: "anchor_timestamp_url", Value: "URL", Default: "",
			Usage: "URL of an authority that time stamps checkpoints (RFC 3161); empty: none",
			read:  func(c Config) string { return c.Anchors.TimeStampURL },
			write: func(c *Config, v string) error { c.Anchors.TimeStampURL = v; return checkAnchorURL(v) },
		},
	}
}

func checkListen(v string) error {
	_, port, err := net.SplitHostPort(v)
	if err != nil {
		return fmt.Errorf("must be HOST:PORT, not %q", v)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("the port must be a number up to 65535, not %q", port)
	}
	return nil
}

func checkOptional(v string, check func(string) error) error {
	if v == "" {
		return nil
	}
	return check(v)
}

func checkPEM(v string) error {
	if block, _ := pem.Decode([]byte(v)); block == nil {
		return errors.New("must be PEM, best in a file that its variable with _FILE names")
	}
	return nil
}

func checkPublicURL(v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return errors.New("must be http://HOST or https://HOST, with a path if need be")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("must have no user, query or fragment")
	}
	return nil
}

func checkAnchorURL(v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "" {
		return errors.New("must be https://HOST/PATH, or http://… in an allowed network, without a user and a " +
			"fragment")
	}
	return nil
}

// checkIssuer takes what OpenID Connect Discovery 1.0 section 3 does, and http on this
// machine.
func checkIssuer(v string) error {
	if v == "" {
		return nil
	}
	u, err := url.Parse(v)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.RawQuery != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return errors.New("must be https://HOST/PATH, as the provider names itself, without a query and a fragment")
	}
	return nil
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func oneOf(v string, allowed ...string) error {
	if !slices.Contains(allowed, v) {
		return fmt.Errorf("must be one of %s, not %q", strings.Join(allowed, ", "), v)
	}
	return nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

func duration(v string) (time.Duration, error) {
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("must be a time such as 30s or 2m, not %q", v)
	}
	return d, nil
}

func positive(v string) (int64, error) {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("must be a whole number above 0, not %q", v)
	}
	return n, nil
}

// rate reads so many, a second or at once; a million is more than any server
// answers.
func rate(v string) (int, error) {
	const most = 1_000_000
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 || n > most {
		return 0, fmt.Errorf("must be a whole number from 0 to %d, not %q", most, v)
	}
	return n, nil
}
