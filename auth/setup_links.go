package auth

import (
	"context"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// SetupLinks has the use cases of set-up links: those of administrators, who are asked
// for membership.OpAdminister, and those of holders, who may do what the link says. Each
// is one transaction with its events. Links are not kept in memory, so one that was
// revoked opens nothing any more on any server.
type SetupLinks struct {
	store     SetupStore
	directory *membership.Directory
	keys      *KeySets
	clock     membership.Clock
	limits    *Limits // nil: none
	openings  *Buckets[tokenKey]
	changed   func(membership.ID)
	pageless  bool
}

// NewSetupLinks returns the use cases over a store. changed, unless nil, is called for
// every token that may have been replaced: Verifier.Forget.
func NewSetupLinks(
	store SetupStore, d *membership.Directory, keys *KeySets, clock membership.Clock, changed func(membership.ID),
) *SetupLinks {
	if changed == nil {
		changed = func(membership.ID) {}
	}
	return &SetupLinks{store: store, directory: d, keys: keys, clock: clock, changed: changed,
		openings: newBuckets[tokenKey](clock, setupOpening, setupOpenings)}
}

// Limit lets l hold callers back. Call it before the first Open.
func (ls *SetupLinks) Limit(l *Limits) { ls.limits = l }

// WithoutPage makes Create refuse: the server has no console, where links open.
func (ls *SetupLinks) WithoutPage() { ls.pageless = true }

// Create makes a link and returns it with its text form, which is not stored. It can do
// nothing that the caller cannot: else KindForbidden.
func (ls *SetupLinks) Create(
	ctx context.Context, call membership.Call, s SetupSpec,
) (l SetupLink, text string, err error) {
	if s.Abilities == nil {
		s.Abilities = Abilities
	}
	if s.Lifetime == 0 {
		s.Lifetime = DefaultSetupLifetime
	}
	if err := ls.directory.Administer(ctx, call); err != nil {
		return l, "", err
	}
	if ls.pageless {
		return l, "", membership.Invalidf("a set-up link opens a page of the console, which is off on this server")
	}
	if err := s.check(); err != nil {
		return l, "", err
	}
	if slices.Contains(s.Abilities, AbilityRequests) {
		if err := ls.directory.MayReadRequests(ctx, call); err != nil {
			return l, "", err
		}
	}
	err = ls.store.UpdateSetupLinks(ctx, call.Tenant, func(tx SetupTx) error {
		l, text, err = ls.create(ctx, tx, call, s)
		return err
	})
	if err != nil {
		return SetupLink{}, "", ls.directory.Refused(ctx, call, err)
	}
	return l, text, nil
}

func (ls *SetupLinks) create(
	ctx context.Context, tx SetupTx, call membership.Call, s SetupSpec,
) (SetupLink, string, error) {
	if slices.Contains(s.Abilities, AbilityToken) || slices.Contains(s.Abilities, AbilityClient) {
		if err := mayGive(call, Token{Kind: KindSCIM, Scopes: []string{ScopeSCIM}}); err != nil {
			return SetupLink{}, "", err
		}
	}
	if _, err := tx.LockConnectionShared(ctx, s.Connection); err != nil {
		return SetupLink{}, "", err
	}
	now := ls.clock.Now()
	switch open, err := tx.LockSetupLinks(ctx, now, endedSetupLinks); {
	case err != nil:
		return SetupLink{}, "", err
	case open >= MaxSetupLinks:
		return SetupLink{}, "", membership.Invalidf(
			"a tenant has at most %d set-up links that are open: revoke one first", MaxSetupLinks)
	}
	b := mintBearer(call.Tenant, membership.NewID())
	l := SetupLink{
		Tenant: call.Tenant, ID: b.id, Connection: s.Connection, Abilities: set(s.Abilities), Hash: b.hash(),
		CreatedBy: call.Actor.String(), CreatedAt: now, ExpiresAt: now.Add(s.Lifetime),
	}
	if err := tx.InsertSetupLink(ctx, l); err != nil {
		return SetupLink{}, "", err
	}
	return l, b.text(setupPrefix), tx.AppendEvents(ctx,
		call.Event(now, membership.ActionSetupLinkCreated, membership.ID{}, membership.ID{}, nil, l.facts()))
}

// List returns the links of a connection, or of all with the zero one, in the order of
// their ids: those that are open, and the newest of those that have ended.
func (ls *SetupLinks) List(ctx context.Context, call membership.Call, connection membership.ID) ([]SetupLink, error) {
	var err error
	if connection.IsZero() {
		err = ls.directory.Administer(ctx, call)
	} else {
		_, err = ls.directory.Connection(ctx, call, connection)
	}
	if err != nil {
		return nil, err
	}
	return ls.store.SetupLinks(ctx, call.Tenant, connection)
}

// Revoke ends a link for good, with the sessions of its holders; what was made by it
// stays. The zero connection means any. KindNotFound when the link has ended already.
func (ls *SetupLinks) Revoke(ctx context.Context, call membership.Call, connection, id membership.ID) error {
	if err := ls.directory.Administer(ctx, call); err != nil {
		return err
	}
	return ls.store.UpdateSetupLinks(ctx, call.Tenant, func(tx SetupTx) error {
		l, err := tx.LockSetupLink(ctx, id)
		if err != nil {
			return err
		}
		now := ls.clock.Now()
		if l.State(now) != SetupOpen || !connection.IsZero() && l.Connection != connection {
			return membership.NotFound("set-up link")
		}
		l.RevokedAt = now
		return endSetupLink(ctx, tx, call, l, membership.ActionSetupLinkRevoked)
	})
}

// endSetupLink writes the end of a link that is locked.
func endSetupLink(
	ctx context.Context, tx SetupTx, call membership.Call, l SetupLink, action membership.Action,
) error {
	if err := tx.UpdateSetupLink(ctx, l); err != nil {
		return err
	}
	if err := tx.EndSetupSessions(ctx, l.ID); err != nil {
		return err
	}
	at := l.RevokedAt
	if at.IsZero() {
		at = l.DoneAt
	}
	return tx.AppendEvents(ctx, call.Event(at, action, membership.ID{}, membership.ID{}, l.facts(), nil))
}
