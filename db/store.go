package db

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/db/postgres"
	"github.com/scimbridge/scimbridge/db/sqlite"
	"github.com/scimbridge/scimbridge/membership"
)

// Migrations are the SQL of both engines: migrations/<engine>/<version>_<name>.sql.
//
//go:embed migrations
var Migrations embed.FS

// Store implements membership.Store and the stores of auth on one database.
type Store struct {
	engine    engine.Engine
	delta     delta
	scans     *scanLimiter
	reads     *readLimiter
	heldNames engine.Queues[connectionOf, *heldName]
	lookups   engine.Queues[connectionOf, *lookup]
	log       *zap.Logger
	health    health
}

var (
	_ membership.Store = (*Store)(nil)
	_ auth.Store       = (*Store)(nil)
	_ auth.Tx          = (*session)(nil)
	_ auth.PolicyStore = (*Store)(nil)
	_ auth.PolicyTx    = (*session)(nil)
	_ auth.ClientStore = (*Store)(nil)
	_ auth.SetupStore  = (*Store)(nil)
	_ auth.ClientTx    = (*session)(nil)
)

// Options of a Store; the zero value of each field has a default.
type Options struct {
	Logger *zap.Logger // none
	// MustExist makes the error ErrNoStore where the file of an embedded store is
	// missing, instead of making it.
	MustExist bool
	// Copy opens a copy of an embedded store that no program uses, such as a backup, for
	// reading: neither it nor anything beside it is changed. ErrInUse: it has a log beside
	// it, without which it is not whole.
	Copy bool
	// Tracer makes spans of statements; nil: there are none.
	Tracer Tracer
	// Citus makes it an error to migrate a store that is not one of that extension of
	// PostgreSQL. One that is needs no option.
	Citus bool
	// Spread lets migrations spread a store that is on one PostgreSQL machine over the nodes of
	// Citus, where the database has it. A new store is made there in any case.
	Spread bool

	noStatistics bool // of tests: PostgreSQL plans without statistics
}

// Tracer makes a span of each statement of a request.
type Tracer = engine.Tracer

// ErrNoStore is that of a store which has to be there and is not.
var ErrNoStore = engine.ErrNoStore

// ErrInUse is that of a copy which is none.
var ErrInUse = engine.ErrInUse

// ErrNoBackup is that of Backup where the database has its own programs for it.
var ErrNoBackup = engine.ErrNoBackup

// IsUnavailable reports whether an error of Open or Migrate may go away by itself: a
// database that cannot be reached, is starting, or has no connection to give.
func IsUnavailable(err error) bool { return postgres.IsUnavailable(err) }

// Open opens the store of a URL without migrating it: sqlite:PATH, or
// postgres://… as pgx reads it. Errors never show the URL's password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	s := &Store{log: o.Logger, scans: newScanLimiter()}
	s.lookups.Run, s.heldNames.Run = s.lookUpBatch, s.updateHeldNames
	switch {
	case strings.HasPrefix(url, "sqlite:") && o.Citus:
		return nil, errors.New("an embedded store cannot be one of Citus: the database URL must begin with postgres://")
	case strings.HasPrefix(url, "sqlite:"):
		e, err := sqlite.Open(strings.TrimPrefix(url, "sqlite:"),
			sqlite.Options{Logger: o.Logger, MustExist: o.MustExist, Copy: o.Copy, Tracer: o.Tracer})
		if err != nil {
			return nil, err
		}
		s.engine, s.delta = e, &sqliteDelta{store: s, engine: e}
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		e, err := postgres.Open(ctx, url,
			postgres.Options{Logger: o.Logger, NoStatistics: o.noStatistics, Tracer: o.Tracer, Citus: o.Citus,
				Spread: o.Spread})
		if err != nil {
			return nil, err
		}
		s.engine, s.delta = e, newPostgresDelta(s, e)
	default:
		return nil, errors.New("the database URL must begin with sqlite: or postgres://")
	}
	s.reads = newReadLimiter(s.engine.ReadConnections())
	return s, nil
}

