package auth

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// refusedEvery is how often an event tells of refused attempts of one client.
const refusedEvery = time.Minute

// tokenRequest is a request for an access token, decoded.
type tokenRequest struct {
	grant     string
	clientID  string // empty: the assertion says
	secret    string
	assertion string // instead of a secret
	scopes    []string
}

// issuer gives access tokens to OAuth clients.
type issuer struct {
	store     ClientStore
	keys      *KeySets
	clock     membership.Clock
	limits    *Limits
	audiences []string // what assertions are for, unless a client says otherwise
}

// proof is how a client proved who it is.
type proof struct {
	secret  membership.ID // the id of its secret
	hash    []byte        // of an assertion that can be used once
	expires time.Time     // of that
}

// issue returns a new access token and its text. Errors that the client can do
// something about are *oauthError.
func (i *issuer) issue(ctx context.Context, r tokenRequest) (Token, string, error) {
	c, err := i.client(ctx, r)
	if err != nil && membership.KindOf(err) != membership.KindNotFound {
		return Token{}, "", err
	}
	// A client that is not there costs what one costs that is.
	p, err := i.prove(ctx, c, r)
	if err != nil {
		return Token{}, "", i.refused(ctx, c, r, err)
	}
	scopes, err := grantedScopes(c, r.scopes)
	if err != nil {
		return Token{}, "", err
	}
	if err := i.limits.request(ctx, c.principal()); err != nil {
		return Token{}, "", err
	}
	t, text, err := i.give(ctx, c, p, scopes)
	if err != nil {
		return Token{}, "", i.refused(ctx, c, r, err)
	}
	NoteOf(ctx).is(t.principal())
	return t, text, nil
}

// client returns the client that a request names.
func (i *issuer) client(ctx context.Context, r tokenRequest) (OAuthClient, error) {
	done, err := i.limits.lookup(ctx)
	if err != nil {
		return OAuthClient{}, err
	}
	defer done()
	if r.clientID == "" {
		r.clientID = subjectOf(r.assertion)
	}
	tenant, id, _ := ParseClientID(r.clientID)
	c, err := i.store.Client(ctx, tenant, id)
	if err == nil {
		NoteOf(ctx).is(c.principal())
	}
	return c, err
}

// prove says how the client proved who it is, or that it did not.
func (i *issuer) prove(ctx context.Context, c OAuthClient, r tokenRequest) (p proof, err error) {
	now := i.clock.Now()
	if r.assertion == "" {
		id, ok := c.secret(r.secret, now)
		if !ok || !c.live(now) {
			return p, errClient
		}
		return proof{secret: id}, nil
	}
	claims, err := i.keys.Verify(ctx, c.Keys, r.assertion)
	switch {
	case errors.Is(err, errNoKey), errors.Is(err, errSignature):
		return p, errClient
	case errors.Is(err, ErrBadJWT): // the assertion itself says so: no secret
		return p, badAssertion(err)
	case err != nil:
		return p, err
	case c.Method != MethodJWT || !c.live(now):
		return p, errClient
	}
	return i.judge(c, claims, now)
}

