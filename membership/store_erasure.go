package membership

import (
	"context"
	"time"
)

// ErasureWriter deletes what is kept of a person. Each method does a bounded part
// and says whether there is more; all of them can be repeated.
type ErasureWriter interface {
	// LockSomeGroupsOf is LockGroupsOf for the first limit groups. It returns them.
	LockSomeGroupsOf(ctx context.Context, user ID, limit int) ([]ID, error)
	// LockErasable is LockUser for a user who may be deleted already.
	LockErasable(ctx context.Context, user ID) (u User, deleted bool, err error)
	// EraseTexts deletes the texts of numbered events that name a user, of a change of
	// many those of all its events; of a number greater than t.After, at most t.Limit.
	// Those that say t.Keep stay.
	EraseTexts(ctx context.Context, t TextErasure) (ErasedTexts, error)
	// EraseCarriedTexts deletes the reasons of grants that have no numbered event.
	EraseCarriedTexts(ctx context.Context, user ID, keep string) (reasons int, err error)
	// EraseAnswers deletes the answers that are kept for idempotency keys and may tell
	// of a user, and lets no request that is under way keep one, but the one named.
	// Their reservations stay. It returns how many answers, and their bytes.
	EraseAnswers(ctx context.Context, user ID, requestID string) (answers, bytes int, err error)
	// EraseUser deletes everything of a user but the id and what happened when. It
	// reports whether there was anything.
	EraseUser(ctx context.Context, user ID, at time.Time) (bool, error)
}

// TextErasure is one Tx.EraseTexts.
type TextErasure struct {
	User  ID
	Keep  string
	After int64
	Limit int
}

// ErasedTexts counts what one deleted. Last is up to which number.
type ErasedTexts struct {
	Reasons, ExternalIDs int
	Last                 int64
	More                 bool
}
