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

// dryRuns tries kept requests again: through the SCIM door, in a transaction that is
// rolled back.
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
	err = d.store.Update(ctx, call.Tenant, func(tx membership.Tx) error {
		in := &inTransaction{tx: tx}
		if run, err = d.try(ctx, in, d.guard, sender, kept, body, call.RequestID); err != nil {
			return err
		}
		if run.Outcome == membership.RequestHeld { // nothing of it happened
			allowed, err := d.try(ctx, in, membership.RemovalGuard{}, sender, kept, body, call.RequestID)
			if err != nil {
				return err
			}
			run.IfAllowed, run.Complete = allowed.Changes, allowed.Complete
		}
		return errRolledBack
	})
	if !errors.Is(err, errRolledBack) || ctx.Err() != nil || run.Outcome == membership.RequestFailed {
		return run, &membership.Error{
			Kind: membership.KindUnavailable, Err: err, Message: "the dry run could not be carried out: try again",
		}
	}
	return run, nil
}

// try carries a request out under a guard, with the events that it wrote.
func (d *dryRuns) try(
	ctx context.Context, in *inTransaction, guard membership.RemovalGuard, from sender, kept membership.Request,
	body, requestID string,
) (run membership.DryRun, err error) {
	run, did, err := d.carryOut(ctx, in, guard, from, kept, body, requestID)
	if err != nil {
		return run, err
	}
	if in.failed != nil { // the whole is carried out once more
		return run, in.failed
	}
	if len(did.Events) > 0 {
		if run.Changes, err = in.tx.EventsWritten(ctx, did.Events); err != nil {
			return run, err
		}
	}
	run.Complete = did.MoreEvents == 0 && len(run.Changes) == len(did.Events)
	return run, nil
}

// carryOut sends a request to the SCIM door over a store, and returns what it did.
func (d *dryRuns) carryOut(
	ctx context.Context, store membership.Store, guard membership.RemovalGuard, from sender, kept membership.Request,
	body, requestID string,
) (run membership.DryRun, did membership.Effect, err error) {
	door := scim.New(membership.NewDirectory(store, d.policy, membership.Options{
		Guard: guard, Refusals: membership.NewRefusals(unwritten{}, time.Now),
	}), from, d.config)
	r, err := http.NewRequestWithContext(ctx, kept.Method, kept.Path, strings.NewReader(body))
	if err != nil {
		return run, did, err
	}
	r.Header.Set("Content-Type", "application/scim+json")
	r.Header.Set(requestIDHeader, requestID)
	if kept.Method == http.MethodPatch {
		r.Header.Set("Prefer", "return=minimal")
	} else {
		r.URL.RawQuery = "attributes=id" // members need not be read
	}
	answer := &statusOnly{header: http.Header{}}
	auth.Addressed(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		door.ServeHTTP(w, r)
		note := auth.NoteOf(r.Context())
		run.Status, run.RequestAnswer, did = answer.status, note.Answer, note.Effect
	})).ServeHTTP(answer, r)
	return run, did, nil
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
