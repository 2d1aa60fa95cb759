package auth

import (
	"context"
	"reflect"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// Issuers are the use cases of the issuers that tenants trust. Each asks whether
// the caller administers the tenant, and is one transaction with its event.
type Issuers struct {
	directory *membership.Directory
	store     IssuerStore
	keys      *KeySets
	clock     membership.Clock
	changed   func(tenant membership.ID)
}

// NewIssuers returns the use cases over a store. The directory asks the policy
// and records refusals; keys says which keys can be used. changed, unless nil, is
// called for every tenant whose issuers may have changed, afterwards: JWTs.Forget.
func NewIssuers(
	d *membership.Directory, store IssuerStore, keys *KeySets, clock membership.Clock, changed func(membership.ID),
) *Issuers {
	if changed == nil {
		changed = func(membership.ID) {}
	}
	return &Issuers{directory: d, store: store, keys: keys, clock: clock, changed: changed}
}

// List returns the tenant's issuers in the order of their ids.
func (is *Issuers) List(ctx context.Context, call membership.Call) ([]Issuer, error) {
	if err := is.directory.Administer(ctx, call); err != nil {
		return nil, err
	}
	all, _, err := is.store.Issuers(ctx, call.Tenant)
	return all, err
}

// Get returns one issuer.
func (is *Issuers) Get(ctx context.Context, call membership.Call, id membership.ID) (Issuer, error) {
	all, err := is.List(ctx, call)
	if err != nil {
		return Issuer{}, err
	}
	return issuerOf(all, id)
}

func issuerOf(all []Issuer, id membership.ID) (Issuer, error) {
	n := slices.IndexFunc(all, func(i Issuer) bool { return i.ID == id })
	if n < 0 {
		return Issuer{}, membership.NotFound("issuer")
	}
	return all[n], nil
}

// Create trusts an issuer. Its JWTs can carry nothing that the caller cannot do:
// else KindForbidden. KindUniqueness: the tenant has this issuer already.
func (is *Issuers) Create(ctx context.Context, call membership.Call, s IssuerSpec) (i Issuer, err error) {
	err = is.change(ctx, call, func(tx IssuerTx) error {
		if i, err = s.apply(newIssuer(call.Tenant)); err != nil {
			return err
		}
		all, err := tx.LockIssuers(ctx)
		if err != nil {
			return err
		}
		if len(all) >= MaxIssuers {
			return membership.Invalidf("a tenant has at most %d issuers", MaxIssuers)
		}
		i.CreatedAt = is.clock.Now()
		i.UpdatedAt = i.CreatedAt
		return is.save(ctx, tx, call, all, i, membership.ActionIssuerCreated, nil)
	})
	return i, err
}

// Update changes an issuer; nothing happens when it is so already. A change can
// widen what its JWTs allow, so the rule of Create is checked on the result.
func (is *Issuers) Update(
	ctx context.Context, call membership.Call, id membership.ID, s IssuerSpec,
) (i Issuer, err error) {
	err = is.change(ctx, call, func(tx IssuerTx) error {
		all, err := tx.LockIssuers(ctx)
		if err != nil {
			return err
		}
		before, err := issuerOf(all, id)
		if err != nil {
			return err
		}
		if i, err = s.apply(before); err != nil || reflect.DeepEqual(i, before) {
			return err
		}
		i.UpdatedAt = is.clock.Now()
		return is.save(ctx, tx, call, all, i, membership.ActionIssuerUpdated, before.facts())
	})
	return i, err
}

func (is *Issuers) save(
	ctx context.Context, tx IssuerTx, call membership.Call, all []Issuer, i Issuer, action membership.Action,
	before membership.Facts,
) error {
	if err := is.keys.Check(i.keys()); err != nil {
		return err
	}
	for _, p := range i.Permissions {
		if !holds(call.Permissions, p) {
			return forbidden("an issuer's tokens cannot have a permission that you lack: " + p)
		}
	}
	if slices.ContainsFunc(all, func(o Issuer) bool { return o.ID != i.ID && o.Issuer == i.Issuer }) {
		return &membership.Error{Kind: membership.KindUniqueness,
			Message: "the tenant trusts this issuer already: change that one"}
	}
	if err := tx.SaveIssuer(ctx, i); err != nil {
		return err
	}
	return tx.AppendEvents(ctx, call.Event(i.UpdatedAt, action, membership.ID{}, membership.ID{}, before, i.facts()))
}

// Delete ends the trust: the issuer's JWTs open nothing any more.
func (is *Issuers) Delete(ctx context.Context, call membership.Call, id membership.ID) error {
	return is.change(ctx, call, func(tx IssuerTx) error {
		all, err := tx.LockIssuers(ctx)
		if err != nil {
			return err
		}
		i, err := issuerOf(all, id)
		if err != nil {
			return err
		}
		if err := tx.DeleteIssuer(ctx, id); err != nil {
			return err
		}
		return tx.AppendEvents(ctx,
			call.Event(is.clock.Now(), membership.ActionIssuerDeleted, membership.ID{}, membership.ID{},
				i.facts(), nil))
	})
}

// change is one policy question and one transaction. What fn itself refuses is
// recorded like a refusal of the policy.
func (is *Issuers) change(ctx context.Context, call membership.Call, fn func(IssuerTx) error) error {
	if err := is.directory.Administer(ctx, call); err != nil {
		return err
	}
	// Also after an error: the transaction may have been committed all the same.
	defer is.changed(call.Tenant)
	if err := is.store.UpdateIssuers(ctx, call.Tenant, fn); err != nil {
		return is.directory.Refused(ctx, call, err)
	}
	return nil
}
