package auth

import (
	"context"
	"crypto/subtle"
	"fmt"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// What the store knows of a link gives one message, as with a token.
const (
	errNoSetupLink = unauthenticated("this link is not valid: it has expired, was revoked, is done, " +
		"or was cut on its way")
	errNoSetupSession = unauthenticated("you are signed out: open the link once more")
)

// Open signs a browser in by the text form of a link, as its holder asks for by pressing
// a button, and returns the session with the text of its cookie. Each is an event. What
// opens nothing is ErrUnauthenticated; beyond the limits it is membership.KindRateLimited
// or membership.KindBusy.
func (ls *SetupLinks) Open(
	ctx context.Context, text, requestID string,
) (s SetupSession, cookie string, err error) {
	l, err := ls.link(ctx, text)
	if err != nil {
		NoteOf(ctx).Rejected = true
		return s, "", ls.limits.failed(ctx, err)
	}
	p := l.principal()
	NoteOf(ctx).is(p)
	if err := ls.limits.request(ctx, p); err != nil {
		return s, "", err
	}
	empty := ls.openings.Take(tokenKey{l.Tenant, l.ID}, ls.clock())
	if err := limited(empty, "this link was opened very often: go on where you opened it, or wait"); err != nil {
		return s, "", err
	}
	call := p.Call(requestID, "")
	err = ls.store.UpdateSetupLinks(ctx, l.Tenant, func(tx SetupTx) error {
		c, err := tx.LockConnectionShared(ctx, l.Connection)
		if err != nil {
			return gone(err, errNoSetupLink)
		}
		now := ls.clock.Now()
		locked, err := tx.LockSetupLink(ctx, l.ID)
		if err != nil || locked.State(now) != SetupOpen {
			return gone(err, errNoSetupLink)
		}
		l = locked
		b := mintBearer(l.Tenant, membership.NewID())
		s = SetupSession{ID: b.id, Hash: b.hash(), CreatedAt: now, ExpiresAt: now.Add(setupSessionLife), Connection: c}
		if l.ExpiresAt.Before(s.ExpiresAt) {
			s.ExpiresAt = l.ExpiresAt
		}
		l.LastUsedAt = now
		s.Link, cookie = l, b.text(setupSessionPrefix)
		if err := tx.UpdateSetupLink(ctx, l); err != nil {
			return err
		}
		if err := tx.InsertSetupSession(ctx, s, setupSessions); err != nil {
			return err
		}
		return tx.AppendEvents(ctx, call.Event(now, membership.ActionSetupLinkUsed, membership.ID{}, membership.ID{},
			nil, membership.Facts{"setup_link_id": l.ID, "connection_id": l.Connection}))
	})
	if err != nil {
		return SetupSession{}, "", err
	}
	return s, cookie, nil
}

// gone is the error for what was there a moment ago: nothing of it is left.
func gone(err error, otherwise error) error {
	if err != nil && membership.KindOf(err) != membership.KindNotFound {
		return err
	}
	return otherwise
}

// link returns the open link of a text form.
func (ls *SetupLinks) link(ctx context.Context, text string) (SetupLink, error) {
	b, err := parseText(setupPrefix, strings.TrimSpace(text))
	if err != nil {
		return SetupLink{}, errNoSetupLink
	}
	NoteOf(ctx).Named = NamedCredential{Tenant: b.tenant, ID: b.id}
	done, err := ls.limits.lookup(ctx)
	if err != nil {
		return SetupLink{}, err
	}
	defer done()
	l, err := ls.store.SetupLink(ctx, b.tenant, b.id)
	switch {
	case membership.KindOf(err) == membership.KindNotFound:
		NoteOf(ctx).Refuse("unauthenticated: there is no such set-up link")
		return SetupLink{}, errNoSetupLink
	case err != nil:
		return SetupLink{}, fmt.Errorf("find set-up link: %w", err)
	case subtle.ConstantTimeCompare(l.Hash, b.hash()) != 1:
		NoteOf(ctx).Refuse("unauthenticated: the secret is not that of the set-up link")
		return SetupLink{}, errNoSetupLink
	}
	if state := l.State(ls.clock.Now()); state != SetupOpen {
		NoteOf(ctx).Refuse("unauthenticated: the set-up link is " + string(state))
		return SetupLink{}, errNoSetupLink
	}
	return l, nil
}

// Verify returns the session of a cookie, as it is now. The errors are those of Open.
func (ls *SetupLinks) Verify(ctx context.Context, cookie string) (SetupSession, error) {
	s, err := ls.session(ctx, cookie)
	if err != nil {
		NoteOf(ctx).Rejected = true
		return SetupSession{}, ls.limits.failed(ctx, err)
	}
	p := s.Link.principal()
	NoteOf(ctx).is(p)
	return s, ls.limits.request(ctx, p)
}

func (ls *SetupLinks) session(ctx context.Context, cookie string) (SetupSession, error) {
	b, err := parseText(setupSessionPrefix, cookie)
	if err != nil {
		return SetupSession{}, errNoSetupSession
	}
	NoteOf(ctx).Named = NamedCredential{Tenant: b.tenant, ID: b.id}
	done, err := ls.limits.lookup(ctx)
	if err != nil {
		return SetupSession{}, err
	}
	defer done()
	s, err := ls.store.SetupSession(ctx, b.tenant, b.id)
	now := ls.clock.Now()
	switch {
	case membership.KindOf(err) == membership.KindNotFound:
		return SetupSession{}, errNoSetupSession
	case err != nil:
		return SetupSession{}, fmt.Errorf("find set-up session: %w", err)
	case subtle.ConstantTimeCompare(s.Hash, b.hash()) != 1, !now.Before(s.ExpiresAt),
		s.Link.State(now) != SetupOpen, !s.Connection.RemovedAt.IsZero():
		return SetupSession{}, errNoSetupSession
	}
	return s, nil
}
