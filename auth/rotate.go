package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// MaxOverlap is for how long the token before a rotation can go on working.
const MaxOverlap = 90 * 24 * time.Hour

// Rotate makes the successor of a token: the same but for its id and secret, and
// with a new lifetime of the same length. It works at once; the old one
// works for the overlap, or until its own end if that is earlier. With no
// overlap it is revoked. A token is rotated once: after that its successor is.
func (ts *Tokens) Rotate(
	ctx context.Context, call membership.Call, id membership.ID, overlap time.Duration,
) (t Token, text string, err error) {
	// Also after an error: the transaction may have been committed all the same.
	defer ts.changed(id)
	err = ts.change(ctx, call, func(tx Tx) error {
		if overlap < 0 || overlap > MaxOverlap {
			return membership.Invalidf("overlap_seconds must be a number from 0 to %d", int(MaxOverlap.Seconds()))
		}
		old, err := tx.LockToken(ctx, id)
		if err != nil {
			return err
		}
		if !old.Client.IsZero() {
			return membership.NotFound("token")
		}
		if err := mayGive(call, old); err != nil {
			return err
		}
		if !old.ReplacedBy.IsZero() {
			return membership.Invalidf(
				"the token was rotated already: rotate its successor %s, or revoke that and create a new one",
				old.ReplacedBy)
		}
		t, text, err = rotateToken(ctx, tx, ts.clock, call, old, overlap)
		return err
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, text, nil
}

// rotateToken makes the successor of a token that is locked. Like CreateToken it asks no
// policy.
func rotateToken(
	ctx context.Context, tx TokenTx, clock membership.Clock, call membership.Call, old Token, overlap time.Duration,
) (t Token, text string, err error) {
	if old.Kind == KindSCIM { // a removal ends the tokens that it sees
		if _, err := tx.LockConnectionShared(ctx, old.Connection); err != nil {
			return Token{}, "", err
		}
	}
	now := clock.Now()
	t = Token{
		Tenant: old.Tenant, Kind: old.Kind, Name: old.Name, Connection: old.Connection,
		Permissions: old.Permissions, Scopes: old.Scopes, Networks: old.Networks, CreatedAt: now,
		Principal: old.Principal, Roles: old.Roles, First: old.first(),
	}
	if !old.ExpiresAt.IsZero() {
		t.ExpiresAt = now.Add(old.ExpiresAt.Sub(old.CreatedAt))
	}
	t, text = Mint(t)
	// One that another person has rotated is in the hands of two: it is of neither.
	if call.Actor.Kind == membership.ActorOperator || membership.SamePerson(call.Person, old.Person) {
		t.Person = old.Person
	}
	before := old.facts()
	old.replace(t.ID, now, overlap)
	if err := tx.InsertToken(ctx, t); err != nil {
		return Token{}, "", err
	}
	if err := tx.ReplaceToken(ctx, old); err != nil {
		return Token{}, "", err
	}
	after := t.facts()
	after["replaces"], after["replaced_works_until"] = old.ID, membership.Timestamp(old.end())
	return t, text, tx.AppendEvents(ctx,
		call.Event(now, membership.ActionTokenRotated, membership.ID{}, membership.ID{}, before, after))
}

// first is the token that rotations began with.
func (t Token) first() membership.ID {
	if t.First.IsZero() {
		return t.ID
	}
	return t.First
}

// replace ends a token after the overlap, or at its own end if that is earlier.
func (t *Token) replace(by membership.ID, now time.Time, overlap time.Duration) {
	t.ReplacedBy = by
	if overlap == 0 {
		t.RevokedAt = now
		return
	}
	if until := now.Add(overlap); t.ExpiresAt.IsZero() || until.Before(t.ExpiresAt) {
		t.ExpiresAt = until
	}
}

// end is when the token stopped working or will.
func (t Token) end() time.Time {
	if !t.RevokedAt.IsZero() {
		return t.RevokedAt
	}
	return t.ExpiresAt
}
