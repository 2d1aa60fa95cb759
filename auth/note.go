package auth

import (
	"context"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Note is what the log says of a request besides its answer: who sent it, and why
// it was refused. It has ids and the words of this program, never a value of the
// request, which may be personal data.
type Note struct {
	Tenant     membership.ID
	Connection membership.ID
	Credential membership.Credential
	// CaptureUntil is until when whole bodies of the connection are captured.
	CaptureUntil time.Time

	Cached  bool   // the credential was known, and cost no query
	Refused string // why: a code, and what is wrong
	Filter  string // the shape of a filter; at debug only

	// Named is what a refused credential says it is of: nothing proves it. Ended is when
	// the credential ended, if it did.
	Named NamedCredential
	Ended time.Time
	// Rejected: the credential itself was refused.
	Rejected bool

	// Answer is what the door says of the request for the request log.
	Answer membership.RequestAnswer

	// Effect takes what a use case does for the request.
	Effect membership.Effect

	store atomic.Int64 // nanoseconds
}

// NoteOf returns the note of a request, where Addressed is around it; else one
// that is not read.
func NoteOf(ctx context.Context) *Note { return &clientOf(ctx).note }

// ClientAddress is the address that a request comes from; the zero one if that is not
// known.
func ClientAddress(ctx context.Context) netip.Addr { return clientOf(ctx).address }

// InStore adds time that the store took.
func (n *Note) InStore(took time.Duration) { n.store.Add(int64(took)) }

// StoreTime is the time that the store took, streaming an answer included.
func (n *Note) StoreTime() time.Duration { return time.Duration(n.store.Load()) }

// Did takes what became of a change that was carried out.
func (n *Note) Did() { n.Answer = n.Effect.Answer() }

// Failed takes how a request ended that was not carried out. detail is without a
// value of the request, and so is the reason, which is kept where nothing nearer to
// the cause gave one.
func (n *Note) Failed(outcome membership.RequestOutcome, scimType, detail, reason string) {
	n.Refuse(reason)
	n.Answer = membership.RequestAnswer{Outcome: outcome, ScimType: scimType, Detail: detail,
		Why: membership.Plain(n.Refused)}
}

// Refuse keeps the first reason: it comes from nearest to the cause.
func (n *Note) Refuse(reason string) {
	if n.Refused == "" {
		n.Refused = reason
	}
}

func (n *Note) is(p Principal) {
	n.Tenant, n.Connection, n.Credential = p.Tenant, p.Connection, p.Credential
	n.CaptureUntil = p.CaptureUntil
}

// NamedCredential is what the public part of a credential names. Connection is that of
// the credential, if there is one with this id.
type NamedCredential struct{ Tenant, Connection, ID membership.ID }
