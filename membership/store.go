package membership

import "context"

// Store is the port to durable storage. Every implementation passes the one
// contract suite in db/dbtest.
//
// Nothing read or written through it crosses the tenant that it was opened
// for. A row that does not exist is an error of KindNotFound. A name that is
// taken is an error of KindUniqueness.
type Store interface {
	Lookups

	// Read runs fn on one consistent snapshot. What fn reads is valid during fn
	// only. fn may begin anew when it comes to a list that no index answers: such
	// queries wait for a semaphore. They end with KindRateLimited when they wait for
	// too long, and with KindTooMany when they run for too long.
	Read(ctx context.Context, tenant ID, fn func(Reader) error) error

	// Update runs fn in one transaction: all of it is durable when Update
	// returns nil, and none of it otherwise. fn may run again after a
	// serialization failure, a deadlock or a lost race for a unique name, so it
	// must not change what lies outside it except by assignment.
	Update(ctx context.Context, tenant ID, fn func(Tx) error) error

	// UpdateHolding is Update for a transaction that begins with Tx.LockNameHolders. While
	// none has the name or one of the addresses it may be one with others of the same
	// moment (group commit): fn refuses before it writes, if it does.
	UpdateHolding(ctx context.Context, tenant ID, n HeldName, fn func(Tx, NameHolders) error) error

	// WriteMembers is Tx.ChangeMembers in a transaction of its own, or in one batch with
	// others of the same moment (group commit), in as few round trips as the engine
	// allows; before that c.Judge, if there is one, decides. Its cost follows the change,
	// never the size of the group.
	WriteMembers(ctx context.Context, c MemberChange) (MemberResult, error)

	// Scrub overwrites what was deleted wherever the store itself keeps copies of it,
	// such as a log; KindUnavailable: readers of an older state still need them. What
	// a database server keeps is not in its power.
	Scrub(ctx context.Context) error

	// Ready reports whether the store answers and has the schema that this
	// program expects.
	Ready(ctx context.Context) error
}

// Reader reads one tenant. It is made of ports by subject, each in a file store_*.go;
// a function that reads one subject takes that port.
type Reader interface {
	TimeReader
	TenantReader
	ConnectionReader
	UserReader
	UserLinkReader
	GroupReader
	GroupLinkReader
	MemberReader
	GrantReader
	RemovalReader
	RegisterReader
	EventReader
	NameReader
	OrganizationReader
	OutboxReader
	WebhookReader
	CaptureReader
}

// Tx reads and writes one tenant inside a transaction. Its Lock methods return the
// row as it is now, and later writers of it wait until the transaction ends.
type Tx interface {
	Reader
	TenantWriter
	ConnectionWriter
	ScopeWriter
	UserWriter
	UserLinkWriter
	GroupWriter
	GroupLinkWriter
	MemberWriter
	GrantEndWriter
	RemovalWriter
	EventWriter
	ReservationWriter
	OrganizationWriter
	OutboxWriter
	ErasureWriter
	WebhookWriter
	CaptureWriter
	PartWriter
}
