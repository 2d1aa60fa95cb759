package db

import (
	"context"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const qRaiseCredentialVersion = `update tenants set credential_version = credential_version + 1 where tenant_id = $1`

// credentialsChanged makes every server that keeps a credential of the tenant read it
// anew, once the transaction has ended.
func (s *session) credentialsChanged(err error) error {
	s.credentials = s.credentials || err == nil
	return err
}

// writeCredentialVersion ends a transaction: the row is locked for as long as the commit
// takes, not while a connection is taken apart.
func (s *session) writeCredentialVersion(ctx context.Context) error {
	if !s.credentials {
		return nil
	}
	return s.execLater(ctx, qRaiseCredentialVersion, s.tenant)
}

// AccessVersions implements auth.AccessVersions.
func (s *Store) AccessVersions(
	ctx context.Context, tenants []membership.ID,
) (versions []auth.AccessVersion, err error) {
	err = s.acrossTenants(ctx, func(s *session) error {
		versions, err = list(ctx, s, qAccessVersions, []any{tenants}, func(v *auth.AccessVersion) []any {
			return []any{&v.Tenant, &v.Version}
		})
		return err
	})
	return versions, err
}
