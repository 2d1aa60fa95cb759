package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// SetupCall is the call of a request of a holder, for the events.
func (s SetupSession) SetupCall(requestID string) membership.Call {
	return s.Link.principal().Call(requestID, "")
}

// CreateToken makes the SCIM token of the connection and returns it with its text form,
// which is not stored. If one was made by the link already, this is its successor, and
// that one works for the overlap.
func (ls *SetupLinks) CreateToken(
	ctx context.Context, s SetupSession, requestID string, overlap time.Duration,
) (t Token, text string, err error) {
	if overlap < 0 || overlap > MaxOverlap {
		return t, "", membership.Invalidf("overlap_seconds must be a number from 0 to %d", int(MaxOverlap.Seconds()))
	}
	call := s.SetupCall(requestID)
	// Also after an error: the transaction may have been committed all the same.
	defer func() {
		if !s.Link.Token.IsZero() {
			ls.changed(s.Link.Token)
		}
	}()
	err = ls.change(ctx, s, call, AbilityToken, func(tx SetupTx, l *SetupLink) error {
		old, err := lockCurrent(ctx, tx, *l, ls.clock.Now())
		if err != nil {
			return err
		}
		s.Link.Token = old.ID
		if old.ID.IsZero() {
			t, text, err = CreateToken(ctx, tx, ls.clock, call, TokenSpec{
				Kind: KindSCIM, Connection: l.Connection, Name: "set-up link " + l.ID.String(),
			})
		} else {
			t, text, err = rotateToken(ctx, tx, ls.clock, call, old, overlap)
		}
		l.Token = t.ID
		return err
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, text, nil
}

// lockCurrent returns the token that was made by a link and still works; the zero Token:
// there is none, or an administrator has seen to it.
func lockCurrent(ctx context.Context, tx SetupTx, l SetupLink, now time.Time) (Token, error) {
	if l.Token.IsZero() {
		return Token{}, nil
	}
	t, err := tx.LockToken(ctx, l.Token)
	if membership.KindOf(err) == membership.KindNotFound || err == nil && (!t.ReplacedBy.IsZero() ||
		!t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt)) {
		return Token{}, nil
	}
	return t, err
}

// CreateSecret makes the OAuth client of the connection, with a secret whose text is not
// stored. If one was made by the link already, this is one more secret of it, and the
// others go on working.
func (ls *SetupLinks) CreateSecret(
	ctx context.Context, s SetupSession, requestID string,
) (c OAuthClient, secret string, err error) {
	call := s.SetupCall(requestID)
	err = ls.change(ctx, s, call, AbilityClient, func(tx SetupTx, l *SetupLink) error {
		if !l.Client.IsZero() {
			c, err = tx.LockClient(ctx, l.Client)
			if err == nil {
				var made ClientSecret
				made, secret, err = addSecret(ctx, tx, ls.clock, call, c, time.Time{})
				c.Secrets = append(c.Secrets, made)
				return err
			}
			if membership.KindOf(err) != membership.KindNotFound {
				return err
			}
		}
		c, secret, err = createClient(ctx, tx, ls.keys, ls.clock, call,
			ClientSpec{Connection: l.Connection, Method: MethodSecret})
		l.Client = c.ID
		return err
	})
	if err != nil {
		return OAuthClient{}, "", err
	}
	return c, secret, nil
}

// Done ends the link, as its holder says that all is set up: what was made by it stays.
func (ls *SetupLinks) Done(ctx context.Context, s SetupSession, requestID string) error {
	call := s.SetupCall(requestID)
	return ls.store.UpdateSetupLinks(ctx, s.Link.Tenant, func(tx SetupTx) error {
		l, err := ls.lock(ctx, tx, s)
		if err != nil {
			return err
		}
		l.DoneAt = ls.clock.Now()
		return endSetupLink(ctx, tx, call, l, membership.ActionSetupLinkDone)
	})
}

// SignOut ends a session; the link can be opened once more.
func (ls *SetupLinks) SignOut(ctx context.Context, s SetupSession) error {
	return ls.store.UpdateSetupLinks(ctx, s.Link.Tenant, func(tx SetupTx) error {
		return tx.EndSetupSession(ctx, s.ID)
	})
}

// Requests lists requests of the connection, the newest first.
func (ls *SetupLinks) Requests(
	ctx context.Context, s SetupSession, requestID string, f membership.RequestFilter,
) (membership.RequestPage, error) {
	if err := ls.may(ctx, s.Link, s.SetupCall(requestID), AbilityRequests); err != nil {
		return membership.RequestPage{}, err
	}
	return ls.directory.ConnectionRequests(ctx, s.Connection, f)
}

// Health returns how the connection does; the zero Health: no requests are kept.
func (ls *SetupLinks) Health(ctx context.Context, s SetupSession, requestID string) (membership.Health, error) {
	call := s.SetupCall(requestID)
	if err := ls.may(ctx, s.Link, call, AbilityRequests); err != nil {
		return membership.Health{}, err
	}
	h, err := ls.directory.Health(ctx, call, []membership.Connection{s.Connection})
	if err != nil || len(h) == 0 {
		return membership.Health{}, err
	}
	return h[0], nil
}

// change is one transaction of a holder that makes a credential.
func (ls *SetupLinks) change(
	ctx context.Context, s SetupSession, call membership.Call, a Ability, fn func(SetupTx, *SetupLink) error,
) error {
	if err := ls.may(ctx, s.Link, call, a); err != nil {
		return err
	}
	return ls.store.UpdateSetupLinks(ctx, s.Link.Tenant, func(tx SetupTx) error {
		l, err := ls.lock(ctx, tx, s)
		if err != nil {
			return err
		}
		if l.Made >= maxSetupCredentials {
			return membership.Invalidf("by one link at most %d tokens and secrets are made: ask for another link",
				maxSetupCredentials)
		}
		if err := fn(tx, &l); err != nil {
			return err
		}
		l.Made++
		return tx.UpdateSetupLink(ctx, l)
	})
}

// lock returns the link of a session while it is open; later changes of it wait.
func (ls *SetupLinks) lock(ctx context.Context, tx SetupTx, s SetupSession) (SetupLink, error) {
	if _, err := tx.LockConnectionShared(ctx, s.Link.Connection); err != nil {
		return SetupLink{}, gone(err, errNoSetupSession)
	}
	l, err := tx.LockSetupLink(ctx, s.Link.ID)
	if err != nil || l.State(ls.clock.Now()) != SetupOpen {
		return SetupLink{}, gone(err, errNoSetupSession)
	}
	return l, nil
}

// may refuses what the link does not have, with an event.
func (ls *SetupLinks) may(ctx context.Context, l SetupLink, call membership.Call, a Ability) error {
	if l.May(a) {
		return nil
	}
	return ls.directory.Refused(ctx, call, forbidden("this set-up link was made without the ability "+string(a)))
}
