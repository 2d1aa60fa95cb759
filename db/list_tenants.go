package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// Statements that see more than one tenant. They all go through acrossTenants.
const (
	qTenants = `select tenant_id, name, created_at from tenants where tenant_id > $1 order by tenant_id limit $2`

	// One step of an index a tenant: a log that has waited has millions of entries there.
	qTenantsToNumber = `with recursive waiting (tenant_id) as (
			select (select tenant_id from events {index events_waiting}
				where number is null and position > 0 order by tenant_id limit 1)
			union all select (select e.tenant_id from events e {index events_waiting}
				where e.number is null and e.position > 0 and e.tenant_id > w.tenant_id order by e.tenant_id limit 1)
			from waiting w where w.tenant_id is not null)
		select tenant_id from waiting where tenant_id is not null order by tenant_id`
	// A recursion stays in one database.
	qTenantsToNumberDistributed = `select t.tenant_id from tenants t where exists (select 1 from events e
		where e.tenant_id = t.tenant_id and e.number is null and e.position > 0) order by t.tenant_id`
	qTenantsToSeal = `select h.tenant_id from event_heads h left join seal_logs l on l.tenant_id = h.tenant_id
		where h.number > coalesce(l.size, 0) and coalesce(l.stopped, '') = '' order by h.tenant_id`
	qTenantsToAnchor = `select l.tenant_id from seal_logs l
		left join seal_anchors a on a.tenant_id = l.tenant_id and a.anchor = $1
		where l.size > 0 and l.stopped = '' and (a.tenant_id is null or (a.size < l.size or a.origin <> l.origin)
			and (a.next_at is null or a.next_at <= $2)) order by a.next_at, l.tenant_id limit $3`
	qEventHeads = `select t.tenant_id,
		coalesce((select h.number from event_heads h where h.tenant_id = t.tenant_id), 0),
		exists (select 1 from events e {index events_waiting}
			where e.tenant_id = t.tenant_id and e.number is null and e.position > 0)
		from tenants t where t.tenant_id {in $1}`
	// Each part only grows.
	qAccessVersions = `select x.tenant_id, x.policy_version + x.issuer_version + x.credential_version
		from tenants x where x.tenant_id {in $1}`
	qTenantsStopped = `select tenant_id from seal_logs where stopped <> '' order by tenant_id`
)

// AcrossTenants has each statement that sees more than one tenant, and what for: none tells
// of what is in them. Tests hold all others to one tenant.
var AcrossTenants = map[string]string{
	qTenants:                    "those who run the program list the tenants",
	qTenantsToNumber:            "whose events wait for their numbers",
	qTenantsToNumberDistributed: "the same, in a database that is distributed",
	qTenantsToSeal:              "whose numbered events wait for a seal",
	qTenantsToAnchor:            "whose checkpoints wait for an anchor",
	qTenantsStopped:             "whose log is not sealed any further",
	qEventHeads:                 "the numbers of many tenants' logs, for the metrics",
	qAccessVersions:             "what may be done where changed, for caches of all tenants",
	qWebhooksDue:                "whose deliveries are due",
	qAllWebhooks:                "the webhooks that there are, for the metrics",
	qTenantsEnding:              "whose grants end next",
	qAllTenants:                 "the migrations in Go go through the tenants one by one",
}

// acrossTenants is the one way around row-level security: a reading transaction that
// sees which tenants there are, and what work waits in which (migrations 20 and 31).
func (s *Store) acrossTenants(ctx context.Context, fn func(*session) error) error {
	return s.read(ctx, membership.ID{}, func(s *session) error {
		if err := s.execAll(ctx, s.store.engine.Dialect().ListTenants...); err != nil {
			return err
		}
		return fn(s)
	})
}

// Tenants lists at most limit tenants in the order of their ids, those with
// greater ids than after. It is for those who run the program on the
// server's store: no use case of a tenant has it.
func (s *Store) Tenants(ctx context.Context, after membership.ID, limit int) (ts []membership.Tenant, err error) {
	err = s.acrossTenants(ctx, func(s *session) error {
		ts, err = list(ctx, s, qTenants, []any{after, limit}, func(t *membership.Tenant) []any {
			return []any{&t.ID, &t.Name, (*stamp)(&t.CreatedAt)}
		})
		return err
	})
	return ts, err
}

// TenantsToNumber lists the tenants that have events without a number.
func (s *Store) TenantsToNumber(ctx context.Context) ([]membership.ID, error) {
	if s.engine.Dialect().Distributed {
		return s.listTenants(ctx, qTenantsToNumberDistributed)
	}
	return s.listTenants(ctx, qTenantsToNumber)
}

// TenantsToSeal lists the tenants that have events which are numbered, and not sealed.
func (s *Store) TenantsToSeal(ctx context.Context) ([]membership.ID, error) {
	return s.listTenants(ctx, qTenantsToSeal)
}

// TenantsToAnchor lists tenants whose newest checkpoint an anchor has not taken, and
// whose turn it is, those first that have waited longest.
func (s *Store) TenantsToAnchor(ctx context.Context, anchor string, now time.Time, limit int) ([]membership.ID, error) {
	return s.listTenants(ctx, qTenantsToAnchor, anchor, stamp(now), limit)
}

// TenantsStopped lists the tenants whose log is not sealed any further.
func (s *Store) TenantsStopped(ctx context.Context) ([]membership.ID, error) {
	return s.listTenants(ctx, qTenantsStopped)
}

// EventHeads implements membership.EventHeads.
func (s *Store) EventHeads(ctx context.Context, tenants []membership.ID) (heads []membership.EventHead, err error) {
	err = s.acrossTenants(ctx, func(s *session) error {
		heads, err = list(ctx, s, qEventHeads, []any{tenants}, func(h *membership.EventHead) []any {
			return []any{&h.Tenant, &h.Number, &h.Pending}
		})
		return err
	})
	return heads, err
}

func (s *Store) listTenants(ctx context.Context, q string, args ...any) (ids []membership.ID, err error) {
	err = s.acrossTenants(ctx, func(s *session) error {
		ids, err = s.ids(ctx, q, args...)
		return err
	})
	return ids, err
}
