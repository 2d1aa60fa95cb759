package membership

import (
	"context"
	"time"
)

// longestEnd is the end of the longest local grant that the group takes of those opened at
// a time; zero: it need not end.
func (g *Group) longestEnd(opened time.Time) time.Time {
	if g.MaxGrantSeconds == 0 {
		return time.Time{}
	}
	return opened.Add(time.Duration(g.MaxGrantSeconds) * time.Second)
}

// convertGrants opens local grants for members of a connection, in a group that
// is locked, before the connection's close: so no membership is interrupted. They live as
// long as the group allows. A local grant that ends sooner is closed for it: else the
// membership would end with that.
func (d *Directory) convertGrants(ctx context.Context, tx Tx, t *tally, c MemberChange, g Group, users []ID) error {
	if g.MaxGrantSeconds > 0 { // the new grants are dated after all that was written
		written, err := tx.LastWritten(ctx)
		if err != nil {
			return err
		}
		c.At = d.clock.saw(later(c.At, written))
	}
	ends := g.longestEnd(c.At)
	sooner, err := tx.LocalGrantsEndingBefore(ctx, c.Group, users, ends)
	if err != nil {
		return err
	}
	if len(sooner) > 0 {
		closing := c
		closing.Close = sooner
		if _, err := t.change(ctx, tx, closing); err != nil {
			return err
		}
	}
	c.Open, c.ExpiresAt = users, ends
	_, err = t.change(ctx, tx, c)
	return err
}