// give makes the access token, if everything still holds in the transaction:
// what ended the client meanwhile ends this, too.
func (i *issuer) give(ctx context.Context, c OAuthClient, p proof, scopes []string) (t Token, text string, err error) {
	var issued membership.Event
	err = i.store.UpdateClients(ctx, c.Tenant, func(tx ClientTx) error {
		now := i.clock.Now()
		// The connection first, as its removal does.
		_, err := tx.LockConnectionShared(ctx, c.Connection)
		var locked OAuthClient
		if err == nil {
			locked, err = tx.LockClient(ctx, c.ID)
		}
		if membership.KindOf(err) == membership.KindNotFound {
			return errClient
		}
		if err != nil {
			return err
		}
		if !locked.holds(p, now) {
			return errClient
		}
		if p.hash != nil {
			fresh, err := tx.UseAssertion(ctx, p.hash, now, p.expires)
			if err != nil {
				return err
			}
			if !fresh {
				return errReplayed
			}
		}
		if err := tx.ForgetClientTokens(ctx, c.ID, now); err != nil {
			return err
		}
		t, text = Mint(Token{
			Tenant: c.Tenant, Kind: KindSCIM, Name: c.ClientID(), Connection: c.Connection, Client: c.ID,
			Principal: membership.ActorUser,
			Scopes:    scopes, CreatedAt: now, ExpiresAt: now.Add(c.TokenLifetime),
		})
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		if err := tx.UseClient(ctx, c.ID, p.secret, now); err != nil {
			return err
		}
		facts := membership.Facts{
			"client_id": c.ID, "token_id": t.ID, "scopes": scopes, "expires_at": membership.Timestamp(t.ExpiresAt),
		}
		if !p.secret.IsZero() {
			facts["secret_id"] = p.secret
		}
		call := c.principal().Call(clientOf(ctx).requestID, "")
		issued = call.Event(now, membership.ActionTokenIssued, membership.ID{}, membership.ID{}, nil, facts)
		return tx.AppendEvents(ctx, issued)
	})
	if err == nil {
		NoteOf(ctx).Effect.Wrote(issued.ID)
	}
	return t, text, err
}

// holds reports whether the secret of a proof still works.
func (c OAuthClient) holds(p proof, now time.Time) bool {
	return p.secret.IsZero() || slices.ContainsFunc(c.Secrets, func(s ClientSecret) bool {
		return s.ID == p.secret && now.Before(s.ExpiresAt)
	})
}

// refused counts an attempt that failed, and leaves an event where the client is
// known, at most one a minute: an attacker must not fill the log.
func (i *issuer) refused(ctx context.Context, c OAuthClient, r tokenRequest, err error) error {
	var e *oauthError
	if !errors.As(err, &e) {
		return err
	}
	if r.grant == grantJWT {
		e = e.asGrant()
	}
	now := i.clock.Now()
	if !c.ID.IsZero() && (c.RefusedAt.IsZero() || now.Sub(c.RefusedAt) >= refusedEvery) {
		call := membership.Call{
			Tenant: c.Tenant, Connection: c.Connection, RequestID: clientOf(ctx).requestID,
			Actor:      membership.Actor{Kind: membership.ActorSystem, ID: "oauth"},
			Credential: membership.Credential{Kind: membership.CredentialSystem},
		}
		event := call.Event(now, membership.ActionClientRefused, membership.ID{}, membership.ID{}, nil,
			membership.Facts{"client_id": c.ID, "kind": e.code, "why": e.description})
		werr := i.store.UpdateClients(ctx, c.Tenant, func(tx ClientTx) error {
			if first, err := tx.RefuseClient(ctx, c.ID, now, now.Add(-refusedEvery)); err != nil || !first {
				return err
			}
			return tx.AppendEvents(ctx, event)
		})
		// Without its event it is not answered as a refusal.
		if werr != nil {
			return werr
		}
	}
	return i.limits.failed(ctx, e)
}

// grantedScopes are those that were asked for, or all that the client has. One
// that includes another gives it (RFC 6749 section 3.3).
func grantedScopes(c OAuthClient, asked []string) ([]string, error) {
	if len(asked) == 0 {
		return c.Scopes, nil
	}
	for _, scope := range asked {
		if !slices.Contains(c.Scopes, scope) && (scope != ScopeSCIMRead || !slices.Contains(c.Scopes, ScopeSCIM)) {
			return nil, &oauthError{code: "invalid_scope", description: "the client does not have the scope that " +
				"is asked for"}
		}
	}
	return set(asked), nil
}

// principal is the principal of the client's access tokens, while it asks for one.
func (c OAuthClient) principal() Principal {
	p := Token{Tenant: c.Tenant, Kind: KindSCIM, Connection: c.Connection, Scopes: c.Scopes}.principal()
	p.Credential = membership.Credential{Kind: membership.CredentialClient, ID: c.ID}
	return p
}
