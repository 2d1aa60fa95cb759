package engine

import (
	"context"
	"fmt"

	"github.com/pressly/goose/v3"
)

const qSchemaVersion = `select coalesce(max(version_id), 0) from goose_db_version where is_applied`

// CheckSchema refuses a schema older than the program. A newer one is fine:
// during an upgrade the old program still serves.
func CheckSchema(ctx context.Context, t Tx, version int64) error {
	rs, err := t.Query(ctx, qSchemaVersion)
	if err != nil {
		return err
	}
	defer rs.Close()
	var have int64
	if _, err := ReadOne(rs, []any{&have}); err != nil {
		return err
	}
	if have < version {
		return fmt.Errorf("%w: it has schema %d, this program needs %d: run scimbridge migrate", ErrSchema, have, version)
	}
	return nil
}

// OutOfOrder says that migrations do not build on each other's numbers, and one of a
// branch may come in behind a later one.
var OutOfOrder = goose.WithAllowOutofOrder(true)
