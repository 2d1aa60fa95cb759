package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/server"
)

// makeStore opens the configured store for bootstrap and migrate, which make it
// if there is none, and bring its schema up to date.
func (p *program) makeStore(ctx context.Context, s settings, o db.Options) (*db.Store, error) {
	p.warn(s)
	o.Logger = server.NewLogger(s.Config, p.stderr)
	store, made, err := server.OpenStore(ctx, s.Config, o)
	if err != nil {
		return nil, err
	}
	what := "the store is"
	if made {
		what = "made the store"
	}
	_, _ = fmt.Fprintf(p.stderr, "scimbridge: %s %s\n", what, server.StoreName(s.Config))
	return store, nil
}

// openStore opens the configured store for the other commands. They make none: a
// mistyped path would look like a store that lost everything. Nor do they change
// its schema, which a running server of an earlier version may need as it is.
func (p *program) openStore(ctx context.Context, s settings) (*db.Store, error) {
	return p.openStoreIf(ctx, s, db.Options{}, (*db.Store).CheckSchema)
}

// openStoreAsIs opens a store of any version.
func (p *program) openStoreAsIs(ctx context.Context, s settings, o db.Options) (*db.Store, error) {
	return p.openStoreIf(ctx, s, o, func(store *db.Store, ctx context.Context) error {
		if err := store.CheckSchema(ctx); errors.Is(err, db.ErrNoStore) {
			return err
		}
		return nil
	})
}

func (p *program) openStoreIf(
	ctx context.Context, s settings, o db.Options, check func(*db.Store, context.Context) error,
) (*db.Store, error) {
	p.warn(s)
	name := server.StoreName(s.Config)
	o.Logger, o.MustExist = server.NewLogger(s.Config, p.stderr), true
	store, err := db.Open(ctx, string(s.DatabaseURL), o)
	if err == nil {
		if err = check(store, ctx); err != nil {
			_ = store.Close() // the reason is err
		}
	}
	switch {
	case errors.Is(err, db.ErrNoStore):
		return nil,
			fmt.Errorf("%w: %s (serve, bootstrap and migrate make one; --database-url and SCIMBRIDGE_DATABASE_URL "+
				"say where)", err, name)
	case err != nil:
		return nil, fmt.Errorf("cannot use the store %s: %w", name, err)
	}
	_, _ = fmt.Fprintf(p.stderr, "scimbridge: the store is %s\n", name)
	return store, nil
}
