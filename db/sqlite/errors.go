package sqlite

import (
	"errors"
	"strings"

	zombiezen "zombiezen.com/go/sqlite"

	"github.com/scimbridge/scimbridge/db/engine"
)

var errCorrupted = errors.New("the file is damaged")

// Fault implements engine.Engine.
func (e *Engine) Fault(err error) engine.Fault {
	if errors.Is(err, errCorrupted) {
		return engine.Corrupted
	}
	switch zombiezen.ErrCode(err).ToPrimary() {
	case zombiezen.ResultFull:
		return engine.DiskFull
	case zombiezen.ResultReadOnly:
		return engine.ReadOnly
	case zombiezen.ResultCorrupt, zombiezen.ResultNotADB:
		return engine.Corrupted
	case zombiezen.ResultIOErr, zombiezen.ResultCantOpen:
		return engine.Unreachable
	}
	return engine.NoFault
}

// Class implements engine.Engine.
func (e *Engine) Class(err error) engine.Class {
	switch {
	case errors.Is(err, errOthersFailed):
		return engine.ClassRetry
	case errors.Is(err, engine.ErrBusy):
		return engine.ClassUnavailable
	}
	code := zombiezen.ErrCode(err) // of an error that is not SQLite's: ResultError
	switch code {
	case zombiezen.ResultConstraintUnique, zombiezen.ResultConstraintPrimaryKey:
		return engine.ClassUnique
	case zombiezen.ResultConstraintCheck: // the one there is
		return engine.ClassFrozen
	}
	switch code.ToPrimary() {
	case zombiezen.ResultBusy, zombiezen.ResultLocked:
		return engine.ClassRetry
	case zombiezen.ResultCantOpen, zombiezen.ResultIOErr, zombiezen.ResultFull, zombiezen.ResultReadOnly,
		zombiezen.ResultCorrupt,
		zombiezen.ResultNotADB:
		return engine.ClassUnavailable
	case zombiezen.ResultError: // of everything that is wrong with a statement
		if err != nil && strings.Contains(err.Error(), "no such table") {
			return engine.ClassNoTable
		}
	}
	return engine.ClassOther
}
