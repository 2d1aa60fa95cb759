package auth

import (
	"context"
	"errors"
	"slices"

	cedar "github.com/cedar-policy/cedar-go"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/membership"
)

// AllPermissions is the permission that holds every other.
const AllPermissions = "*"

// permissionOf says which permission each operation asks for, as
// ENTITY:PERMISSION. Members belong to their group. The default policies say
// the same; a test compares the two.
var permissionOf = map[membership.Operation]string{
	membership.OpReadUsers:     "USERS:READ",
	membership.OpWriteUsers:    "USERS:WRITE",
	membership.OpReadGroups:    "GROUPS:READ",
	membership.OpWriteGroups:   "GROUPS:WRITE",
	membership.OpReadMembers:   "GROUPS:READ",
	membership.OpAddMembers:    "GROUPS:WRITE",
	membership.OpRemoveMembers: "GROUPS:WRITE",
	membership.OpBreakGlass:    "GROUPS:BREAK_GLASS",
	membership.OpSignOff:       "GROUPS:BREAK_GLASS",
	membership.OpReadAudit:     "AUDIT:READ",
	membership.OpReadRequests:  "REQUESTS:READ",
	membership.OpAdminister:    "TENANT:ADMIN",

	// Which no permission gives: the tenant's own policies do.
	membership.OpBreakGlassEnterprise: "GROUPS:BREAK_GLASS",

	membership.OpAdministerWebhooks: "WEBHOOKS:ADMIN",
	membership.OpCaptureRequests:    "REQUESTS:CAPTURE",
	membership.OpReceiveStreams:     "STREAMS:RECEIVE",
}

// Policy is the membership.Policy of Cedar: the default policies and, with a
// store, the tenant's own beside them. What it does not know, what no policy
// permits, what any policy forbids and what any policy fails on it denies. The
// tenant is no matter of policies: a call never leaves its own.
type Policy struct {
	own *policyCache
	log *zap.Logger
}

// NewPolicy returns the Policy over the tenants' policies in store; the zero
// Policy knows the defaults only. log gets what is wrong with a policy.
func NewPolicy(store PolicyReader, clock membership.Clock, log *zap.Logger) Policy {
	return Policy{own: newPolicyCache(store, clock), log: log}
}

// Allow implements membership.Policy. It costs no query, but for one when it
// has not looked at the tenant's policies for two seconds.
func (p Policy) Allow(ctx context.Context, q membership.Question) error {
	err := p.allow(ctx, q)
	if q.Role != "" && !slices.Contains(q.Call.Roles, q.Role) &&
		(err == nil || errors.Is(err, membership.ErrUndecided)) {
		return forbidden("the role " + q.Role + " is missing")
	}
	return err
}

func (p Policy) allow(ctx context.Context, q membership.Question) error {
	if _, known := permissionOf[q.Operation]; !known {
		return forbidden("no permission allows this")
	}
	if err := withinScopes(q); err != nil {
		return err
	}
	for _, p := range q.Gives {
		if !holds(q.Call.Permissions, p) {
			return forbidden("you cannot give a permission that you lack: " + p)
		}
	}
	set, err := p.policies(ctx, q)
	if err != nil {
		return err
	}
	if set.broken != nil {
		p.warn(q, set.broken)
		return forbidden("the tenant's policies cannot be read: an administrator has to correct them")
	}
	of := set.byOperation[q.Operation]
	if of.own && changesMembers(q.Operation) && q.User.IsZero() {
		return membership.ErrUndecided // the tenant's policies see each user
	}
	if of.allowed.has(q.Call) {
		return nil
	}
	i, ok := newInquiry(q, of.own)
	if !ok {
		return forbidden("no permission allows this")
	}
	decision, why := i.decide(of.list)
	switch {
	case i.unread:
		return membership.ErrUndecided
	case len(why.Errors) > 0: // Cedar would leave these policies out
		return p.failed(q, why.Errors)
	case decision == cedar.Allow:
		of.allowed.add(q.Call)
		return nil
	case len(why.Reasons) > 0:
		return of.list.denied(why.Reasons)
	case !q.Call.Connection.IsZero():
		return forbidden("a connection's credential may not do this")
	}
	return forbidden("the permission " + permissionOf[q.Operation] + " is missing")
}

// policies returns the set that decides on a question.
func (p Policy) policies(ctx context.Context, q membership.Question) (*policySet, error) {
	switch {
	case p.own == nil, q.Operation == membership.OpAdminister:
		return defaults, nil
	case q.Objects != nil:
		// Asked again, inside a transaction: there is no waiting for another one.
		return p.own.held(q.Call.Tenant)
	}
	return p.own.current(ctx, q.Call.Tenant)
}

// failed is the refusal of policies that could not be evaluated. What went
// wrong is for the log: the caller may not be the one to know.
func (p Policy) failed(q membership.Question, errs []cedar.DiagnosticError) error {
	var ids []string
	for _, e := range errs {
		ids = append(ids, string(e.PolicyID))
		p.warn(q, errors.New(e.String()))
	}
	e := forbidden("a policy could not be evaluated, so it denies: an administrator has to correct it")
	e.Details = membership.FirstOf("policies", slices.Compact(ids))
	return e
}

func (p Policy) warn(q membership.Question, err error) {
	if p.log != nil {
		p.log.Warn("a policy denies because of an error", zap.Stringer("tenant", q.Call.Tenant),
			zap.String("operation", string(q.Operation)), zap.String("request_id", q.Call.RequestID), zap.Error(err))
	}
}

func forbidden(message string) *membership.Error {
	return &membership.Error{Kind: membership.KindForbidden, Message: message}
}

func (p Policy) expire(tenant membership.ID) {
	if p.own != nil {
		p.own.expire(tenant)
	}
}
