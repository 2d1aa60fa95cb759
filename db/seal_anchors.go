package db

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// SealReceipt is what an anchor gave back for a checkpoint.
type SealReceipt struct {
	Anchor, Lines string
	Token         []byte
}

// AnchorTurn is the turn of a server to carry the checkpoints of one log to one
// anchor. Servers that share a store share the turns.
type AnchorTurn struct {
	Origin   string // of the largest checkpoint that the anchor took; "": none yet
	Size     int64
	Failures int // since then
}

const (
	qNewAnchorTurn  = `insert into seal_anchors (tenant_id, anchor) values ($1, $2) on conflict do nothing`
	qTakeAnchorTurn = `update seal_anchors set next_at = $4
		where tenant_id = $1 and anchor = $2 and (next_at is null or next_at <= $3) returning origin, size, failures`
	qAnchorTook = `update seal_anchors set origin = $3, size = $4, failures = 0, next_at = $5
		where tenant_id = $1 and anchor = $2 and (origin <> $3 or size <= $4)`
	qAnchorFailed = `update seal_anchors set failures = failures + 1, next_at = $3 where tenant_id = $1 and anchor = $2`

	qInsertReceipt = `insert into seal_receipts (tenant_id, origin, size, anchor, at, lines, token)
		values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`
	qReceipts = `select anchor, lines, token from seal_receipts
		where tenant_id = $1 and origin = $2 and size = $3 order by anchor`
	qTimeStamp = `select size, token from seal_receipts {index seal_time_stamps}
		where tenant_id = $1 and origin = $2 and size >= $3 and size <= $4 and octet_length(token) > 0
		order by size desc limit 1`
)

// TakeAnchorTurn takes the turn for a log and an anchor, until a time; taken says
// whether it was free.
func (s *Store) TakeAnchorTurn(
	ctx context.Context, tenant membership.ID, anchor string, now, until time.Time,
) (turn AnchorTurn, taken bool, err error) {
	err = s.update(ctx, tenant, func(s *session) error {
		if _, err := s.exec(ctx, qNewAnchorTurn, tenant, anchor); err != nil {
			return err
		}
		err := s.one(ctx, "turn", qTakeAnchorTurn, []any{tenant, anchor, stamp(now), stamp(until)},
			&turn.Origin, &turn.Size, &turn.Failures)
		if taken = err == nil; membership.KindOf(err) == membership.KindNotFound {
			return nil
		}
		return err
	})
	return turn, taken, err
}

// AnchorTook notes that an anchor took a checkpoint, keeps what it gave back, if it
// did, and ends the turn: the next is not before a time.
func (s *Store) AnchorTook(
	ctx context.Context, tenant membership.ID, origin string, size int64, r SealReceipt, at, next time.Time,
) error {
	return s.update(ctx, tenant, func(s *session) error {
		if r.Lines != "" || len(r.Token) > 0 {
			token := append([]byte{}, r.Token...) // not NULL
			_, err := s.exec(ctx, qInsertReceipt, tenant, origin, size, r.Anchor, stamp(at), r.Lines, token)
			if err != nil {
				return err
			}
		}
		_, err := s.exec(ctx, qAnchorTook, tenant, r.Anchor, origin, size, stamp(next))
		return err
	})
}

// AnchorFailed notes that an anchor did not take a checkpoint, and ends the turn.
func (s *Store) AnchorFailed(ctx context.Context, tenant membership.ID, anchor string, next time.Time) error {
	return s.update(ctx, tenant, func(s *session) error {
		_, err := s.exec(ctx, qAnchorFailed, tenant, anchor, stamp(next))
		return err
	})
}

// Receipts lists what anchors gave back for a checkpoint.
func (s *Store) Receipts(
	ctx context.Context, tenant membership.ID, origin string, size int64,
) (rs []SealReceipt, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		rs, err = list(ctx, s, qReceipts, []any{tenant, origin, size}, func(r *SealReceipt) []any {
			return []any{&r.Anchor, &r.Lines, &r.Token}
		})
		return err
	})
	return rs, err
}

// TimeStamp is the time stamp of a checkpoint, or with size 0 the newest that there
// is, and the size of its checkpoint. nil: there is none.
func (s *Store) TimeStamp(
	ctx context.Context, tenant membership.ID, origin string, size int64,
) (of int64, token []byte, err error) {
	from, through := size, size
	if size == 0 {
		through = 1 << 62
	}
	err = s.read(ctx, tenant, func(s *session) error {
		err := s.one(ctx, "time stamp", qTimeStamp, []any{tenant, origin, from, through}, &of, &token)
		if membership.KindOf(err) == membership.KindNotFound {
			return nil
		}
		return err
	})
	return of, token, err
}
