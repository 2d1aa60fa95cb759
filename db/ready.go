package db

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// NotReadyError says why the store cannot be used.
type NotReadyError struct {
	Reason string // unreachable, read_only, disk_full, corrupted, schema or failed
	Err    error  // for the log
}

// Error implements error.
func (e *NotReadyError) Error() string {
	return "the store is not ready (" + e.Reason + "): " + e.Err.Error()
}

// Unwrap returns the cause that belongs to the log.
func (e *NotReadyError) Unwrap() error { return e.Err }

// How long what a request met counts against readiness: a full disk may have room
// again soon, while damaged pages wait for an operator.
const (
	faultAge      = 10 * time.Second
	corruptionAge = 10 * time.Minute
)

// health is what is known of the store from requests that failed, and from writes
// that are tried for the purpose: a full disk or a read-only file shows nowhere else.
type health struct {
	mu      sync.Mutex
	fault   *NotReadyError // the last one, of a request
	faulted time.Time
	began   time.Time     // when the last trial of a write began
	tried   time.Time     // when it ended
	result  error         // of that trial
	trying  chan struct{} // closed when the trial under way ends; nil: none
}

// note keeps a fault that a request met.
func (h *health) note(fault engine.Fault, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault, h.faulted = &NotReadyError{string(fault), err}, time.Now()
}

// lately returns the fault that still counts, or nil.
func (h *health) lately() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	age := faultAge
	if h.fault != nil && h.fault.Reason == string(engine.Corrupted) {
		age = corruptionAge
	}
	if h.fault == nil || time.Since(h.faulted) > age || h.overcome() {
		return nil
	}
	return h.fault
}

// overcome reports whether a write that was tried since shows that a fault is over. It
// shows so of a database that was away: a full disk may have room for that much.
func (h *health) overcome() bool {
	away := h.fault.Reason == string(engine.Unreachable) || h.fault.Reason == string(engine.ReadOnly)
	return away && h.result == nil && h.began.After(h.faulted)
}

// A write is tried when readiness is asked for and the last trial is this old, or is of
// before a fault and a second old. The caller waits a moment for the result, and gets the
// last one if it takes longer.
const (
	trialEvery = 5 * time.Second
	trialAfter = time.Second
	trialWait  = 500 * time.Millisecond
	trialLimit = 30 * time.Second
)

// due reports whether it is time for a trial.
func (h *health) due() bool {
	age := trialEvery
	if h.fault != nil && !h.began.After(h.faulted) {
		age = trialAfter
	}
	return time.Since(h.tried) > age
}

// try returns the result of the newest trial of a write, and begins one if it is
// time.
func (h *health) try(ctx context.Context, write func(context.Context) error) error {
	h.mu.Lock()
	trying := h.trying
	if trying == nil && h.due() {
		trying = make(chan struct{})
		h.trying, h.began = trying, time.Now()
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), trialLimit)
			defer cancel()
			err := write(ctx)
			h.mu.Lock()
			defer h.mu.Unlock()
			h.tried, h.result, h.trying = time.Now(), err, nil
			close(trying)
		}()
	}
	h.mu.Unlock()
	if trying != nil {
		late := time.NewTimer(trialWait)
		defer late.Stop()
		select {
		case <-trying:
		case <-late.C: // a busy store is not a sick one
		case <-ctx.Done():
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.result
}

// Ready implements membership.Store. An error is a *NotReadyError.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.CheckSchema(ctx); err != nil {
		return s.notReady(err)
	}
	err := s.health.try(ctx, func(ctx context.Context) error {
		if err := s.engine.TryWrite(ctx); err != nil && !errors.Is(err, engine.ErrBusy) {
			return s.notReady(err)
		}
		return nil
	})
	if fault := s.health.lately(); fault != nil {
		return fault
	}
	return err
}

func (s *Store) notReady(err error) error {
	fault := s.engine.Fault(err)
	switch {
	case fault != engine.NoFault:
	case errors.Is(err, engine.ErrSchema), errors.Is(err, ErrNoStore):
		fault = engine.NoSchema
	case errors.Is(err, context.DeadlineExceeded):
		fault = engine.Unreachable
	default:
		fault = engine.Failed
	}
	return &NotReadyError{string(fault), err}
}

// CheckIntegrity reads the whole store and looks for damage, where the engine can;
// what it finds counts against readiness. It may take minutes.
func (s *Store) CheckIntegrity(ctx context.Context) error {
	err := s.engine.CheckIntegrity(ctx)
	s.noteFault(err)
	return err
}

// noteFault keeps what an error of the engine says of the store itself.
func (s *Store) noteFault(err error) {
	var e *membership.Error
	if err == nil || errors.As(err, &e) {
		return
	}
	// Whether the database can be reached is asked for anew each time.
	if fault := s.engine.Fault(err); fault != engine.NoFault && fault != engine.Unreachable {
		s.health.note(fault, err)
	}
}
