// Package engine is the port between the queries of package db and the two
// databases below it: transactions and rows, the words that the databases spell
// differently, the classes of their errors, and the group-commit queue. Packages
// sqlite and postgres implement it; package db knows nothing else of a database
// but the steps of the member delta, which are each engine's own.
package engine

import (
	"context"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"github.com/scimbridge/scimbridge/membership"
)

// Engine is one open database.
type Engine interface {
	// Name is sqlite or postgres.
	Name() string
	Dialect() Dialect

	// Read runs fn once on a read-only snapshot.
	Read(ctx context.Context, tenant membership.ID, fn func(Tx) error) error
	// ReadAtOnce runs queries of a few rows each on one snapshot, in one round trip
	// where that counts.
	ReadAtOnce(ctx context.Context, tenant membership.ID, qs ...Query) error
	// ReadConnections is how many snapshots can be read at once.
	ReadConnections() int
	// Update runs fn once in a transaction: what it wrote is durable when Update
	// returns nil. Class says whether another try may succeed.
	Update(ctx context.Context, tenant membership.ID, fn func(Tx) error) error

	// Migrate applies the migrations that are missing. Two processes may do it at
	// once.
	Migrate(ctx context.Context, files fs.FS, inGo ...*goose.Migration) error
	// Pending names the migrations that Migrate would apply, in their order.
	Pending(ctx context.Context, files fs.FS, inGo ...*goose.Migration) ([]string, error)
	// CheckSchema is ErrSchema if the schema is older than a version, ErrProgram if it
	// needs a program that knows a newer one. It does not
	// wait for the connections that requests use.
	CheckSchema(ctx context.Context, version int64) error
	// TryWrite commits a write that changes nothing.
	TryWrite(ctx context.Context) error
	// CheckIntegrity looks for damage in all of the store, if the database can.
	CheckIntegrity(ctx context.Context) error
	// Backup writes a copy of one moment to a file that must not exist, while others
	// read and write. ErrNoBackup: the database has its own programs for that.
	Backup(ctx context.Context, path string) error

	// Scrub overwrites copies of what was deleted that the engine itself keeps; ErrBusy:
	// others still read them.
	Scrub(ctx context.Context) error

	// WriteBack does now what a commit would do after much was written, and all who
	// write would wait for.
	WriteBack(ctx context.Context) error

	Class(err error) Class
	// Fault says why an error means that the store itself cannot be used; NoFault:
	// it does not.
	Fault(err error) Fault

	// Close waits for nothing: end the use of the engine first.
	Close() error
}

// Dialect is what the databases do differently beside the words in braces. An
// empty statement is one that the database does not need.
type Dialect struct {
	// HasColumn counts the columns of the table $1 that have the name $2.
	HasColumn string
	// ListTenants opens the table of tenants to a transaction of no tenant.
	ListTenants []string
	// UnlockTenants and LockTenants do so around a migration, which may come before
	// the one that ListTenants needs.
	UnlockTenants, LockTenants string
	// RoundTrips: statements travel to a server, so what waits goes in one batch.
	RoundTrips bool
	// RowIDs: a statement can name rows by their place in the table, {row id x}.
	RowIDs bool
	// Distributed: the tables are spread over several databases by tenant.
	Distributed bool
	// OneWriter: while one transaction writes all others that write wait.
	OneWriter bool
}

// WaitTimeout is how long a request waits for a connection, or in a commit queue,
// before it fails with ErrBusy.
const WaitTimeout = 8 * time.Second

// Link names the link of a connection to a group; a zero connection stands for
// the local members of the group.
type Link struct{ Tenant, Connection, Group membership.ID }
