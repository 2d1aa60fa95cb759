package auth

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// checkNetwork refuses a token outside its networks. The sender has the
// whole secret, so the answer may say why, and so may the events. The address itself
// is personal data, and stays out of them.
func (v *Verifier) checkNetwork(ctx context.Context, t Token) error {
	if len(t.Networks) == 0 {
		return nil
	}
	c := clientOf(ctx)
	if contains(t.Networks, c.address) {
		return nil
	}
	refusal := forbidden("this token may not be used from this address")
	note := NoteOf(ctx)
	note.Rejected = true
	note.Refuse("the token was used from outside its networks")
	// It does not count for the token's owner, and writes no end of events.
	if err := v.limits.failed(ctx, refusal); err != refusal { //nolint:errorlint // the very same
		return err
	}
	// Without its event it is not answered as a refusal.
	if err := v.refusals.Record(ctx, t.Tenant, membership.Refusal{
		At: v.clock.Now(), Call: t.principal().Call(c.requestID, ""), Action: membership.ActionRefused,
		Facts: membership.Facts{"kind": "network", "token_id": t.ID},
	}); err != nil {
		return err
	}
	return refusal
}
