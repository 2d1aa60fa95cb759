package db

import (
	"context"
	"errors"

	"fmt"

	"github.com/pressly/goose/v3"
)

const qSchemaVersion = `select coalesce(max(version_id), 0) from goose_db_version where is_applied`

// checkSchema refuses a schema older than the program. A newer one is fine:
// during an upgrade the old program still serves.
func checkSchema(ctx context.Context, q querier, version int64) error {
	var have int64
	s := &session{querier: q}
	if err := s.one(ctx, "schema", qSchemaVersion, nil, &have); err != nil {
		return err
	}
	if have < version {
		return fmt.Errorf("%w: it has schema %d, this program needs %d: run scimbridge migrate", errSchema, have, version)
	}
	return nil
}

// errSchema: the store was not migrated for this program.
var errSchema = errors.New("the store is not migrated")

// outOfOrder: migrations do not build on each other's numbers, and one of a
// branch may come in behind a later one.
var outOfOrder = goose.WithAllowOutofOrder(true)
