package server

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/scim"
)

// dryRunTimeout bounds what a dry run takes, above all its transaction.
const dryRunTimeout = 5 * time.Second

// dryRuns tries kept requests again: through the SCIM door, over a store that rolls
// back what they write.
type dryRuns struct {
	store     *db.Store
	directory *membership.Directory
	policy    membership.Policy
	guard     membership.RemovalGuard
	config    scim.Config
	limits    dryRunLimits
}

// DryRun implements api.DryRuns.
func (d *dryRuns) DryRun(
	ctx context.Context, call membership.Call, id membership.ID,
) (run membership.DryRun, err error) {
	kept, body, err := d.directory.RequestToTry(ctx, call, id)
	if err != nil {
		return run, err
	}
	sender, err := d.sender(ctx, kept)
	if err != nil {
		return run, err
	}
	leave, err := d.limits.enter(call.Tenant)
	if err != nil {
		return run, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(ctx, dryRunTimeout)
	defer cancel()
	store := &rolledBack{Lookups: d.store, store: d.store}
	door := scim.New(membership.NewDirectory(store, d.policy, membership.Options{
		Guard: d.guard, Refusals: membership.NewRefusals(unwritten{}, time.Now),
	}), sender, d.config)
	r, err := http.NewRequestWithContext(ctx, kept.Method, kept.Path, strings.NewReader(body))
	if err != nil {
		return run, err
	}
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set(requestIDHeader, call.RequestID)
	if kept.Method == http.MethodPatch {
		r.Header.Set("Prefer", "return=minimal")
	} else {
		r.URL.RawQuery = "attributes=id" // members need not be read
	}
	answer := &statusOnly{header: http.Header{}}
	auth.Addressed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note := auth.NoteOf(r.Context())
		door.ServeHTTP(w, r)
		run.Status, run.RequestAnswer = answer.status, note.Answer
		if store.tried && run.Status == http.StatusNotFound { // what was made is not there to be shown
			run.Status, run.RequestAnswer = http.StatusCreated, note.Effect.Answer()
			run.Ignored = note.Answer.Ignored
		}
		run.Complete = note.Effect.MoreEvents == 0 && len(store.events) == len(note.Effect.Events)
	})).ServeHTTP(answer, r)
	if err := ctx.Err(); err != nil || run.Outcome == membership.RequestFailed {
		return run, &membership.Error{
			Kind: membership.KindUnavailable, Err: err, Message: "the dry run could not be carried out: try again",
		}
	}
	run.Changes = store.events
	return run, nil
}

// sender is the connection, with the scopes that the credential has which sent the
// request, if it is still there.
func (d *dryRuns) sender(ctx context.Context, r membership.Request) (sender, error) {
	var c membership.Connection
	err := d.store.Read(ctx, r.Tenant, func(tx membership.Reader) (err error) {
		c, err = tx.Connection(ctx, r.Connection)
		return err
	})
	if err != nil {
		return sender{}, err
	}
	if !c.RemovedAt.IsZero() {
		return sender{}, &membership.Error{Kind: membership.KindNotFound, Message: "the connection was removed"}
	}
	p := auth.Principal{
		Tenant: r.Tenant, Kind: auth.KindSCIM, Connection: c.ID, Permissions: []string{auth.ScopeSCIM},
		Actor:      membership.Actor{Kind: membership.ActorConnection, ID: c.ID.String()},
		Credential: membership.Credential{Kind: membership.CredentialToken, ID: r.Credential},
		Paused:     !c.PausedAt.IsZero(),
	}
	switch t, err := d.store.Token(ctx, r.Tenant, r.Credential); {
	case err == nil && t.Kind == auth.KindSCIM && t.Connection == c.ID:
		p.Permissions = t.Scopes
	case err != nil && membership.KindOf(err) != membership.KindNotFound:
		return sender{}, err
	}
	return sender{p}, nil
}

// sender implements scim.Verifier: it is known already.
type sender struct{ auth.Principal }

// Verify implements scim.Verifier.
func (s sender) Verify(context.Context, string) (auth.Principal, error) { return s.Principal, nil }