// Engine is sqlite or postgres.
func (s *Store) Engine() string { return s.engine.Name() }

// Backup writes a copy of one moment to a file that must not exist, while others read
// and write; the file is there when the copy is whole and was checked, or not at all.
func (s *Store) Backup(ctx context.Context, path string) error { return s.engine.Backup(ctx, path) }

// Close waits for nothing: end the use of the store first.
func (s *Store) Close() error { return s.engine.Close() }

// Migrate brings the schema to this program's version. Two processes may do it
// at once.
func (s *Store) Migrate(ctx context.Context) error {
	err := s.checkProgram(ctx)
	if err == nil {
		err = s.migrations(func(files fs.FS, inGo []*goose.Migration) error {
			return s.engine.Migrate(ctx, files, inGo...)
		})
	}
	if err != nil {
		return fmt.Errorf("migrate the store: %w", err)
	}
	return nil
}

// PendingMigrations names what Migrate would do now, in its order.
func (s *Store) PendingMigrations(ctx context.Context) (names []string, err error) {
	if err := s.checkProgram(ctx); err != nil {
		return nil, err
	}
	err = s.migrations(func(files fs.FS, inGo []*goose.Migration) (err error) {
		names, err = s.engine.Pending(ctx, files, inGo...)
		return err
	})
	return names, err
}

func (s *Store) migrations(do func(fs.FS, []*goose.Migration) error) error {
	files, err := fs.Sub(Migrations, "migrations/"+s.engine.Name())
	if err != nil {
		return err
	}
	return do(files, []*goose.Migration{s.nameMigration(), s.carryMigration()})
}

// checkProgram refuses a store that was migrated for a newer program only. A store
// without any schema, or of a time before that was said, takes any.
func (s *Store) checkProgram(ctx context.Context) error {
	return s.translate(s.engine.Read(ctx, membership.ID{}, func(t engine.Tx) error {
		var has int
		in := &session{tx: t, store: s}
		if err := in.one(ctx, "schema", s.engine.Dialect().HasColumn, []any{"oldest_program", "schema"},
			&has); err != nil || has == 0 {
			return err
		}
		return engine.CheckProgram(ctx, t, newest(s.engine.Name()))
	}))
}

// CheckSchema says whether the schema is at least this program's. A database
// without any of ours is ErrNoStore.
func (s *Store) CheckSchema(ctx context.Context) error {
	err := s.engine.CheckSchema(ctx, newest(s.engine.Name()))
	if err != nil && s.engine.Class(err) == engine.ClassNoTable {
		return fmt.Errorf("%w in this database", ErrNoStore)
	}
	return err
}

// newest is the version that the embedded migrations lead to.
func newest(name string) int64 {
	version := int64(carryVersion)
	names, _ := fs.Glob(Migrations, "migrations/"+name+"/*.sql")
	for _, n := range names {
		var v int64
		if _, err := fmt.Sscanf(n[strings.LastIndexByte(n, '/')+1:], "%d_", &v); err == nil {
			version = max(version, v)
		}
	}
	return version
}

// Read implements membership.Store.
func (s *Store) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	return s.settled(ctx, tenant, func() error {
		err := s.readOnce(ctx, tenant, nil, fn)
		if errors.Is(err, errNeedsSlot) {
			err = s.readScanning(ctx, tenant, fn)
		}
		return s.translate(err)
	})
}

// Update implements membership.Store.
func (s *Store) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	return s.UpdateCredentials(ctx, tenant, func(tx auth.Tx) error { return fn(tx) })
}

// UpdateCredentials implements auth.Store.
func (s *Store) UpdateCredentials(ctx context.Context, tenant membership.ID, fn func(auth.Tx) error) error {
	return s.update(ctx, tenant, func(s *session) error { return fn(s) })
}

