package db

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// SealLog is the log of a tenant as it is sealed (package seal).
type SealLog struct {
	Origin    string
	PublicKey []byte
	Size      int64
	Stopped   string // why it is not sealed any further; "": it is
	Head      int64  // the last number that was given
}

// HashRun is consecutive hashes of a level of the tree, from an index on.
type HashRun struct {
	Level  int
	First  int64
	Hashes []byte
}

// StoredLeaf is an event as it was stored, with the columns that find it.
type StoredLeaf struct {
	Number, Position int64
	Body             []byte // the members in it
	Group, User      string // their ids; "": none
	Members          []byte // as they are stored beside the body; nil: none
	Keyed            bool   // it is found by its group and user
	Apart            bool   // the members stand beside the body, and not in it
}

// Seal is what one step of sealing adds to a log.
type Seal struct {
	Origin    string
	From      int64 // the size before
	Size      int64
	PublicKey []byte // the key in use
	At        time.Time
	Note      []byte    // the signed checkpoint
	Runs      []HashRun // new ones; a full one of 256 takes the place of those it has
	Event     *membership.Event
}

// ErrSealedElsewhere is that of a step on a log that is not as it was read: another
// server has sealed it, or it was stopped.
var ErrSealedElsewhere = errors.New("the log was sealed by another server")

const (
	qSealLog = `select origin, public_key, size, stopped,
		coalesce((select h.number from event_heads h where h.tenant_id = $1), 0) from seal_logs where tenant_id = $1`
	qInsertSealLog = `insert into seal_logs (tenant_id, origin, public_key, size) values ($1, $2, $3, 0)
		on conflict do nothing`
	qHoldSealLog = `update seal_logs set holder = $2, held_until = $3
		where tenant_id = $1 and (holder = $2 or held_until is null or held_until < $4)`
	qReleaseSealLog = `update seal_logs set held_until = null where tenant_id = $1 and holder = $2`
	qSealStep       = `update seal_logs set size = $4, public_key = $5
		where tenant_id = $1 and origin = $2 and size = $3 and stopped = ''`
	qStopSealLog      = `update seal_logs set stopped = $3 where tenant_id = $1 and origin = $2 and stopped = ''`
	qRestartSealLog   = `update seal_logs set origin = $2, public_key = $3, size = 0, stopped = '' where tenant_id = $1`
	qDeleteSealHashes = `delete from seal_hashes where tenant_id = $1`
	qDeleteHashRuns   = `delete from seal_hashes where tenant_id = $1 and level = $2 and first >= $3 and first < $4`
	qInsertHashRun    = `insert into seal_hashes (tenant_id, level, first, hashes) values ($1, $2, $3, $4)`
	qHashRuns         = `select first, hashes from seal_hashes
		where tenant_id = $1 and level = $2 and first >= $3 and first < $4 order by first`
	qInsertCheckpoint = `insert into seal_checkpoints (tenant_id, origin, size, at, note) values ($1, $2, $3, $4, $5)`
	qCheckpoint       = `select note from seal_checkpoints where tenant_id = $1 and origin = $2 and size = $3`
	qLastCheckpoints  = `select note from seal_checkpoints where tenant_id = $1 and origin = $2 and size <= $3
		order by size desc limit $4`

	qLeaves = `select number, position, body, coalesce(members, ''),
			case when group_id is null then '' else {text group_id} end,
		case when user_id is null then '' else {text user_id} end, {keys hold events}
		from events {index events_by_number} where tenant_id = $1 and number > $2 order by number limit $3`
)

// SealLog reads the log of a tenant; found says whether it has one.
func (s *Store) SealLog(ctx context.Context, tenant membership.ID) (l SealLog, found bool, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		err := s.one(ctx, "log", qSealLog, []any{tenant}, &l.Origin, &l.PublicKey, &l.Size, &l.Stopped, &l.Head)
		if found = err == nil; membership.KindOf(err) == membership.KindNotFound {
			return nil
		}
		return err
	})
	return l, found, err
}

// BeginSealLog makes the log of a tenant, if there is none, and says whether it did.
func (s *Store) BeginSealLog(
	ctx context.Context, tenant membership.ID, origin string, publicKey []byte,
) (made bool, err error) {
	err = s.update(ctx, tenant, func(s *session) error {
		n, err := s.exec(ctx, qInsertSealLog, tenant, origin, publicKey)
		made = n > 0
		return err
	})
	return made, err
}

// HoldSealLog makes a server the one that seals a log, until a time; held says
// whether it is. It saves work: what SealStep writes is right without it.
func (s *Store) HoldSealLog(
	ctx context.Context, tenant membership.ID, holder string, now, until time.Time,
) (held bool, err error) {
	err = s.update(ctx, tenant, func(s *session) error {
		n, err := s.exec(ctx, qHoldSealLog, tenant, holder, stamp(until), stamp(now))
		held = n > 0
		return err
	})
	return held, err
}

// ReleaseSealLog lets others seal a log that a server holds, before its time is over.
func (s *Store) ReleaseSealLog(ctx context.Context, tenant membership.ID, holder string) error {
	return s.update(ctx, tenant, func(s *session) error {
		_, err := s.exec(ctx, qReleaseSealLog, tenant, holder)
		return err
	})
}

