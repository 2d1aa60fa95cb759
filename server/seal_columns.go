package server

import (
	"context"
	"iter"

	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/seal"
)

// columnCheck holds what the store keeps beside the events of a log against them.
type columnCheck struct {
	ctx   context.Context
	log   sealedLog
	kept  *db.EventColumns
	batch []db.StoredLeaf // whose texts were not looked at yet
	text  int64           // the first event beside which a wrong text stands; 0: none
}

func newColumnCheck(ctx context.Context, l sealedLog) *columnCheck {
	return &columnCheck{ctx: ctx, log: l, kept: l.store.EventColumns(l.tenant)}
}

// leaves are the lines of the log, which are looked at when they are read.
func (c *columnCheck) leaves() iter.Seq2[[]byte, error] {
	return c.log.leaves(c.ctx, 0, func(l db.StoredLeaf) error {
		if err := checkColumns(l); err != nil {
			return err
		}
		c.kept.Add(l)
		if c.batch = append(c.batch, l); len(c.batch) < textBatch {
			return nil
		}
		return c.texts()
	})
}

// textBatch bounds what is held: the events of one batch of leaves are in memory.
const textBatch = 500

func (c *columnCheck) texts() error {
	if len(c.batch) == 0 {
		return nil
	}
	number, err := c.log.store.WrongText(c.ctx, c.log.tenant, c.batch)
	if c.text == 0 {
		c.text = number
	}
	c.batch = c.batch[:0]
	return err
}

// wrong is called after the last event, and returns of how many openings and closings of
// grants no event of the log tells.
func (c *columnCheck) wrong() (unlogged int64, err error) {
	if err := c.texts(); err != nil {
		return 0, err
	}
	number, unlogged, err := c.kept.Wrong(c.ctx)
	if err != nil {
		return 0, err
	}
	if number == 0 || c.text > 0 && c.text < number {
		number = c.text
	}
	if number > 0 {
		return 0, &seal.Finding{Kind: seal.Beside, Number: number}
	}
	return unlogged, nil
}
