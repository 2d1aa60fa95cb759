package auth

import (
	"context"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// Tokens has the use cases of tokens. Each asks the policy for
// membership.OpAdminister and is one transaction with its events.
type Tokens struct {
	store     Store
	directory *membership.Directory
	clock     membership.Clock
	changed   func(membership.ID)
}

// NewTokens returns the use cases over a store. The directory asks the policy
// and records refusals. changed, unless nil, is called for every token that may have
// changed, afterwards: Verifier.Forget.
func NewTokens(store Store, d *membership.Directory, clock membership.Clock, changed func(membership.ID)) *Tokens {
	if changed == nil {
		changed = func(membership.ID) {}
	}
	return &Tokens{store: store, directory: d, clock: clock, changed: changed}
}

// Create makes a token and returns it with its text form, which is not stored. It
// can do nothing that the caller cannot: else KindForbidden.
func (ts *Tokens) Create(ctx context.Context, call membership.Call, s TokenSpec) (t Token, text string, err error) {
	err = ts.change(ctx, call, func(tx Tx) error {
		t, text, err = CreateToken(ctx, tx, ts.clock, call, s)
		if err != nil {
			return err
		}
		return mayGive(call, t)
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, text, nil
}

// Token returns one token; KindNotFound when it is revoked, or a client's.
func (ts *Tokens) Token(ctx context.Context, call membership.Call, id membership.ID) (Token, error) {
	if err := ts.directory.Administer(ctx, call); err != nil {
		return Token{}, err
	}
	t, err := ts.store.Token(ctx, call.Tenant, id)
	if err == nil && (!t.RevokedAt.IsZero() || !t.Client.IsZero()) {
		return Token{}, membership.NotFound("token")
	}
	return t, err
}

// List returns at most limit tokens that are not revoked, with greater ids than
// after, in the order of their ids.
func (ts *Tokens) List(ctx context.Context, call membership.Call, after membership.ID, limit int) ([]Token, error) {
	if err := ts.directory.Administer(ctx, call); err != nil {
		return nil, err
	}
	return ts.store.Tokens(ctx, call.Tenant, after, limit)
}

// Revoke ends a token for good; KindNotFound when it is revoked already.
func (ts *Tokens) Revoke(ctx context.Context, call membership.Call, id membership.ID) error {
	// Also after an error: the transaction may have been committed all the same.
	defer ts.changed(id)
	return ts.change(ctx, call, func(tx Tx) error { return RevokeToken(ctx, tx, ts.clock, call, id) })
}

// change is one policy question and one transaction. What fn itself refuses is
// recorded like a refusal of the policy.
func (ts *Tokens) change(ctx context.Context, call membership.Call, fn func(Tx) error) error {
	if err := ts.directory.Administer(ctx, call); err != nil {
		return err
	}
	err := ts.store.UpdateCredentials(ctx, call.Tenant, fn)
	if err != nil {
		return ts.directory.Refused(ctx, call, err)
	}
	return nil
}

// mayGive refuses a token that can do more than its caller: administrators of
// tokens would otherwise have every permission. A SCIM token counts as the
// permissions for everything that its scopes include.
func mayGive(call membership.Call, t Token) error {
	needed := t.Permissions
	if slices.Contains(t.Roles, RoleOrgOwner) {
		needed = []string{AllPermissions}
	}
	if t.Kind == KindSCIM {
		needed = nil
		for _, scope := range t.Scopes {
			for _, op := range operationsOf[scope] {
				needed = append(needed, permissionOf[op])
			}
		}
	}
	for _, p := range needed {
		if !holds(call.Permissions, p) {
			return forbidden("a token cannot have a permission that its creator lacks: " + p)
		}
	}
	return nil
}

func holds(permissions []string, one string) bool {
	return slices.Contains(permissions, one) || slices.Contains(permissions, AllPermissions)
}