// SealStep adds to a log, if it is as it was when the step was made, and otherwise
// does nothing and is ErrSealedElsewhere: of two servers one seals what comes next.
func (s *Store) SealStep(ctx context.Context, tenant membership.ID, step Seal) error {
	return s.update(ctx, tenant, func(s *session) error {
		n, err := s.exec(ctx, qSealStep, tenant, step.Origin, step.From, step.Size, step.PublicKey)
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrSealedElsewhere
		}
		for _, r := range step.Runs {
			if len(r.Hashes) == fullRun {
				if _, err := s.exec(ctx, qDeleteHashRuns, tenant, r.Level, r.First, r.First+256); err != nil {
					return err
				}
			}
			if _, err := s.exec(ctx, qInsertHashRun, tenant, r.Level, r.First, r.Hashes); err != nil {
				return err
			}
		}
		if step.Event != nil {
			if err := s.AppendEvents(ctx, *step.Event); err != nil {
				return err
			}
		}
		_, err = s.exec(ctx, qInsertCheckpoint, tenant, step.Origin, step.Size, stamp(step.At), string(step.Note))
		return err
	})
}

const fullRun = 256 * 32

// StopSealLog stops the sealing of a log, unless it goes on under another origin
// already; of several reasons the first stays.
func (s *Store) StopSealLog(ctx context.Context, tenant membership.ID, origin, reason string) error {
	return s.update(ctx, tenant, func(s *session) error {
		_, err := s.exec(ctx, qStopSealLog, tenant, origin, reason)
		return err
	})
}

// RestartSealLog begins a log anew under another origin, with the event that says why.
func (s *Store) RestartSealLog(
	ctx context.Context, tenant membership.ID, origin string, publicKey []byte, e membership.Event,
) error {
	return s.update(ctx, tenant, func(s *session) error {
		if err := s.changed(ctx, "log", qRestartSealLog, tenant, origin, publicKey); err != nil {
			return err
		}
		if _, err := s.exec(ctx, qDeleteSealHashes, tenant); err != nil {
			return err
		}
		return s.AppendEvents(ctx, e)
	})
}

// SealHashes reads hashes of a level, from an index on, width of them at most. They
// must lie in one piece of 256.
func (s *Store) SealHashes(
	ctx context.Context, tenant membership.ID, level int, first int64, width int,
) (b []byte, err error) {
	begin := first / 256 * 256
	err = s.read(ctx, tenant, func(s *session) error {
		runs, err := list(ctx, s, qHashRuns, []any{tenant, level, begin, begin + 256}, func(r *HashRun) []any {
			return []any{&r.First, &r.Hashes}
		})
		b = b[:0]
		for _, r := range runs {
			if r.First != begin+int64(len(b)/32) {
				return fmt.Errorf("hashes of level %d are missing from %d on", level, begin+int64(len(b)/32))
			}
			b = append(b, r.Hashes...)
		}
		return err
	})
	if skip := int(first-begin) * 32; err == nil {
		b = b[min(skip, len(b)):]
		b = b[:min(width*32, len(b))]
	}
	return b, err
}

// Checkpoint reads the signed checkpoint of a size; "": there is none.
func (s *Store) Checkpoint(
	ctx context.Context, tenant membership.ID, origin string, size int64,
) (note string, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		err := s.one(ctx, "checkpoint", qCheckpoint, []any{tenant, origin, size}, &note)
		if membership.KindOf(err) == membership.KindNotFound {
			return nil
		}
		return err
	})
	return note, err
}

// Checkpoints lists signed checkpoints of at most a size, the largest first.
func (s *Store) Checkpoints(
	ctx context.Context, tenant membership.ID, origin string, size int64, limit int,
) (notes []string, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		notes, err = list(ctx, s, qLastCheckpoints, []any{tenant, origin, size, limit},
			func(n *string) []any { return []any{n} })
		return err
	})
	return notes, err
}

// Leaves reads events as they were stored, by number, those after a number: in
// transactions of a batch each. It ends where no event has a greater number.
func (s *Store) Leaves(ctx context.Context, tenant membership.ID, after int64, batch int) iter.Seq2[StoredLeaf, error] {
	return func(yield func(StoredLeaf, error) bool) {
		for {
			leaves, err := s.leafBatch(ctx, tenant, after, batch)
			if err != nil {
				yield(StoredLeaf{}, err)
				return
			}
			for _, l := range leaves {
				if after = l.Number; !yield(l, nil) {
					return
				}
			}
			if len(leaves) < batch {
				return
			}
		}
	}
}

func (s *Store) leafBatch(
	ctx context.Context, tenant membership.ID, after int64, limit int,
) (leaves []StoredLeaf, err error) {
	err = s.read(ctx, tenant, func(s *session) error {
		leaves, err = list(ctx, s, qLeaves, []any{tenant, after, limit}, func(l *StoredLeaf) []any {
			return []any{&l.Number, &l.Position, &l.Body, &l.Members, &l.Group, &l.User, &l.Keyed}
		})
		return err
	})
	for i := range leaves {
		leaves[i].Apart = !hasMembers(leaves[i].Body)
		leaves[i].Body = storedText(leaves[i].Body, leaves[i].Members)
	}
	return leaves, err
}

// hasMembers reports whether a body has members in itself, where nothing looks for them.
func hasMembers(body []byte) bool {
	if !bytes.Contains(body, []byte(`"members":`)) {
		return false
	}
	var v struct{ Members json.RawMessage }
	return json.Unmarshal(body, &v) != nil || v.Members != nil
}

// storedText is body and members as one JSON object, as it is hashed and given to
// others.
func storedText(body, members []byte) []byte {
	if len(members) == 0 || len(body) == 0 {
		return body
	}
	return append(append(append(body[:len(body)-1:len(body)-1], `,"members":`...), members...), '}')
}
