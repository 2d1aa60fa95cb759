package db

import (
	"context"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const qPolicyVersion = `select policy_version from tenants where tenant_id = $1`

func (s *session) policyVersion(ctx context.Context) (version int64, err error) {
	err = s.one(ctx, "tenant", qPolicyVersion, []any{s.tenant}, &version)
	if membership.KindOf(err) == membership.KindNotFound {
		return 0, nil
	}
	return version, err
}

const qPolicies = `select id, cedar, created_at, updated_at from policies where tenant_id = $1 order by id`

func (s *session) policies(ctx context.Context) ([]auth.TenantPolicy, error) {
	return list(ctx, s, qPolicies, []any{s.tenant}, func(p *auth.TenantPolicy) []any {
		return []any{&p.ID, &p.Cedar, (*stamp)(&p.CreatedAt), (*stamp)(&p.UpdatedAt)}
	})
}

// PolicyVersion implements auth.PolicyReader.
func (s *Store) PolicyVersion(ctx context.Context, tenant membership.ID) (version int64, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		version, err = s.policyVersion(ctx)
		return err
	})
	return version, err
}

// Policies implements auth.PolicyReader.
func (s *Store) Policies(ctx context.Context, tenant membership.ID) (ps []auth.TenantPolicy, version int64, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		if version, err = s.policyVersion(ctx); err != nil {
			return err
		}
		ps, err = s.policies(ctx)
		return err
	})
	return ps, version, err
}

// UpdatePolicies implements auth.PolicyStore.
func (s *Store) UpdatePolicies(ctx context.Context, tenant membership.ID, fn func(auth.PolicyTx) error) error {
	return s.update(ctx, tenant, func(s *session) error { return fn(s) })
}

const qLockTenant = qPolicyVersion + ` {for no key update}`

// LockPolicies implements auth.PolicyTx.
func (s *session) LockPolicies(ctx context.Context) ([]auth.TenantPolicy, error) {
	var version int64
	if err := s.one(ctx, "tenant", qLockTenant, []any{s.tenant}, &version); err != nil {
		return nil, err
	}
	return s.policies(ctx)
}

const qSavePolicy = `insert into policies (tenant_id, id, cedar, created_at, updated_at) values ($1, $2, $3, $4, $5)
	on conflict (tenant_id, id) do update set cedar = excluded.cedar, updated_at = excluded.updated_at`

// SavePolicy implements auth.PolicyTx.
func (s *session) SavePolicy(ctx context.Context, p auth.TenantPolicy) error {
	if _, err := s.exec(ctx, qSavePolicy, s.tenant, p.ID, p.Cedar, stamp(p.CreatedAt), stamp(p.UpdatedAt)); err != nil {
		return err
	}
	return s.raisePolicyVersion(ctx)
}

const qDeletePolicy = `delete from policies where tenant_id = $1 and id = $2`

// DeletePolicy implements auth.PolicyTx.
func (s *session) DeletePolicy(ctx context.Context, id string) error {
	if err := s.changed(ctx, "policy", qDeletePolicy, s.tenant, id); err != nil {
		return err
	}
	return s.raisePolicyVersion(ctx)
}

const qRaisePolicyVersion = `update tenants set policy_version = policy_version + 1 where tenant_id = $1`

func (s *session) raisePolicyVersion(ctx context.Context) error {
	return s.changed(ctx, "tenant", qRaisePolicyVersion, s.tenant)
}