// errRolledBack ends a transaction that succeeded.
var errRolledBack = &membership.Error{Kind: membership.KindInvalid, Message: "this is a dry run"}

// rolledBack is a store in which nothing is ever changed: each transaction is as it
// would be, and ends as if it had failed.
type rolledBack struct {
	membership.Lookups
	store  membership.Store
	tried  bool
	events []membership.Event
}

// Read implements membership.Store.
func (s *rolledBack) Read(ctx context.Context, tenant membership.ID, fn func(membership.Reader) error) error {
	return s.store.Read(ctx, tenant, fn)
}

// Ready implements membership.Store.
func (s *rolledBack) Ready(ctx context.Context) error { return s.store.Ready(ctx) }

// Scrub implements membership.Store. Nothing was deleted.
func (s *rolledBack) Scrub(context.Context) error { return nil }

// Update implements membership.Store.
func (s *rolledBack) Update(ctx context.Context, tenant membership.ID, fn func(membership.Tx) error) error {
	return s.try(ctx, tenant, func(tx membership.Tx) ([]membership.ID, error) {
		err := fn(tx)
		return auth.NoteOf(ctx).Effect.Events, err
	})
}

// try runs a transaction, which returns the events that it wrote, to its end and rolls
// it back.
func (s *rolledBack) try(
	ctx context.Context, tenant membership.ID, fn func(membership.Tx) ([]membership.ID, error),
) error {
	s.tried, s.events = false, nil
	err := s.store.Update(ctx, tenant, func(tx membership.Tx) error {
		ids, err := fn(tx)
		if err != nil {
			return err
		}
		if s.events, err = tx.EventsWritten(ctx, ids); err != nil {
			return err
		}
		return errRolledBack
	})
	if !errors.Is(err, errRolledBack) {
		s.events = nil
		return err
	}
	s.tried = true
	return nil
}

// UpdateHolding implements membership.Store. It shares no transaction.
func (s *rolledBack) UpdateHolding(
	ctx context.Context, tenant membership.ID, n membership.HeldName,
	fn func(membership.Tx, membership.NameHolders) error,
) error {
	return s.Update(ctx, tenant, func(tx membership.Tx) error {
		h, err := tx.LockNameHolders(ctx, n.Connection, n.Name, n.Emails)
		if err != nil {
			return err
		}
		return fn(tx, h)
	})
}

// WriteMembers implements membership.Store. It shares no transaction.
func (s *rolledBack) WriteMembers(
	ctx context.Context, c membership.MemberChange,
) (r membership.MemberResult, err error) {
	if c.Judge != nil { // only of native changes
		return r, errors.New("a dry run of a change that is judged")
	}
	err = s.try(ctx, c.Call.Tenant, func(tx membership.Tx) (events []membership.ID, err error) {
		r, err = tx.ChangeMembers(ctx, c)
		return r.Events, err
	})
	return r, err
}

// unwritten is where refusals of a dry run go.
type unwritten struct{}

// Update implements membership.Updater.
func (unwritten) Update(context.Context, membership.ID, func(membership.Tx) error) error { return nil }

// statusOnly is an answer that nobody reads.
type statusOnly struct {
	header http.Header
	status int
}

// Header implements http.ResponseWriter.
func (a *statusOnly) Header() http.Header { return a.header }

// WriteHeader implements http.ResponseWriter.
func (a *statusOnly) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write implements http.ResponseWriter.
func (a *statusOnly) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return len(b), nil
}

// newDryRuns returns the dry runs of the server.
func (s *Server) newDryRuns(directory *membership.Directory, policy membership.Policy, c scim.Config) *dryRuns {
	c.Logger = s.log.Named("dry_run").WithOptions(zap.IncreaseLevel(zap.WarnLevel))
	return &dryRuns{
		store: s.store, directory: directory, policy: policy,
		guard: membership.RemovalGuard(s.config.RemovalGuard), config: c,
		limits: dryRunLimits{tenants: map[membership.ID]int{}},
	}
}
