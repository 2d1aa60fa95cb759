package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

// eventToken are the claims of a security event token (RFC 8417 section 2.2). It has no
// sub and no exp, so that it is taken for no other JWT.
type eventToken struct {
	Issuer   string                        `json:"iss"`
	ID       string                        `json:"jti"`
	IssuedAt int64                         `json:"iat"`
	Audience string                        `json:"aud"`
	Event    string                        `json:"txn"` // the event of the log
	At       int64                         `json:"toe"`
	Subject  any                           `json:"sub_id"`
	Events   map[membership.SignalType]any `json:"events"` // one
}

// scimSubject is RFC 9967 section 2.1.
type scimSubject struct {
	Format string `json:"format"` // scim
	URI    string `json:"uri"`    // behind the base URL of the door
}

// opaqueSubject is a stream (RFC 9493 section 3.2.7).
type opaqueSubject struct {
	Format string `json:"format"` // opaque
	ID     string `json:"id"`
}

// resourceEvent is the payload of a notice (RFC 9967 section 2.2).
type resourceEvent struct {
	Attributes []string `json:"attributes"`
	Version    string   `json:"version,omitempty"`
}

// sessionEvent is that of CAEP 1.0 section 3.1.
type sessionEvent struct {
	At        int64             `json:"event_timestamp"`
	Initiator string            `json:"initiating_entity"`
	Why       map[string]string `json:"reason_admin"`
}

// verificationEvent and updatedEvent are those of SSF 1.0 sections 8.1.4 and 8.1.5.
type verificationEvent struct {
	State *string `json:"state,omitempty"`
}

type updatedEvent struct {
	Status string `json:"status"`
	Why    string `json:"reason,omitempty"`
}

// Sign implements api.EventTokens.
func (k *eventKeys) Sign(
	ctx context.Context, stream membership.Webhook, s membership.StreamSignal,
) ([]byte, error) {
	token := eventToken{
		Issuer: k.issuer, ID: s.ID.String(), At: s.At.Unix(),
		Audience: api.StreamAudience(k.issuer, stream.ID), Event: s.Event.String(),
		Subject: subjectOf(stream, s.Signal),
		Events:  map[membership.SignalType]any{s.Type: payloadOf(stream, s.Signal)},
	}
	claims, err := json.Marshal(token)
	if err != nil {
		return nil, err
	}
	return k.signed.token(ctx, stream.Tenant, sha256.Sum256(claims), func() ([]byte, error) {
		token.IssuedAt = time.Now().Unix()
		if claims, err = json.Marshal(token); err != nil {
			return nil, err
		}
		return k.sign(claims)
	})
}

func subjectOf(stream membership.Webhook, s membership.Signal) any {
	switch {
	case !s.User.IsZero():
		return scimSubject{"scim", "/Users/" + s.User.String()}
	case !s.Group.IsZero():
		return scimSubject{"scim", "/Groups/" + s.Group.String()}
	}
	return opaqueSubject{"opaque", stream.ID.String()}
}

func payloadOf(stream membership.Webhook, s membership.Signal) any {
	switch s.Type {
	case membership.SignalCreate, membership.SignalPatch:
		e := resourceEvent{Attributes: append([]string{}, s.Attributes...)}
		if s.Version > 0 {
			e.Version = membership.ETag(s.Version)
		}
		return e
	case membership.SignalSessionRevoked:
		initiator := "admin"
		if s.Actor == membership.ActorConnection || s.Actor == membership.ActorSystem {
			initiator = "system"
		}
		return sessionEvent{At: s.At.Unix(), Initiator: initiator, Why: map[string]string{"en": s.Why}}
	case membership.SignalVerification:
		return verificationEvent{State: s.State}
	case membership.SignalUpdated:
		return updatedEvent{Status: string(stream.State), Why: s.Why}
	}
	return struct{}{} // RFC 9967 sections 2.4.4 to 2.4.6
}
