package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Clients has the use cases of administering OAuth clients. Each asks the
// policy for membership.OpAdminister and is one transaction with its events. A
// client is looked for in a connection; the zero connection means all.
type Clients struct {
	store     ClientStore
	directory *membership.Directory
	keys      *KeySets
	clock     membership.Clock
	changed   func(membership.ID)
}

// NewClients returns the use cases over a store. keys judges where clients say
// their keys are. changed, unless nil, is called for every client whose
// access tokens may have ended: Verifier.Forget.
func NewClients(
	store ClientStore, d *membership.Directory, keys *KeySets, clock membership.Clock, changed func(membership.ID),
) *Clients {
	if changed == nil {
		changed = func(membership.ID) {}
	}
	return &Clients{store: store, directory: d, keys: keys, clock: clock, changed: changed}
}

// Create makes a client, and for MethodSecret its first secret, whose text is
// not stored. It can do nothing that the caller cannot: else KindForbidden.
func (cs *Clients) Create(
	ctx context.Context, call membership.Call, s ClientSpec,
) (c OAuthClient, secret string, err error) {
	err = cs.change(ctx, call, func(tx ClientTx) error {
		if c, secret, err = createClient(ctx, tx, cs.keys, cs.clock, call, s); err != nil {
			return err
		}
		return c.mayBeGivenBy(call)
	})
	if err != nil {
		return OAuthClient{}, "", err
	}
	return c, secret, nil
}

// createClient makes a client in the transaction's tenant. Like CreateToken it asks no
// policy.
func createClient(
	ctx context.Context, tx ClientTx, keys *KeySets, clock membership.Clock, call membership.Call, s ClientSpec,
) (c OAuthClient, secret string, err error) {
	if s.Scopes == nil {
		s.Scopes = []string{ScopeSCIM}
	}
	if s.TokenLifetime == 0 {
		s.TokenLifetime = DefaultTokenLifetime
	}
	if err := s.check(keys); err != nil {
		return c, "", err
	}
	if _, err := tx.LockConnectionShared(ctx, s.Connection); err != nil {
		return c, "", err
	}
	now := clock.Now()
	c = OAuthClient{
		Tenant: call.Tenant, ID: membership.NewID(), Connection: s.Connection, Method: s.Method,
		Scopes: set(s.Scopes),
		Keys:   s.Keys, Issuer: s.Issuer, Subject: s.Subject, Audience: s.Audience,
		ReuseAssertions: s.ReuseAssertions,
		TokenLifetime:   s.TokenLifetime.Truncate(time.Second), CreatedAt: now,
	}
	if err := tx.InsertClient(ctx, c); err != nil {
		return c, "", err
	}
	if err := tx.AppendEvents(ctx,
		call.Event(now, membership.ActionClientCreated, membership.ID{}, membership.ID{}, nil, c.facts())); err != nil {
		return c, "", err
	}
	if c.Method != MethodSecret {
		return c, "", nil
	}
	made, text, err := addSecret(ctx, tx, clock, call, c, s.SecretExpiresAt)
	c.Secrets = []ClientSecret{made}
	return c, text, err
}

// Client returns one client; KindNotFound when it is revoked.
func (cs *Clients) Client(
	ctx context.Context, call membership.Call, connection, id membership.ID,
) (OAuthClient, error) {
	if err := cs.directory.Administer(ctx, call); err != nil {
		return OAuthClient{}, err
	}
	c, err := cs.store.Client(ctx, call.Tenant, id)
	if err == nil && (!c.RevokedAt.IsZero() || !c.of(connection)) {
		return OAuthClient{}, membership.NotFound("client")
	}
	return c, err
}

// List returns at most limit clients that are not revoked, with greater ids
// than after, in the order of their ids.
func (cs *Clients) List(
	ctx context.Context, call membership.Call, connection, after membership.ID, limit int,
) ([]OAuthClient, error) {
	var err error
	if connection.IsZero() {
		err = cs.directory.Administer(ctx, call)
	} else {
		_, err = cs.directory.Connection(ctx, call, connection)
	}
	if err != nil {
		return nil, err
	}
	return cs.store.Clients(ctx, call.Tenant, connection, after, limit)
}

// Revoke ends a client and its access tokens for good; KindNotFound when it is
// revoked already.
func (cs *Clients) Revoke(ctx context.Context, call membership.Call, connection, id membership.ID) error {
	// Also after an error: the transaction may have been committed all the same.
	defer cs.changed(id)
	return cs.changeOne(ctx, call, connection, id, func(tx ClientTx, c OAuthClient) error {
		now := cs.clock.Now()
		if err := tx.RevokeClient(ctx, id, now); err != nil {
			return err
		}
		if err := tx.EndClientTokens(ctx, id); err != nil {
			return err
		}
		return tx.AppendEvents(ctx,
			call.Event(now, membership.ActionClientRevoked, membership.ID{}, membership.ID{}, c.facts(), nil))
	})
}

