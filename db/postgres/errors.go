package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/scimbridge/scimbridge/db/engine"
)

// lostError is an error after which the connection is gone. Whether a commit that
// was under way happened is not known.
type lostError struct{ err error }

func (e *lostError) Error() string {
	return "the connection to the database was lost: " + e.err.Error()
}
func (e *lostError) Unwrap() error { return e.err }

// readOnlyTransaction: a standby, or a server that is being handed over.
const readOnlyTransaction = "25006"

// Fault implements engine.Engine.
func (e *Engine) Fault(err error) engine.Fault {
	var pe *pgconn.PgError
	switch {
	case errors.Is(err, errReadOnly):
		return engine.ReadOnly
	case !errors.As(err, &pe):
	case pe.Code == readOnlyTransaction:
		return engine.ReadOnly
	case pe.Code == "53100":
		return engine.DiskFull
	case pe.Code == "XX001", pe.Code == "XX002":
		return engine.Corrupted
	case pe.Code == "42P01":
		return engine.NoSchema
	}
	if unreachable(err) && !errors.Is(err, engine.ErrBusy) {
		return engine.Unreachable
	}
	return engine.NoFault
}

// grantHasEnded is the error of the function refuse_ended.
const grantHasEnded = "a grant has ended"

// acrossShards begins the error of Citus for a statement that goes to more than one shard.
const acrossShards = "multi-task query"

// Class implements engine.Engine.
func (e *Engine) Class(err error) engine.Class {
	if unreachable(err) { // whatever the reason: it is no defect of a request
		return engine.ClassUnavailable
	}
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return engine.ClassOther
	}
	switch {
	case pe.Message == grantHasEnded:
		return engine.ClassEnded
	case strings.HasPrefix(pe.Message, acrossShards): // a defect of a statement, of no node
		return engine.ClassOther
	case pe.Code == "23505" && samePosition(pe.ConstraintName):
		return engine.ClassRetry
	}
	switch pe.Code {
	case "40001", "40P01": // serialization failure, deadlock
		return engine.ClassRetry
	case "23505":
		return engine.ClassUnique
	case "23514": // the one check there is
		return engine.ClassFrozen
	case "42P01":
		return engine.ClassNoTable
	case "57014", "55P03": // canceled by statement_timeout, lock not available in time
		return engine.ClassUnavailable
	}
	switch pe.Code[:2] {
	case "08", "53", "57", "58", "XX": // connection, resources, shutdown, system, corrupted
		return engine.ClassUnavailable
	}
	return engine.ClassOther
}

// samePosition reports whether an index of the positions of events was violated, or that of a
// shard, whose name ends in its number: on Citus two transactions can take the same one.
func samePosition(index string) bool {
	return strings.HasPrefix(index, "events_identity") || strings.HasPrefix(index, "events_waiting")
}

// unreachable reports whether an error says that the database cannot be reached
// or is gone, whatever request met it.
func unreachable(err error) bool {
	var away *outageError
	var lost *lostError
	var connect *pgconn.ConnectError
	if errors.As(err, &away) || errors.As(err, &lost) || errors.As(err, &connect) {
		return true
	}
	if errors.Is(err, engine.ErrBusy) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrUnexpectedEOF) {
		return true
	}
	var ne net.Error
	return errors.As(err, &ne) && !errors.Is(err, context.Canceled)
}

// IsUnavailable reports whether an error of Open or Migrate may go away by itself: a
// database that cannot be reached, is starting, or has no connection to give.
func IsUnavailable(err error) bool {
	var pe *pgconn.PgError
	if errors.As(err, &pe) {
		switch pe.Code[:2] {
		case "08", "53", "57":
			return true
		}
		return pe.Code == readOnlyTransaction
	}
	return unreachable(err)
}
