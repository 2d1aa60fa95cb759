package membership

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"time"
)

// WebhookSigning is how the requests to a webhook are signed.
type WebhookSigning string

// The signatures of Standard Webhooks 1.0.
const (
	SigningV1  WebhookSigning = "v1"  // HMAC-SHA256 with a secret that both sides know
	SigningV1A WebhookSigning = "v1a" // Ed25519: the receiver knows the public key alone

	// SigningSET is that of streams: security event tokens (RFC 8417).
	SigningSET WebhookSigning = "set"
)

// The bounds of webhooks.
const (
	MaxWebhooks       = 100                // of a tenant
	maxWebhookFilter  = 100                // actions, connections or groups that one names
	webhookSecretSize = 32                 // bytes
	MaxSecretOverlap  = 7 * 24 * time.Hour // of two secrets
	// DefaultSecretOverlap is for how long the old secret signs as well.
	DefaultSecretOverlap = 24 * time.Hour
)

// WebhookState says whether a webhook is sent to.
type WebhookState string

// The states of a webhook.
const (
	WebhookActive   WebhookState = "active"
	WebhookDisabled WebhookState = "disabled"

	// Those of a stream, beside disabled (SSF 1.0 section 8.1.2).
	StreamEnabled WebhookState = "enabled"
	StreamPaused  WebhookState = "paused"
)

// Live reports whether a webhook or a stream in this state is sent to.
func (s WebhookState) Live() bool { return s == WebhookActive || s == StreamEnabled }

// Webhook is an address that is told of a tenant's events. It is a place in the log:
// what comes after Position is still to be sent.
type Webhook struct {
	Tenant      ID
	ID          ID
	URL         string
	Signing     WebhookSigning
	Secret      []byte // of v1 the shared secret, of v1a the seed of the key
	OldSecret   []byte // signs as well until OldUntil
	OldUntil    time.Time
	Events      []Action // empty: all
	Connections []ID     // empty: whatever the connection, or none
	Groups      []ID     // empty: whatever the group, or none
	Ordered     bool
	State       WebhookState
	Why         string // it is disabled
	Position    int64
	FailingFrom time.Time // zero: the last attempt succeeded
	CreatedAt   time.Time
	UpdatedAt   time.Time

	// Of a stream. The Owner is the Call.Holder that made it. Without a URL it is polled;
	// the Secret is the header Authorization that its receiver wants, and Connections is
	// empty or has the one whose view it is.
	Owner       string
	Requested   []SignalType
	Description string
	VerifiedAt  time.Time // when a verification event was asked for
}

// WebhookSpec is what a webhook is made from or changed to. A nil field is left as it
// is, or gets its default.
type WebhookSpec struct {
	URL         *string
	Signing     *WebhookSigning
	Events      *[]Action
	Connections *[]ID
	Groups      *[]ID
	Ordered     *bool
	State       *WebhookState
	Position    *int64 // of a new one: the number that it starts after; nil: the newest
}

func (s WebhookSpec) apply(w Webhook) (Webhook, error) {
	set(&w.URL, s.URL)
	set(&w.Signing, s.Signing)
	set(&w.Events, s.Events)
	set(&w.Connections, s.Connections)
	set(&w.Groups, s.Groups)
	set(&w.Ordered, s.Ordered)
	if s.State != nil && w.State != *s.State {
		w.State, w.Why, w.FailingFrom = *s.State, "", time.Time{}
		if w.State == WebhookDisabled {
			w.Why = "an administrator disabled it"
		}
	}
	return w, w.check()
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (w Webhook) check() error {
	switch {
	case w.Signing != SigningV1 && w.Signing != SigningV1A:
		return Invalidf("signing must be v1 or v1a")
	case w.State != WebhookActive && w.State != WebhookDisabled:
		return Invalidf("state must be active or disabled")
	case max(len(w.Events), len(w.Connections), len(w.Groups)) > maxWebhookFilter:
		return Invalidf("events, connection_ids and group_ids must be at most %d each", maxWebhookFilter)
	}
	for _, a := range w.Events {
		if !slices.Contains(Actions, a) {
			return Invalidf("events must be actions that events have, such as %s: see the contract", ActionGrantOpened)
		}
	}
	return nil
}

// Wants reports whether a webhook is to be told of an event.
func (w Webhook) Wants(e Event) bool {
	return (len(w.Events) == 0 || slices.Contains(w.Events, e.Action)) &&
		(len(w.Connections) == 0 || slices.Contains(w.Connections, e.Connection)) &&
		(len(w.Groups) == 0 || slices.Contains(w.Groups, e.Group))
}

// newSecret gives a webhook a secret; until a time the one before signs as well.
func (w *Webhook) newSecret(until time.Time) {
	w.OldSecret, w.OldUntil = w.Secret, until
	w.Secret = make([]byte, webhookSecretSize)
	_, _ = rand.Read(w.Secret) // it never fails
}

// SecretText is the secret as its receiver gets it; "" with v1a.
func (w Webhook) SecretText() string {
	if w.Signing != SigningV1 {
		return ""
	}
	return "whsec_" + base64.StdEncoding.EncodeToString(w.Secret)
}

// PublicKeys are those that the receiver verifies with, the one in use first; none
// with v1.
func (w Webhook) PublicKeys(now time.Time) (texts []string) {
	if w.Signing != SigningV1A {
		return nil
	}
	for _, secret := range w.Secrets(now) {
		key, _ := ed25519.NewKeyFromSeed(secret).Public().(ed25519.PublicKey)
		texts = append(texts, "whpk_"+base64.StdEncoding.EncodeToString(key))
	}
	return texts
}

// Secrets are those that sign now.
func (w Webhook) Secrets(now time.Time) [][]byte {
	if len(w.OldSecret) > 0 && now.Before(w.OldUntil) {
		return [][]byte{w.Secret, w.OldSecret}
	}
	return [][]byte{w.Secret}
}

// facts is what an event says of a webhook. Its address is not in the log: it may hold
// a secret of the receiver.
func (w Webhook) facts() Facts {
	return Facts{
		"webhook_id": w.ID, "signing": string(w.Signing), "ordered": w.Ordered, "state": string(w.State),
		"events": len(w.Events), "connections": len(w.Connections), "groups": len(w.Groups),
	}
}
