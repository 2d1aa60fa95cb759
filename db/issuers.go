package db

import (
	"context"
	"fmt"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const qIssuerVersion = `select issuer_version from tenants where tenant_id = $1`

func (s *session) issuerVersion(ctx context.Context) (version int64, err error) {
	err = s.one(ctx, "tenant", qIssuerVersion, []any{s.tenant}, &version)
	if membership.KindOf(err) == membership.KindNotFound {
		return 0, nil
	}
	return version, err
}

const qIssuers = `select id, issuer, audiences, jwks, jwks_uri, tenant_claim, tenant_value, principal_claim,
	permissions_claim, roles_claim, default_principal, permissions, max_age_seconds, created_at, updated_at
	from issuers where tenant_id = $1 order by id`

func (s *session) issuers(ctx context.Context) ([]auth.Issuer, error) {
	return list(ctx, s, qIssuers, []any{s.tenant}, func(i *auth.Issuer) []any {
		i.Tenant = s.tenant
		return []any{
			&i.ID, &i.Issuer, jsonInto[string]{&i.Audiences}, &i.JWKS, &i.JWKSURI, &i.Claims.Tenant, &i.TenantValue,
			&i.Claims.Principal, &i.Claims.Permissions, &i.Claims.Roles, (*string)(&i.DefaultPrincipal),
			jsonInto[string]{&i.Permissions}, seconds{&i.MaxAge}, (*stamp)(&i.CreatedAt), (*stamp)(&i.UpdatedAt),
		}
	})
}

// seconds reads a column of whole seconds.
type seconds struct{ to *time.Duration }

// Scan implements sql.Scanner.
func (s seconds) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("cannot read seconds from %T", src)
	}
	*s.to = time.Duration(n) * time.Second
	return nil
}

// IssuerVersion implements auth.IssuerStore.
func (s *Store) IssuerVersion(ctx context.Context, tenant membership.ID) (version int64, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		version, err = s.issuerVersion(ctx)
		return err
	})
	return version, err
}

// Issuers implements auth.IssuerStore.
func (s *Store) Issuers(ctx context.Context, tenant membership.ID) (is []auth.Issuer, version int64, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		if version, err = s.issuerVersion(ctx); err != nil || version == 0 {
			return err // it never had any
		}
		is, err = s.issuers(ctx)
		return err
	})
	return is, version, err
}

// UpdateIssuers implements auth.IssuerStore.
func (s *Store) UpdateIssuers(ctx context.Context, tenant membership.ID, fn func(auth.IssuerTx) error) error {
	return s.update(ctx, tenant, func(s *session) error { return fn(s) })
}

const qLockIssuers = qIssuerVersion + ` {for no key update}`

// LockIssuers implements auth.IssuerTx.
func (s *session) LockIssuers(ctx context.Context) ([]auth.Issuer, error) {
	var version int64
	if err := s.one(ctx, "tenant", qLockIssuers, []any{s.tenant}, &version); err != nil {
		return nil, err
	}
	return s.issuers(ctx)
}

const qSaveIssuer = `insert into issuers (tenant_id, id, issuer, audiences, jwks, jwks_uri, tenant_claim, tenant_value,
		principal_claim, permissions_claim, roles_claim, default_principal, permissions, max_age_seconds, created_at,
		updated_at)
	values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
	on conflict (tenant_id, id) do update set issuer = excluded.issuer, audiences = excluded.audiences,
		jwks = excluded.jwks, jwks_uri = excluded.jwks_uri, tenant_claim = excluded.tenant_claim,
		tenant_value = excluded.tenant_value, principal_claim = excluded.principal_claim,
		permissions_claim = excluded.permissions_claim, roles_claim = excluded.roles_claim,
		default_principal = excluded.default_principal, permissions = excluded.permissions,
		max_age_seconds = excluded.max_age_seconds, updated_at = excluded.updated_at`

// SaveIssuer implements auth.IssuerTx.
func (s *session) SaveIssuer(ctx context.Context, i auth.Issuer) error {
	if _, err := s.exec(ctx, qSaveIssuer, s.tenant, i.ID, i.Issuer, jsonList(i.Audiences), i.JWKS, i.JWKSURI,
		i.Claims.Tenant, i.TenantValue, i.Claims.Principal, i.Claims.Permissions, i.Claims.Roles,
		string(i.DefaultPrincipal),
		jsonList(i.Permissions), int64(i.MaxAge/time.Second), stamp(i.CreatedAt), stamp(i.UpdatedAt)); err != nil {
		return err
	}
	return s.raiseIssuerVersion(ctx)
}

const qDeleteIssuer = `delete from issuers where tenant_id = $1 and id = $2`

// DeleteIssuer implements auth.IssuerTx.
func (s *session) DeleteIssuer(ctx context.Context, id membership.ID) error {
	if err := s.changed(ctx, "issuer", qDeleteIssuer, s.tenant, id); err != nil {
		return err
	}
	return s.raiseIssuerVersion(ctx)
}

const qRaiseIssuerVersion = `update tenants set issuer_version = issuer_version + 1 where tenant_id = $1`

func (s *session) raiseIssuerVersion(ctx context.Context) error {
	return s.changed(ctx, "tenant", qRaiseIssuerVersion, s.tenant)
}
