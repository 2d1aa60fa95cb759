package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (p *program) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the store's schema up to date (serve does it too)",
		Args:  noArguments,
		RunE:  p.configured(p.migrate),
	}
}

func (p *program) migrate(ctx context.Context, s settings) error {
	store, err := p.makeStore(ctx, s)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "the %s store is up to date\n", store.Engine())
	return errors.Join(err, store.Close())
}
