package server

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// credentialStore is what is read of the store before a use case begins: who is
// calling, and the policies of their tenant.
type credentialStore interface {
	auth.VerifierStore
	auth.IssuerReader
	auth.PolicyReader
}

// measuredCredentials times and traces what a request reads of credentials and policies, as
// measuredStore does with the rest of it.
type measuredCredentials struct {
	store   credentialStore
	metrics *metrics
	tracing *tracing
}

// Token implements auth.TokenReader.
func (s measuredCredentials) Token(ctx context.Context, tenant, id membership.ID) (t auth.Token, err error) {
	ctx, span := s.tracing.operation(ctx, "token")
	defer s.metrics.inStore(ctx, span, "token", time.Now(), &err)
	return s.store.Token(ctx, tenant, id)
}

// UpdateCredentials implements auth.CredentialUpdater.
func (s measuredCredentials) UpdateCredentials(
	ctx context.Context, tenant membership.ID, fn func(auth.Tx) error,
) (err error) {
	ctx, span := s.tracing.operation(ctx, "update")
	defer s.metrics.inStore(ctx, span, "update", time.Now(), &err)
	return s.store.UpdateCredentials(ctx, tenant, fn)
}

// IssuerVersion implements auth.IssuerReader.
func (s measuredCredentials) IssuerVersion(ctx context.Context, tenant membership.ID) (v int64, err error) {
	ctx, span := s.tracing.operation(ctx, "issuers")
	defer s.metrics.inStore(ctx, span, "issuers", time.Now(), &err)
	return s.store.IssuerVersion(ctx, tenant)
}

// Issuers implements auth.IssuerReader.
func (s measuredCredentials) Issuers(
	ctx context.Context, tenant membership.ID,
) (is []auth.Issuer, v int64, err error) {
	ctx, span := s.tracing.operation(ctx, "issuers")
	defer s.metrics.inStore(ctx, span, "issuers", time.Now(), &err)
	return s.store.Issuers(ctx, tenant)
}

// PolicyVersion implements auth.PolicyReader.
func (s measuredCredentials) PolicyVersion(ctx context.Context, tenant membership.ID) (v int64, err error) {
	ctx, span := s.tracing.operation(ctx, "policies")
	defer s.metrics.inStore(ctx, span, "policies", time.Now(), &err)
	return s.store.PolicyVersion(ctx, tenant)
}

// Policies implements auth.PolicyReader.
func (s measuredCredentials) Policies(
	ctx context.Context, tenant membership.ID,
) (ps []auth.TenantPolicy, v int64, err error) {
	ctx, span := s.tracing.operation(ctx, "policies")
	defer s.metrics.inStore(ctx, span, "policies", time.Now(), &err)
	return s.store.Policies(ctx, tenant)
}
