package engine

import "errors"

// Class sorts the errors of an engine by what to do about them.
type Class int

// The classes of errors.
const (
	ClassOther       Class = iota
	ClassRetry             // a serialization failure, a deadlock, a busy database
	ClassUnique            // a unique index refused
	ClassFrozen            // the link of a frozen connection refused a change of its version
	ClassUnavailable       // the database cannot be reached or is shutting down
	ClassNoTable           // a table is missing
	ClassEnded             // a grant of the member has ended and is not closed: close it and try again
)

// Fault is a reason for which a store cannot be used.
type Fault string

// The faults of a store.
const (
	NoFault     Fault = ""
	Unreachable Fault = "unreachable" // the database does not answer
	ReadOnly    Fault = "read_only"   // it takes no writes
	DiskFull    Fault = "disk_full"   // there is no room for a write
	Corrupted   Fault = "corrupted"   // pages of it cannot be read
	NoSchema    Fault = "schema"      // it is not migrated to what this program expects
	Failed      Fault = "failed"      // anything else: the log has it
)

var (
	// ErrBusy is the answer to a request that waited too long.
	ErrBusy = errors.New("too many requests wait for the store")
	// ErrNoStore is that of a store which has to be there and is not.
	ErrNoStore = errors.New("there is no store")
	// ErrInUse is that of a copy which has the log of a store in use beside it.
	ErrInUse = errors.New("a log (-wal or -journal) is beside it: it is in use, or was copied while it was")
	// ErrNoBackup is that of a database which this program does not copy.
	ErrNoBackup = errors.New("the database has its own programs for backups")
	// ErrSchema is that of a store which was not migrated for this program.
	ErrSchema = errors.New("the store is not migrated")
	// ErrProgram is that of a store which was migrated for a newer program, and can
	// only be used by it.
	ErrProgram = errors.New("the store is of a newer version")
)
