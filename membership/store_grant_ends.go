package membership

import (
	"context"
	"time"
)

// GrantEndWriter changes and keeps the ends of local grants.
type GrantEndWriter interface {
	// SetGrantEnd locks the group and gives the open local grant of a user another end,
	// with an event. KindInvalid: the new end has passed. Who puts the end of one off that
	// was taken by break-glass has taken it from then on, and it is not signed off any
	// more; KindForbidden: it waits for that, and another took it.
	SetGrantEnd(ctx context.Context, e GrantEnd) error
	// LocalGrantsEndingBefore returns those of users in a group whose local grant ends
	// before a time; zero: who have one that ends at all.
	LocalGrantsEndingBefore(ctx context.Context, group ID, users []ID, ends time.Time) ([]ID, error)
	// CloseEnded closes local grants that have ended by a time, limit of them at most:
	// each is dated at its end, with an event for those of a group that ended at once.
	// It returns how many it closed; with none, none is left.
	CloseEnded(ctx context.Context, call Call, at time.Time, limit int) (int, error)
	// NoticeEnds writes the notices of ends that are due, each once, of at most limit
	// grants, and returns of how many.
	NoticeEnds(ctx context.Context, call Call, at time.Time, limit int) (int, error)
	// LockBreakGlass returns what was taken by break-glass for a user in a group and is
	// not signed off, the oldest first.
	LockBreakGlass(ctx context.Context, group, user ID) ([]BreakGlass, error)
	// SignBreakGlass signs these of that off and no others; KindNotFound: there is none.
	SignBreakGlass(ctx context.Context, group, user ID, grants []ID, at time.Time) error
	// NextEnd notes when there is something for the two to do again.
	NextEnd(ctx context.Context) error
}
