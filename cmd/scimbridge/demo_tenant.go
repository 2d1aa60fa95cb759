package main

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
)

// demoTenant is a tenant with two identity providers.
type demoTenant struct {
	id       membership.ID
	apiToken string
	okta     demoConnection
	entra    demoConnection
}

type demoConnection struct {
	ID    membership.ID `json:"id"`
	Name  string        `json:"name"`
	IDP   string        `json:"idp"`
	Token string        `json:"scim_token"`
}

func newDemoTenant(ctx context.Context, store *db.Store) (demoTenant, error) {
	okta := demoConnection{Name: "Okta", IDP: "okta"}
	b, err := auth.Bootstrap(ctx, store, time.Now, auth.BootstrapSpec{
		TenantName: "Demo", IDP: okta.IDP, ConnectionName: okta.Name,
	})
	if err != nil {
		return demoTenant{}, err
	}
	okta.ID, okta.Token = b.ConnectionID, b.SCIMToken
	entra, err := connect(ctx, store, b.TenantID, demoConnection{Name: "Entra", IDP: "entra"})
	return demoTenant{id: b.TenantID, apiToken: b.APIToken, okta: okta, entra: entra}, err
}

// connect adds one more connection, with its token, to a tenant.
func connect(ctx context.Context, store *db.Store, tenant membership.ID, c demoConnection) (demoConnection, error) {
	call := operator(tenant)
	err := store.UpdateCredentials(ctx, tenant, func(tx auth.Tx) error {
		conn, err := membership.NewConnection(ctx, tx, time.Now, call, c.Name, c.IDP)
		if err != nil {
			return err
		}
		c.ID = conn.ID
		_, c.Token, err = auth.CreateToken(ctx, tx, time.Now, call,
			auth.TokenSpec{Kind: auth.KindSCIM, Name: "demo", Connection: conn.ID})
		return err
	})
	return c, err
}
