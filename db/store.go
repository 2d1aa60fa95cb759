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
	"github.com/scimbridge/scimbridge/membership"
)

//go:embed migrations
var migrations embed.FS

// Store implements membership.Store and the stores of auth on one database.
type Store struct {
	engine engine
	scans  *scanPlaces
	log    *zap.Logger
	health health
}

var (
	_ membership.Store = (*Store)(nil)
	_ auth.Store       = (*Store)(nil)
	_ auth.Tx          = (*session)(nil)
	_ auth.PolicyStore = (*Store)(nil)
	_ auth.PolicyTx    = (*session)(nil)
	_ auth.ClientStore = (*Store)(nil)
	_ auth.ClientTx    = (*session)(nil)
)

// Options of a Store; the zero value of each field has a default.
type Options struct {
	Logger *zap.Logger // none
	// MustExist makes the error ErrNoStore where the file of an embedded store is
	// missing, instead of making it.
	MustExist bool
}

// engine is what SQLite and PostgreSQL do differently.
type engine interface {
	name() string
	// view runs fn on a read-only snapshot, update in a transaction; each once.
	view(ctx context.Context, tenant membership.ID, fn func(querier) error) error
	update(ctx context.Context, tenant membership.ID, fn func(querier) error) error
	// changeMembers runs inside the transaction of q, writeMembers in one of its
	// own or together with others who come at the same time.
	changeMembers(ctx context.Context, q querier, c membership.MemberChange) (membership.MemberResult, error)
	writeMembers(ctx context.Context, c membership.MemberChange) (membership.MemberResult, error)
	migrate(ctx context.Context, files fs.FS, inGo ...*goose.Migration) error
	// hasColumn is a query that counts the columns of a table with a name, and
	// tenants lists all tenants; both are for migrations.
	hasColumn() string
	tenants(ctx context.Context, s *session) ([]membership.ID, error)
	ready(ctx context.Context, version int64) error
	// tryWrite commits a write that changes nothing.
	tryWrite(ctx context.Context) error
	// checkIntegrity looks for damage in all of the store, where that can be asked for.
	checkIntegrity(ctx context.Context) error
	class(err error) errorClass
	// fault returns the reason for which an error says that the store itself cannot
	// be used, or "".
	fault(err error) string
	close() error
}

// errorClass sorts the errors of an engine by what to do about them.
type errorClass int

const (
	classOther       errorClass = iota
	classRetry                  // a serialization failure, a deadlock, a busy database
	classUnique                 // a unique index refused
	classFrozen                 // the link of a frozen connection refused a change of its version
	classUnavailable            // the database cannot be reached or is shutting down
	classNoTable                // a table is missing
)

// Open opens the store of a URL without migrating it: sqlite:PATH, or
// postgres://… as pgx reads it. Errors never show the URL's password.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	var e engine
	var err error
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		e, err = openSQLite(strings.TrimPrefix(url, "sqlite:"), o)
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		e, err = openPostgres(ctx, url, o.Logger)
	default:
		err = errors.New("the database URL must begin with sqlite: or postgres://")
	}
	if err != nil {
		return nil, err
	}
	return &Store{engine: e, log: o.Logger, scans: newScanPlaces()}, nil
}

// Engine is sqlite or postgres.
func (s *Store) Engine() string { return s.engine.name() }

// Close waits for nothing: end the use of the store first.
func (s *Store) Close() error { return s.engine.close() }

// Migrate brings the schema to this program's version. Two processes may do it
// at once.
func (s *Store) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations/"+s.engine.name())
	if err != nil {
		return err
	}
	if err := s.engine.migrate(ctx, files, s.nameMigration()); err != nil {
		return fmt.Errorf("migrate the store: %w", err)
	}
	return nil
}

// CheckSchema says whether the schema is at least this program's. A database
// without any of ours is ErrNoStore.
func (s *Store) CheckSchema(ctx context.Context) error {
	err := s.engine.ready(ctx, newest(s.engine.name()))
	if err != nil && s.engine.class(err) == classNoTable {
		return fmt.Errorf("%w in this database", ErrNoStore)
	}
	return err
}

// newest is the version that the embedded migrations lead to.
func newest(engine string) int64 {
	version := int64(nameVersion)
	names, _ := fs.Glob(migrations, "migrations/"+engine+"/*.sql")
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
	err := s.viewOnce(ctx, tenant, nil, fn)
	if errors.Is(err, errNeedsPlace) {
		err = s.viewScanning(ctx, tenant, fn)
	}
	return s.translate(err)
}

// Update implements membership.Store.
func (s *Store) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	return s.UpdateCredentials(ctx, tenant, func(tx auth.Tx) error { return fn(tx) })
}

// UpdateCredentials implements auth.Store.
func (s *Store) UpdateCredentials(ctx context.Context, tenant membership.ID, fn func(auth.Tx) error) error {
	return s.retry(ctx, func() error {
		return s.engine.update(ctx, tenant, func(q querier) error {
			return fn(&session{querier: q, engine: s.engine, tenant: tenant})
		})
	})
}

// WriteMembers implements membership.Store.
func (s *Store) WriteMembers(ctx context.Context, c membership.MemberChange) (r membership.MemberResult, err error) {
	err = s.retry(ctx, func() error {
		r, err = s.engine.writeMembers(ctx, c)
		return err
	})
	return r, err
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
		class := s.engine.class(err)
		// A lost race for a unique name shows on the next look; a name that is
		// still refused after a few looks is taken.
		again := class == classRetry && try < tries && time.Since(began) < acquireTimeout || class == classUnique && try < 3
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
	var e *membership.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	s.noteFault(err)
	switch s.engine.class(err) {
	case classUnique:
		return &membership.Error{Kind: membership.KindUniqueness, Message: "the name is taken", Err: err}
	case classFrozen:
		return membership.NotFound("group")
	case classRetry, classUnavailable:
		return &membership.Error{Kind: membership.KindUnavailable, Message: "the store cannot answer now", Err: err}
	}
	return err
}
