package config

import (
	"strings"
	"time"
)

// Config is the configuration of the program. The zero value is not valid; start from
// Default.
type Config struct {
	Listen          string        // host:port; port 0 takes a free one
	DatabaseURL     DatabaseURL   // sqlite:PATH or postgres://…
	PublicURL       string        // without a slash at the end; empty: follows the address listened on
	LogLevel        string        // debug, info, warn or error
	LogFormat       string        // json or console
	ShutdownTimeout time.Duration // how long requests may take to finish once it is stopped
	MaxBody         int64         // bytes of the largest request body
	AllowedNetworks Networks      // that the program may connect to, besides public addresses
	DebugListen     string        // host:port of the profiler; empty: none
	RateLimit       int           // requests a second of one caller; 0: no limit
	IssuerRateLimit int           // requests a second of all subjects of one issuer; 0: no limit
	FailedAuthLimit int           // failed authentications a second of one client address; 0: no limit
	TrustedProxies  Networks      // whose X-Forwarded-For counts
	RemovalGuard    RemovalGuard
	// Requests that run at once: of all callers with a credential, of one tenant,
	// of one caller, and of each kind without a credential; 0: any number.
	MaxRequests, MaxTenantRequests, MaxCallerRequests, MaxAnonymousRequests int
	// Connections that have shown no credential; 0: any number.
	MaxAnonymousConnections int
	TLSCertFile             string // PEM, the chain too; empty: no TLS
	TLSKeyFile              string // PEM
	SealKeyFile             string // of the key that seals events; empty: beside the embedded store
	Anchors                 Anchors
	Console                 bool // there are pages for people under /console
	OIDC                    OIDC
	RequestLog              time.Duration // how long requests are kept; 0: they are not
	SSFKeys                 string        // PEM, that sign security event tokens; empty: there are no streams
}

// Anchors are where signed checkpoints are carried to; empty: not there.
type Anchors struct {
	Folder       string
	WebhookURL   string
	WitnessURL   string // its submission prefix
	WitnessKey   string // its vkey
	TimeStampURL string
}

// OIDC is the OpenID Provider that people log in to the console with; an empty Issuer:
// none.
type OIDC struct {
	Issuer       string
	ClientID     string
	ClientSecret Secret // empty: a public client
}

// Secret is a text that nothing shows.
type Secret string

// String hides it.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "xxxxx"
}

// GoString hides it as well.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides it as well.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Default returns the settings of a program that is given none.
func Default() Config {
	var c Config
	for _, s := range Settings() {
		// A test holds that every default is valid.
		_ = s.write(&c, s.Default)
	}
	return c
}

// TLS says whether the server speaks TLS itself.
func (c Config) TLS() bool { return c.TLSCertFile != "" }

// conflicts finds settings that exclude each other.
func (c Config) conflicts() (found Problems) {
	if (c.TLSCertFile == "") != (c.TLSKeyFile == "") {
		found = append(found, "tls_cert_file and tls_key_file: set both or none")
	}
	if (c.Anchors.WitnessURL == "") != (c.Anchors.WitnessKey == "") {
		found = append(found, "anchor_witness_url and anchor_witness_key: set both or none")
	}
	if (c.OIDC.Issuer == "") != (c.OIDC.ClientID == "") {
		found = append(found, "oidc_issuer and oidc_client_id: set both or none")
	}
	if c.OIDC.ClientSecret != "" && c.OIDC.Issuer == "" {
		found = append(found, "oidc_client_secret: there is no oidc_issuer")
	}
	if c.SSFKeys != "" && !strings.HasPrefix(c.PublicURL, "https://") && (c.PublicURL != "" || !c.TLS()) {
		found = append(found, "ssf_keys: set public_url to the https:// URL that receivers know the server by")
	}
	return found
}

// Validate returns nil or Problems with every setting that cannot be used.
func (c Config) Validate() error {
	var found Problems
	for _, s := range Settings() {
		if err := s.write(&Config{}, s.read(c)); err != nil {
			found = append(found, s.Key+": "+err.Error())
		}
	}
	return append(found, c.conflicts()...).err()
}

// Problems is every reason why settings cannot be used, one line each. None of
// them shows a secret.
type Problems []string

// Error returns the problems, one a line.
func (p Problems) Error() string { return strings.Join(p, "\n") }

func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
