package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

// statistics lets PostgreSQL look at its tables soon after they began to grow.
// Without statistics it takes any index for as good as any other, and a plan that
// was made for an empty table stays until there are some: a first import would
// read all that it has written again and again, up to a minute and more, until
// the server's own autovacuum comes by.
type statistics struct {
	pool    *pool
	log     *zap.Logger
	looking sync.Mutex

	// Grants are counted by themselves: they come when a hundred thousand users are
	// there, and an empty table is read as a whole, by plans that stay.
	directory, grants growth

	life context.Context //nolint:containedctx // the store's
	end  context.CancelFunc
}

// growth counts what was written, roughly, since the program began.
type growth struct {
	rows atomic.Int64
	next atomic.Int64 // how many rows call for the next look; 0: none any more
}

// The looks are at 300 rows, 3,000 and so on up to 3,000,000: then the tables
// have their statistics, and autovacuum keeps them.
const (
	firstLook = 300
	lastLook  = 3_000_000
)

const qAnalyze = `analyze tenants, connections, users, user_links, user_link_emails, groups, group_links, grants, ` +
	`past_grants,
	events,
	event_users, event_keys, event_spans`

func newStatistics(pool *pool, o Options) *statistics {
	s := &statistics{pool: pool, log: o.Logger}
	if !o.NoStatistics {
		s.directory.next.Store(firstLook)
		s.grants.next.Store(firstLook)
	}
	s.life, s.end = context.WithCancel(context.Background())
	return s
}

// close ends a look that is under way, and waits for it. It may be called again.
func (s *statistics) close() {
	s.end()
	s.looking.Lock()
	defer s.looking.Unlock()
}

// wrote counts rows of one growth that were committed. On Citus the tables belong to another
// role, which alone may analyze them.
func (s *statistics) wrote(g *growth, rows int) {
	n, next := g.rows.Add(int64(rows)), g.next.Load()
	if next == 0 || n < next || s.pool.citus.Load() || !s.looking.TryLock() {
		return
	}
	if s.life.Err() != nil { // closed meanwhile: no look begins any more
		s.looking.Unlock()
		return
	}
	for next <= n && next != 0 {
		if next *= 10; next > lastLook {
			next = 0
		}
	}
	g.next.Store(next)
	go func() {
		defer s.looking.Unlock()
		s.look()
	}()
}

// look only takes a lock that stops no reader and no writer.
func (s *statistics) look() {
	ctx, cancel := context.WithTimeout(s.life, time.Minute)
	defer cancel()
	err := s.pool.with(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, qAnalyze)
		return err
	})
	if err != nil && s.life.Err() == nil {
		s.log.Warn("the tables could not be analyzed: plans may be bad until autovacuum does it", zap.Error(err))
	}
}