// CreateSecret makes one more secret, which works at once, beside the others.
// expires: zero for DefaultSecretLifetime.
func (cs *Clients) CreateSecret(
	ctx context.Context, call membership.Call, connection, id membership.ID, expires time.Time,
) (s ClientSecret, text string, err error) {
	err = cs.changeOne(ctx, call, connection, id, func(tx ClientTx, c OAuthClient) error {
		if c.Method != MethodSecret {
			return membership.Invalidf("a client of the auth_method %s has no secrets", c.Method)
		}
		if err := c.mayBeGivenBy(call); err != nil {
			return err
		}
		s, text, err = addSecret(ctx, tx, cs.clock, call, c, expires)
		return err
	})
	if err != nil {
		return ClientSecret{}, "", err
	}
	return s, text, nil
}

// RevokeSecret ends a secret for good. Access tokens that were got with it live
// on, unless endTokens is set or no other secret works: then all of the
// client's end at once.
func (cs *Clients) RevokeSecret(
	ctx context.Context, call membership.Call, connection, id, secret membership.ID, endTokens bool,
) error {
	defer cs.changed(id)
	return cs.changeOne(ctx, call, connection, id, func(tx ClientTx, c OAuthClient) error {
		now := cs.clock.Now()
		i := slices.IndexFunc(c.Secrets, func(s ClientSecret) bool { return s.ID == secret })
		if i < 0 {
			return membership.NotFound("secret")
		}
		before := c.Secrets[i].facts(id)
		c.Secrets = slices.Delete(c.Secrets, i, i+1)
		if err := tx.RevokeClientSecret(ctx, id, secret, now); err != nil {
			return err
		}
		end := endTokens || !c.live(now)
		if end {
			if err := tx.EndClientTokens(ctx, id); err != nil {
				return err
			}
		}
		return tx.AppendEvents(ctx,
			call.Event(now, membership.ActionSecretRevoked, membership.ID{}, membership.ID{}, before,
				membership.Facts{"access_tokens_ended": end}))
	})
}

// addSecret makes one more secret of a client that is locked, or new.
func addSecret(
	ctx context.Context, tx ClientTx, clock membership.Clock, call membership.Call, c OAuthClient, expires time.Time,
) (ClientSecret, string, error) {
	if len(c.Secrets) >= MaxSecrets {
		return ClientSecret{}, "", membership.Invalidf("a client has at most %d secrets: revoke one first", MaxSecrets)
	}
	now := clock.Now()
	switch expires = expires.UTC().Truncate(time.Microsecond); {
	case expires.IsZero():
		expires = now.Add(DefaultSecretLifetime)
	case !expires.After(now):
		return ClientSecret{}, "", membership.EndHasPassed()
	case expires.Sub(now) > MaxSecretLifetime:
		return ClientSecret{}, "", membership.Invalidf("expires_at is more than three years away")
	}
	s, text := mintSecret(now, expires)
	if err := tx.InsertClientSecret(ctx, c.ID, s); err != nil {
		return ClientSecret{}, "", err
	}
	return s, text, tx.AppendEvents(ctx,
		call.Event(now, membership.ActionSecretCreated, membership.ID{}, membership.ID{}, nil, s.facts(c.ID)))
}

// changeOne is change for a client that is there.
func (cs *Clients) changeOne(
	ctx context.Context, call membership.Call, connection, id membership.ID, fn func(ClientTx, OAuthClient) error,
) error {
	return cs.change(ctx, call, func(tx ClientTx) error {
		c, err := tx.LockClient(ctx, id)
		if err != nil {
			return err
		}
		if !c.of(connection) {
			return membership.NotFound("client")
		}
		return fn(tx, c)
	})
}

// change is one policy question and one transaction. What fn itself refuses is
// recorded like a refusal of the policy.
func (cs *Clients) change(ctx context.Context, call membership.Call, fn func(ClientTx) error) error {
	if err := cs.directory.Administer(ctx, call); err != nil {
		return err
	}
	if err := cs.store.UpdateClients(ctx, call.Tenant, fn); err != nil {
		return cs.directory.Refused(ctx, call, err)
	}
	return nil
}

func (c OAuthClient) of(connection membership.ID) bool {
	return connection.IsZero() || c.Connection == connection
}

// mayBeGivenBy is mayGive for the tokens that the client will get.
func (c OAuthClient) mayBeGivenBy(call membership.Call) error {
	return mayGive(call, Token{Kind: KindSCIM, Scopes: c.Scopes})
}

func hexHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