// WriteBack is for who writes much in the background: what has to be done after it is
// done beside those who write, and not by the next of them.
func (s *Store) WriteBack(ctx context.Context) error { return s.translate(s.engine.WriteBack(ctx)) }

// Scrub implements membership.Store.
func (s *Store) Scrub(ctx context.Context) error {
	err := s.engine.Scrub(ctx)
	if errors.Is(err, engine.ErrBusy) {
		return &membership.Error{
			Kind: membership.KindUnavailable, Err: err,
			Message: "what was erased is deleted, but the log of the store still " +
				"has it, since others read an older state: repeat this, until it succeeds",
		}
	}
	return s.translate(err)
}

// WriteMembers implements membership.Store.
func (s *Store) WriteMembers(ctx context.Context, c membership.MemberChange) (r membership.MemberResult, err error) {
	// Before it shares a transaction with others.
	if err := checkCallTexts(c.Call.Actor, c.Call.Credential, c.Call.RequestID); err != nil {
		return r, err
	}
	err = s.settled(ctx, c.Call.Tenant, func() error {
		if !c.ExpiresAt.IsZero() {
			r, err = s.writeEnding(ctx, c)
			return err
		}
		return s.retry(ctx, func() error {
			r, err = s.delta.write(ctx, c)
			return s.noteEnded(err, &c)
		})
	})
	return r, err
}

// read runs a transaction that reads, but no scan; update one that may run again.
func (s *Store) read(ctx context.Context, tenant membership.ID, fn func(*session) error) error {
	return s.translate(s.engine.Read(ctx, tenant, func(t engine.Tx) error {
		return fn(&session{tx: t, store: s, tenant: tenant})
	}))
}

func (s *Store) update(ctx context.Context, tenant membership.ID, fn func(*session) error) error {
	return s.settled(ctx, tenant, func() error { return s.updateOnce(ctx, tenant, fn) })
}

// updateOnce is update for what meets no grants that have ended.
func (s *Store) updateOnce(ctx context.Context, tenant membership.ID, fn func(*session) error) error {
	return s.retry(ctx, func() error {
		return s.engine.Update(ctx, tenant, func(t engine.Tx) error {
			in := &session{tx: t, store: s, tenant: tenant}
			if err := fn(in); err != nil {
				return err
			}
			if err := in.writeTotals(ctx); err != nil {
				return err
			}
			return in.writeCredentialVersion(ctx)
		})
	})
}

// retry runs a transaction again when the engine says that another try may
// succeed, with a growing pause that differs from writer to writer.
func (s *Store) retry(ctx context.Context, run func() error) error {
	const tries = 12
	pause, began := 2*time.Millisecond, time.Now()
	for try := 1; ; try++ {
		err := run()
		if err == nil {
			return nil
		}
		class := s.engine.Class(err)
		// A lost race for a unique name shows on the next look; a name that is
		// still refused after a few looks is taken.
		again := class == engine.ClassRetry && try < tries && time.Since(began) < engine.WaitTimeout ||
			class == engine.ClassUnique && try < 3
		if !again || ctx.Err() != nil {
			return s.translate(err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause/2 + rand.N(pause)): //nolint:gosec // jitter, not a secret
		}
		pause = min(2*pause, 200*time.Millisecond)
	}
}

// translate turns an engine's error into the domain's. What the domain itself
// returned passes through.
func (s *Store) translate(err error) error {
	if err == nil || membership.KindOf(err) != "" {
		return err
	}
	s.noteFault(err)
	switch s.engine.Class(err) {
	case engine.ClassUnique:
		return &membership.Error{Kind: membership.KindUniqueness, Message: "the name is taken", Err: err}
	case engine.ClassFrozen:
		return membership.NotFound("group")
	case engine.ClassRetry, engine.ClassUnavailable:
		return &membership.Error{Kind: membership.KindUnavailable, Message: "the store cannot answer now", Err: err}
	}
	return err
}
