package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/server"
)

func (p *program) restoreCommand() *cobra.Command {
	var check bool
	var file string
	var keys []string
	c := &cobra.Command{
		Use:   "restore --check FILE",
		Short: "Say whether a backup can be restored, without a server",
		Long: "Read a copy of an embedded store and change nothing: is it whole, has it the schema\n" +
			"of this program, is the log of every tenant as its checkpoints say. Without FILE it\n" +
			"checks the configured store, if that is in PostgreSQL: a dump restored beside the\n" +
			"database in use. docs/backup.md has the steps of a restore itself.",
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case !check:
				return usageError("restore only checks: restore --check FILE" +
					" (docs/backup.md has the steps of a restore)")
			case len(args) > 1:
				return usageError("restore --check takes one FILE")
			case len(args) == 1:
				file = args[0]
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "check only (required)")
	c.Flags().StringArrayVar(&keys, "key", nil,
		"a `VKEY` that signed, or a file with one a line (may be given again); else those of the key file")
	c.RunE = p.configured(func(ctx context.Context, s settings) error {
		return p.checkRestore(ctx, s, file, seal.KeyLines(keys))
	})
	return c
}

func (p *program) checkRestore(ctx context.Context, s settings, file string, keys []string) (err error) {
	var store *db.Store
	name := file
	if _, embedded := s.DatabaseURL.File(); file != "" {
		store, err = p.openCopy(ctx, s, file)
	} else if embedded {
		return usageError("restore --check needs the FILE of the backup")
	} else {
		name = server.StoreName(s.Config)
		store, err = p.openStoreAsIs(ctx, s, db.Options{})
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer store.Close() //nolint:errcheck // it was only read
	if err := p.checkStore(ctx, s, store, keys); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = fmt.Fprintf(p.stdout, "%s can be restored\n", name)
	return err
}

// errNoTenant is what a dump made by the wrong role looks like.
var errNoTenant = errors.New("it has no tenant: a store that was never used, or a dump that row-level security" +
	" emptied (dump as a superuser or a role with BYPASSRLS)")

func (p *program) checkStore(ctx context.Context, s settings, store *db.Store, keys []string) error {
	if err := store.CheckIntegrity(ctx); err != nil {
		return err
	}
	if store.Engine() == "sqlite" {
		_, _ = fmt.Fprintln(p.stdout, "the file is whole")
	}
	if err := store.CheckSchema(ctx); err != nil {
		return fmt.Errorf("the logs were not verified, use the scimbridge that wrote it: %w", err)
	}
	tenants := 0
	sealer, err := server.ExistingSealer(s.Config, store)
	_ = err // of the key file: what is said of each log says whether its key is known
	err = sealer.CheckLogs(ctx, keys, func(c server.CheckedLog) {
		tenants++
		_, _ = fmt.Fprintf(p.stdout, "tenant %s: %s\n", c.Tenant, held(c))
	})
	if err == nil && tenants == 0 {
		err = errNoTenant
	}
	return err
}

// held says what held of a log.
func held(c server.CheckedLog) string {
	if !c.Found {
		return "its log has no checkpoint to be held against"
	}
	text := heldLog(c.VerifiedStore)
	if !c.KeyKnown {
		text += "; without the key file or --key it is not known who signed them"
	}
	return text
}
