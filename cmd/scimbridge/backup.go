package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/server"
)

func (p *program) backupCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the embedded store while the server writes",
		Long: "Write a copy of the embedded store as it is at one moment, while the server goes on.\n" +
			"FILE must not exist, and is there when the copy was checked. The key that events\n" +
			"are sealed with is not in it. For PostgreSQL it says which program to use.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("backup needs one FILE")
			}
			file = args[0]
			return nil
		},
	}
	c.RunE = p.configured(func(ctx context.Context, s settings) error { return p.backup(ctx, s, file) })
	return c
}

func (p *program) backup(ctx context.Context, s settings, file string) error {
	if _, embedded := s.DatabaseURL.File(); !embedded {
		return dumpInstead(s.DatabaseURL, file)
	}
	store, err := p.openStoreAsIs(ctx, s, db.Options{})
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // it was only read
	switch err := store.Backup(ctx, file); {
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s exists: a backup takes the place of nothing", file)
	case err != nil:
		return fmt.Errorf("no backup was made: %w", err)
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %d bytes, checked\n", file, info.Size())
	if key := server.KeyFile(s.Config); key != "" {
		_, _ = fmt.Fprintf(p.stderr,
			"scimbridge: the key that events are sealed with is not in it (%s): keep it apart\n", key)
	}
	return err
}

// dumpInstead refuses: what the role of the server reads is no backup.
func dumpInstead(database config.DatabaseURL, file string) error {
	role, from := "the server's role", "postgres://scimbridge_backup@HOST/DATABASE"
	if u, err := url.Parse(string(database)); err == nil && u.Host != "" {
		if name := u.User.Username(); name != "" {
			role = fmt.Sprintf("%q, the server's role", name)
		}
		kept := url.Values{}
		for _, name := range []string{"sslmode", "sslrootcert"} {
			if v := u.Query().Get(name); v != "" {
				kept.Set(name, v)
			}
		}
		from = (&url.URL{
			Scheme: "postgres", User: url.User("scimbridge_backup"), Host: u.Host, Path: u.Path,
			RawQuery: kept.Encode(),
		}).String()
	}
	return config.Problems{
		"backup copies the embedded store, and this one is in PostgreSQL: use pg_dump," +
			" or what copies the whole cluster",
		"never dump as " + role + ": row-level security holds for it, and with --enable-row-security every table" +
			" of the dump is empty, without an error",
		"dump as a superuser, or as a role with BYPASSRLS (docs/backup.md makes scimbridge_backup):",
		fmt.Sprintf("pg_dump --format=custom --file=%s '%s'", file, from),
		"then restore it into another database, and run scimbridge restore --check with its --database-url",
	}
}

// openCopy opens a copy of an embedded store, which is not changed.
func (p *program) openCopy(ctx context.Context, s settings, file string) (*db.Store, error) {
	p.warn(s)
	return db.Open(ctx, "sqlite:"+file, db.Options{Logger: server.NewLogger(s.Config, p.stderr), Copy: true})
}
