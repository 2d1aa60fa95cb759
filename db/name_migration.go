package db

import (
	"context"
	"database/sql"
	"slices"

	"github.com/pressly/goose/v3"

	"github.com/scimbridge/scimbridge/membership"
)

// nameVersion is the migration in Go: until version 17 names were compared by
// Unicode's full case folding, to which ß is ss. It cannot be SQL, because the
// keys are made by membership.Fold.
const nameVersion = 17

// nameSchema is in one transaction, and nothing else of the migration needs it
// undone: keys are made anew afterwards, step by step.
//
// name_rank tells users apart whose names became the same by the new keys: the
// unique indexes end with it. It is 0 for all others, so that a name can be
// given to one only. name_parted marks a link that was made because two names
// were the same, which are no longer. native_* are what was set natively before
// a provider said something else.
var nameSchema = []string{
	`alter table users add column name_rank integer not null default 0`,
	`alter table users add column native_user_name text not null default ''`,
	`alter table users add column native_email text not null default ''`,
	`alter table users add column native_name text not null default ''`,
	`drop index users_user_name`,
	`create unique index users_user_name on users (tenant_id, user_name_key, name_rank) where deleted_at is null`,
	`create index users_name_shared on users (tenant_id, user_name_key) where name_rank > 0 and deleted_at is null`,

	`alter table user_links add column name_rank integer not null default 0`,
	`alter table user_links add column name_parted integer not null default 0`,
	`drop index user_links_user_name`,
	`create unique index user_links_user_name on user_links (tenant_id, user_name_key, connection_id, name_rank)`,
	`create index user_links_name_shared on user_links (tenant_id, user_name_key) where name_rank > 0`,
	`create index user_links_name_parted on user_links (tenant_id, user_id) where name_parted = 1`,

	`alter table group_links add column name_rank integer not null default 0`,
	`drop index group_links_display_name`,
	`create unique index group_links_display_name
		on group_links (tenant_id, display_name_key, connection_id, name_rank)`,
	`create index group_links_name_shared on group_links (tenant_id, display_name_key) where name_rank > 0`,
}

// nameMigration makes the schema and then the keys of all names anew. It can be
// stopped at any time and begun again, also by several servers at once: whatever
// has its key already is left alone.
func (s *Store) nameMigration() *goose.Migration {
	return goose.NewGoMigration(nameVersion, &goose.GoFunc{RunDB: func(ctx context.Context, _ *sql.DB) error {
		tenants, err := s.prepareNames(ctx)
		if err != nil {
			return err
		}
		for _, tenant := range tenants {
			if err := s.renewNames(ctx, tenant); err != nil {
				return err
			}
		}
		return nil
	}}, nil)
}

// prepareNames makes the schema, unless it is there, and lists the tenants.
func (s *Store) prepareNames(ctx context.Context) (tenants []membership.ID, err error) {
	err = s.update(ctx, membership.ID{}, func(s *session) error {
		dialect := s.store.engine.Dialect()
		var made int
		if err := s.one(ctx, "schema", dialect.HasColumn, []any{"users", "name_rank"}, &made); err != nil {
			return err
		}
		var statements []string
		if made == 0 {
			statements = nameSchema
		}
		if err := s.execAll(ctx, append(slices.Clone(statements), dialect.UnlockTenants)...); err != nil {
			return err
		}
		if tenants, err = s.ids(ctx, qAllTenants); err != nil {
			return err
		}
		return s.execAll(ctx, dialect.LockTenants)
	})
	return tenants, err
}

// execAll runs statements, those that are not empty.
func (s *session) execAll(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if statement == "" {
			continue
		}
		if _, err := s.exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
