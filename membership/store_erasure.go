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
	// NamesToErase are the userNames of a user and the external ids of events that name
	// them, as far as they are not erased.
	NamesToErase(ctx context.Context, user ID) (PersonNames, error)
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

// PersonNames are names that requests have of a person.
type PersonNames struct{ UserNames, ExternalIDs []string }

// RequestEraser takes a person's names out of the request log: those that are given,
// and all in requests that are about them. The requests stay, with their ids. It
// returns of how many, works in steps, and can be repeated.
type RequestEraser interface {
	EraseRequests(ctx context.Context, tenant, user ID, names PersonNames) (int, error)
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
