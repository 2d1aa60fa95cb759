package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// EventTokens makes security event tokens (RFC 8417).
type EventTokens interface {
	// Sign returns the one that tells a stream of a signal, in the compact form of RFC
	// 7515 section 7.1: for a while the same again. It may wait for others to be signed.
	Sign(ctx context.Context, stream membership.Webhook, s membership.StreamSignal) ([]byte, error)
	// Keys is the JWK set that they are verified with (RFC 7517 section 5).
	Keys() []byte
}

// Where the transmitter is (SSF 1.0 section 7).
const (
	transmitterPath = "/.well-known/ssf-configuration"
	keysPath        = "/ssf/jwks.json"
	streamsPath     = "/ssf/streams"
	streamStatus    = "/ssf/status"
	streamVerify    = "/ssf/verify"
	streamPoll      = streamsPath + "/{id}/poll"
)

// The ways of delivery (SSF 1.0 section 6.1).
const (
	deliveryPush = "urn:ietf:rfc:8935"
	deliveryPoll = "urn:ietf:rfc:8936"
)

// StreamAudience is the claim aud of a stream's tokens, on a server with a public URL: no
// other stream has it.
func StreamAudience(publicURL string, stream membership.ID) string {
	return publicURL + streamsPath + "/" + stream.String()
}

func (d *door) transmitterRoutes() []route {
	return []route{
		{http.MethodGet, transmitterPath, d.transmits(d.transmitterConfiguration)},
		{http.MethodGet, keysPath, d.transmits(d.transmitterKeys)},
	}
}

// transmits answers that nothing is there where no key signs event tokens.
func (d *door) transmits(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if d.EventTokens == nil {
			return noSuchPath
		}
		return h(w, r)
	}
}

// transmitterConfiguration answers the metadata of SSF 1.0 section 7.1. All subjects are
// in a stream from its beginning, and none is taken out: there are no endpoints for them.
func (d *door) transmitterConfiguration(w http.ResponseWriter, r *http.Request) error {
	type scheme struct {
		URN string `json:"spec_urn"`
	}
	return sendPublic(w, r, struct {
		Version  string   `json:"spec_version"`
		Issuer   string   `json:"issuer"`
		Keys     string   `json:"jwks_uri"`
		Delivery []string `json:"delivery_methods_supported"`
		Streams  string   `json:"configuration_endpoint"`
		Status   string   `json:"status_endpoint"`
		Verify   string   `json:"verification_endpoint"`
		Schemes  []scheme `json:"authorization_schemes"`
		Subjects string   `json:"default_subjects"`
	}{
		"1_0", d.publicURL, d.publicURL + keysPath, []string{deliveryPush, deliveryPoll}, d.publicURL + streamsPath,
		d.publicURL + streamStatus, d.publicURL + streamVerify,
		[]scheme{{"urn:ietf:rfc:6749"}, {"urn:ietf:rfc:6750"}}, "ALL",
	})
}

func (d *door) transmitterKeys(w http.ResponseWriter, r *http.Request) error {
	return sendPublic(w, r, json.RawMessage(d.EventTokens.Keys()))
}

// sendPublic answers what is the same for all. Receivers look at the keys again when they
// see one that they do not know; caches may keep them for five minutes.
func sendPublic(w http.ResponseWriter, r *http.Request, v any) error {
	if _, err := parseQuery(r.URL.RawQuery, nil); err != nil {
		return err
	}
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, err = w.Write(body)
	return err
}
