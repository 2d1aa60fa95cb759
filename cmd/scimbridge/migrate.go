package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/server"
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
	p.warn(s)
	store, err := server.OpenStore(ctx, s.Config, server.NewLogger(s.Config, p.stderr))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "the %s store %s is up to date\n", store.Engine(), s.DatabaseURL)
	return errors.Join(err, store.Close())
}
