package sqlite

import (
	"context"

	"github.com/scimbridge/scimbridge/db/engine"
)

// writeBacks is how often what was written during a copy is copied as well: with
// nothing left the log begins anew.
const writeBacks = 3

// WriteBack implements engine.Engine. The commit that finds the log long copies it into
// the file, and all who write wait for that and for the disk. This is done beside them,
// on a connection of its own.
func (e *Engine) WriteBack(ctx context.Context) error {
	c, err := e.back.take(ctx)
	if err != nil {
		return err
	}
	defer e.back.put(c)
	for range writeBacks {
		rs, err := c.query("pragma wal_checkpoint(passive)", nil)
		if err != nil {
			return err
		}
		var busy, pages, copied int64
		_, err = engine.ReadOne(rs, []any{&busy, &pages, &copied})
		rs.Close()
		if err != nil || busy != 0 || copied == pages {
			return err
		}
	}
	return nil
}
