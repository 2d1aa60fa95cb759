package auth

import (
	"context"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// Native verifies the credentials of the native doors: tokens, and JWTs of the
// issuers that a tenant trusts.
type Native struct {
	Tokens *Verifier
	JWTs   *JWTs
}

// Verify is Verifier.Verify for both. named is the tenant that the request is
// about, or zero.
func (n Native) Verify(ctx context.Context, authorization string, named membership.ID) (Principal, error) {
	// The compact form of a signed JWT has two dots (RFC 7515 section 3.1), a
	// token has none.
	if text, ok := bearerText(authorization); ok && strings.Count(text, ".") == 2 {
		return n.JWTs.Verify(ctx, text, named)
	}
	return n.Tokens.Verify(ctx, authorization)
}
