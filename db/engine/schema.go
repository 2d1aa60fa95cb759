package engine

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/pressly/goose/v3"
)

const (
	qSchemaVersion = `select coalesce(max(version_id), 0) from goose_db_version where is_applied`
	qOldestProgram = `select schema from oldest_program`
)

// CheckSchema refuses a schema older than the program. A newer one is fine, unless
// it says that it needs a newer program: during an upgrade the old one still serves.
func CheckSchema(ctx context.Context, t Tx, version int64) error {
	have, err := readNumber(ctx, t, qSchemaVersion)
	if err != nil {
		return err
	}
	if have < version {
		return fmt.Errorf("%w: it has schema %d, this program needs %d: run scimbridge migrate", ErrSchema, have,
			version)
	}
	return CheckProgram(ctx, t, version)
}

// CheckProgram refuses a schema that needs a newer program than the one that knows
// a version of it.
func CheckProgram(ctx context.Context, t Tx, version int64) error {
	oldest, err := readNumber(ctx, t, qOldestProgram)
	if err == nil && oldest > version {
		err = fmt.Errorf("%w: it needs a program that knows schema %d, this one knows %d: use the newer scimbridge",
			ErrProgram, oldest, version)
	}
	return err
}

func readNumber(ctx context.Context, t Tx, q string) (n int64, err error) {
	rs, err := t.Query(ctx, q)
	if err != nil {
		return 0, err
	}
	defer rs.Close()
	_, err = ReadOne(rs, []any{&n})
	return n, err
}

// Pending names the migrations that a provider would run now.
func Pending(ctx context.Context, p *goose.Provider) (names []string, err error) {
	found, err := p.Status(ctx)
	for _, m := range found {
		if m.State != goose.StatePending {
			continue
		}
		name := fmt.Sprintf("%05d", m.Source.Version)
		if m.Source.Path != "" {
			name = strings.TrimSuffix(path.Base(m.Source.Path), ".sql")
		}
		names = append(names, name)
	}
	return names, err
}

// OutOfOrder says that migrations do not build on each other's numbers, and one of a
// branch may come in behind a later one.
var OutOfOrder = goose.WithAllowOutofOrder(true)
