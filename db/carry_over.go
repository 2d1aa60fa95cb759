package db

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

// carryVersion is the migration in Go that carries grants and events of before over
// to the tables that migrations 21 and 22 made, and drops what they stood in. It works
// in steps, each a transaction: it can be stopped at any time and begun again.
const carryVersion = 30

func (s *Store) carryMigration() *goose.Migration {
	return goose.NewGoMigration(carryVersion, &goose.GoFunc{RunDB: func(ctx context.Context, conn *sql.DB) error {
		// Each a statement without a transaction: in one, SQLite keeps what an index of
		// five million events was in memory.
		for _, index := range []string{"events_of_user", "events_of_group", "events_of_actor"} {
			if _, err := conn.ExecContext(ctx, "drop index if exists "+index); err != nil {
				return err
			}
		}
		tenants, err := s.tenantsToCarry(ctx)
		if err != nil {
			return err
		}
		p := &carryProgress{log: s.log}
		for _, tenant := range tenants {
			for _, carry := range []func(context.Context, membership.ID, *carryProgress) error{s.carryEvents,
				s.carryGrants} {
				if err := carry(ctx, tenant, p); err != nil {
					return err
				}
			}
		}
		p.say()
		return s.update(ctx, membership.ID{}, func(s *session) error {
			return s.execAll(ctx, `drop table if exists grants_before`, `drop table if exists grant_events_before`,
				`drop table if exists events_before`, `drop table if exists member_events_before`)
		})
	}}, nil)
}

// tenantsToCarry lists the tenants, unless all is carried over and dropped.
func (s *Store) tenantsToCarry(ctx context.Context) (tenants []membership.ID, err error) {
	err = s.update(ctx, membership.ID{}, func(s *session) error {
		dialect := s.store.engine.Dialect()
		var left int
		if err := s.one(ctx, "schema", dialect.HasColumn, []any{"grants_before", "tenant_id"}, &left); err != nil ||
			left == 0 {
			return err
		}
		if err := s.execAll(ctx, dialect.UnlockTenants); err != nil {
			return err
		}
		if tenants, err = s.ids(ctx, qAllTenants); err != nil {
			return err
		}
		return s.execAll(ctx, dialect.LockTenants)
	})
	return tenants, err
}

// carryStep is how many rows a step carries over.
var carryStep = 2000

// carried is for a test that stops between two steps.
var carried = func() {}

// carryProgress says now and then how far it is.
type carryProgress struct {
	log            *zap.Logger
	events, grants int
	next           int
}

func (p *carryProgress) add(events, grants int) {
	const often = 100_000
	p.events, p.grants = p.events+events, p.grants+grants
	if p.events+p.grants >= p.next+often {
		p.say()
	}
	carried()
}

func (p *carryProgress) say() {
	p.next = p.events + p.grants
	if p.next > 0 {
		p.log.Info("migration: events and grants of the version before are carried over",
			zap.Int("events", p.events), zap.Int("grants", p.grants))
	}
}
