package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/db"
)

func (p *program) migrateCommand() *cobra.Command {
	dryRun, citus := false, false
	c := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the store's schema up to date (serve does it too)",
		Args:  noArguments,
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "only say which migrations would run")
	c.Flags().BoolVar(&citus, "citus", false,
		"the database must be one of Citus, over whose nodes the tables are spread")
	c.RunE = p.configured(func(ctx context.Context, s settings) error {
		o := db.Options{Citus: citus, Spread: true}
		if dryRun {
			return p.pendingMigrations(ctx, s, o)
		}
		return p.migrate(ctx, s, o)
	})
	return c
}

func (p *program) migrate(ctx context.Context, s settings, o db.Options) error {
	store, err := p.makeStore(ctx, s, o)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "the %s store is up to date\n", store.Engine())
	return errors.Join(err, store.Close())
}

// pendingMigrations says what migrate would do to a store that is there.
func (p *program) pendingMigrations(ctx context.Context, s settings, o db.Options) error {
	store, err := p.openStoreAsIs(ctx, s, o)
	if err != nil {
		return err
	}
	names, err := store.PendingMigrations(ctx)
	if err == nil && len(names) == 0 {
		_, err = fmt.Fprintf(p.stdout, "the %s store is up to date\n", store.Engine())
	}
	for _, name := range names {
		_, werr := fmt.Fprintf(p.stdout, "would run migration %s\n", name)
		err = errors.Join(err, werr)
	}
	return errors.Join(err, store.Close())
}
