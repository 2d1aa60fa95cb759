package server

import (
	"net/http"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/zap/zapcore"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// requestNote adds to the line of a request who sent it, and why it was refused.
// It is used again with its recorder, and its ids are written without making
// strings of them: a line costs no memory.
type requestNote struct {
	r    *http.Request
	more bool       // at debug
	span trace.Span // of the request; nil: there is none
	text []byte
}

// MarshalLogObject implements zapcore.ObjectMarshaler.
func (n *requestNote) MarshalLogObject(to zapcore.ObjectEncoder) error {
	if n.r == nil { // its log line was written: nothing refers to it
		return nil
	}
	ctx := n.r.Context()
	note := auth.NoteOf(ctx)
	n.id(to, "tenant", note.Tenant)
	n.id(to, "connection", note.Connection)
	switch c := note.Credential; c.Kind {
	case membership.CredentialClient:
		n.id(to, "oauth_client", c.ID)
	case membership.CredentialSetupLink:
		n.id(to, "setup_link", c.ID)
	case membership.CredentialJWT: // the subject may be personal: events have it
		n.id(to, "issuer", c.Owner)
	default:
		n.id(to, "token", c.ID)
		n.id(to, "oauth_client", c.Owner) // of an access token
	}
	if address := auth.ClientAddress(ctx); address.IsValid() {
		n.text = address.AppendTo(n.text[:0])
		to.AddByteString("client", n.text)
	}
	if note.Refused != "" {
		to.AddString("refused", note.Refused)
	}
	if n.span != nil {
		of := n.span.SpanContext()
		to.AddString("trace_id", of.TraceID().String())
		to.AddString("span_id", of.SpanID().String())
	}
	if !n.more {
		return nil
	}
	to.AddBool("credential_cached", note.Cached)
	to.AddDuration("store_duration", note.StoreTime())
	if note.Filter != "" {
		to.AddString("filter", note.Filter)
	}
	return nil
}

// id adds an id, unless it is zero.
func (n *requestNote) id(to zapcore.ObjectEncoder, name string, id membership.ID) {
	if !id.IsZero() {
		n.text = id.AppendText(n.text[:0])
		to.AddByteString(name, n.text)
	}
}
