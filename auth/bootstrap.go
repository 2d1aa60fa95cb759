package auth

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// BootstrapSpec is what a new tenant begins with.
type BootstrapSpec struct {
	TenantName     string
	IDP            string // one of membership.IDPs; empty: generic
	ConnectionName string // empty: the same as IDP
}

// Bootstrapped is a new tenant, with the only copies of its first tokens.
type Bootstrapped struct {
	TenantID     membership.ID
	ConnectionID membership.ID
	SCIMToken    string
	APIToken     string // every permission in the tenant
}

// Bootstrap makes a tenant with a connection and a token for each side, all or
// nothing. It asks no policy: only the operator of the server can call it.
func Bootstrap(ctx context.Context, store Store, clock membership.Clock, s BootstrapSpec) (Bootstrapped, error) {
	if s.IDP == "" {
		s.IDP = "generic"
	}
	if s.ConnectionName == "" {
		s.ConnectionName = s.IDP
	}
	call := membership.Call{
		Tenant:     membership.NewID(),
		Actor:      membership.Actor{Kind: membership.ActorOperator, ID: "cli"},
		Credential: membership.Credential{Kind: membership.CredentialBootstrap},
	}
	var out Bootstrapped
	err := store.UpdateCredentials(ctx, call.Tenant, func(tx Tx) error {
		if _, err := membership.NewTenant(ctx, tx, clock, call, s.TenantName); err != nil {
			return err
		}
		conn, err := membership.NewConnection(ctx, tx, clock, call, s.ConnectionName, s.IDP)
		if err != nil {
			return err
		}
		_, scim, err := CreateToken(ctx, tx, clock, call,
			TokenSpec{Kind: KindSCIM, Name: "bootstrap", Connection: conn.ID})
		if err != nil {
			return err
		}
		_, api, err := CreateToken(ctx, tx, clock, call,
			TokenSpec{Kind: KindAPI, Name: "bootstrap", Permissions: []string{AllPermissions}})
		if err != nil {
			return err
		}
		out = Bootstrapped{TenantID: call.Tenant, ConnectionID: conn.ID, SCIMToken: scim, APIToken: api}
		return nil
	})
	return out, err
}
