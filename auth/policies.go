package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"runtime"
	"slices"

	"golang.org/x/sync/semaphore"

	"github.com/scimbridge/scimbridge/membership"
)

// The bounds of a tenant's own policies.
const (
	MaxPolicies      = 200
	MaxPolicyText    = 64 << 10  // bytes of one
	MaxPolicyTexts   = 512 << 10 // bytes of all policies of a tenant
	policyIDsPattern = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`
)

var policyIDs = regexp.MustCompile(policyIDsPattern)

// policyChecks bounds the texts that are checked at once. A check takes a processor for
// some hundred milliseconds, so half of the processors are left for requests.
var policyChecks = semaphore.NewWeighted(int64(max(1, runtime.NumCPU()/2)))

// CheckedPolicy is a policy that may be stored: it was parsed and held against
// the schema. That takes long, so it is done before a transaction begins.
type CheckedPolicy struct{ id, text string }

// CheckPolicy checks the id and the text of a policy. Errors: KindInvalid with
// what the parser or the schema has against it; KindTooLarge.
func CheckPolicy(id, text string) (CheckedPolicy, error) {
	if !policyIDs.MatchString(id) {
		return CheckedPolicy{}, membership.Invalidf("the id of a policy must match %s", policyIDsPattern)
	}
	return CheckedPolicy{id, text}, checkPolicyText(id, text)
}

// PutPolicy makes a policy of the transaction's tenant, call.Tenant, or replaces
// the one of that id. Like CreateToken it asks no policy: its callers do. A text
// that is what it was changes nothing. Errors: KindInvalid or KindTooLarge when
// the tenant's policies are too many or, all in all, too long; KindNotFound when
// there is no such tenant.
func PutPolicy(
	ctx context.Context, tx PolicyTx, clock membership.Clock, call membership.Call, policy CheckedPolicy,
) (TenantPolicy, error) {
	return savePolicy(ctx, tx, clock, call, policy, func(bool) error { return nil })
}

// savePolicy is PutPolicy with a word on whether the policy may be there.
func savePolicy(
	ctx context.Context, tx PolicyTx, clock membership.Clock, call membership.Call, policy CheckedPolicy,
	expect func(there bool) error,
) (TenantPolicy, error) {
	id, text := policy.id, policy.text
	all, err := tx.LockPolicies(ctx)
	if err != nil {
		return TenantPolicy{}, err
	}
	i := slices.IndexFunc(all, func(p TenantPolicy) bool { return p.ID == id })
	if err := expect(i >= 0); err != nil {
		return TenantPolicy{}, err
	}
	now := clock.Now()
	p, action, before := TenantPolicy{ID: id, CreatedAt: now}, membership.ActionPolicyCreated, membership.Facts(nil)
	if i >= 0 {
		p, action, before = all[i], membership.ActionPolicyUpdated, all[i].facts()
		if p.Cedar == text {
			return p, nil
		}
	}
	p.Cedar, p.UpdatedAt = text, now
	if err := checkBounds(all, p); err != nil {
		return TenantPolicy{}, err
	}
	if err := tx.SavePolicy(ctx, p); err != nil {
		return TenantPolicy{}, err
	}
	return p, tx.AppendEvents(ctx, call.Event(now, action, membership.ID{}, membership.ID{}, before, p.facts()))
}

// DeletePolicy removes a policy of the transaction's tenant; it asks no policy
// either. KindNotFound when there is none of that id.
func DeletePolicy(ctx context.Context, tx PolicyTx, clock membership.Clock, call membership.Call, id string) error {
	all, err := tx.LockPolicies(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(p TenantPolicy) bool { return p.ID == id })
	if i < 0 {
		return membership.NotFound("policy")
	}
	if err := tx.DeletePolicy(ctx, id); err != nil {
		return err
	}
	return tx.AppendEvents(ctx,
		call.Event(clock.Now(), membership.ActionPolicyDeleted, membership.ID{}, membership.ID{}, all[i].facts(), nil))
}

func checkPolicyText(id, text string) error {
	if len(text) > MaxPolicyText {
		return &membership.Error{
			Kind: membership.KindTooLarge, Message: "the policy is too long",
			Details: map[string]any{"max_bytes": MaxPolicyText},
		}
	}
	if !membership.ValidText(text) {
		return membership.Invalidf("cedar has a NUL byte or is not UTF-8")
	}
	if err := checkShape(text); err != nil {
		return err
	}
	list, err := parsePolicies(id, text)
	if err != nil {
		return membership.Invalidf("cedar: %v", err)
	}
	for _, p := range list {
		if err := checkNotice(p.policy); err != nil {
			return err
		}
		if names(p.policy, membership.OpAdminister) {
			return membership.Invalidf(
				"cedar: line %d: who administers the tenant is a matter of the permission TENANT:ADMIN alone",
				p.policy.Position().Line)
		}
	}
	return nil
}

func checkBounds(all []TenantPolicy, p TenantPolicy) error {
	number, bytes := 1, len(p.Cedar)
	for _, o := range all {
		if o.ID != p.ID {
			number++
			bytes += len(o.Cedar)
		}
	}
	if number > MaxPolicies {
		return membership.Invalidf("a tenant has at most %d policies", MaxPolicies)
	}
	if bytes > MaxPolicyTexts {
		return &membership.Error{
			Kind: membership.KindTooLarge, Message: "the policies of the tenant are too long in total",
			Details: map[string]any{"max_bytes": MaxPolicyTexts},
		}
	}
	return nil
}

// facts is what an event says of a policy. Its text may name people, so the
// event has only the hash, against which a copy can be held.
func (p TenantPolicy) facts() membership.Facts {
	sum := sha256.Sum256([]byte(p.Cedar))
	return membership.Facts{"policy_id": p.ID, "sha256": hex.EncodeToString(sum[:])}
}

// Policies are the use cases of tenants' own policies: each asks whether the
// caller administers the tenant. A change holds from the next question on this
// server asks, and within seconds on others.
type Policies struct {
	gate   Gate
	store  PolicyStore
	clock  membership.Clock
	policy Policy
}

// Gate says whether a call may administer its tenant; membership.Directory does.
type Gate interface {
	Administer(ctx context.Context, call membership.Call) error
}

// NewPolicies returns the use cases over store; changes expire the cache of policy.
func NewPolicies(gate Gate, store PolicyStore, clock membership.Clock, policy Policy) *Policies {
	return &Policies{gate: gate, store: store, clock: clock, policy: policy}
}

// List returns the tenant's policies in the order of their ids.
func (s *Policies) List(ctx context.Context, call membership.Call) ([]TenantPolicy, error) {
	if err := s.gate.Administer(ctx, call); err != nil {
		return nil, err
	}
	all, _, err := s.store.Policies(ctx, call.Tenant)
	return all, err
}

// Get returns one policy.
func (s *Policies) Get(ctx context.Context, call membership.Call, id string) (TenantPolicy, error) {
	all, err := s.List(ctx, call)
	if err != nil {
		return TenantPolicy{}, err
	}
	for _, p := range all {
		if p.ID == id {
			return p, nil
		}
	}
	return TenantPolicy{}, membership.NotFound("policy")
}

// Create adds a policy under a new id; KindUniqueness when it is taken.
func (s *Policies) Create(ctx context.Context, call membership.Call, id, text string) (TenantPolicy, error) {
	return s.save(ctx, call, id, text, func(there bool) error {
		if there {
			return &membership.Error{Kind: membership.KindUniqueness, Message: "there is a policy with this id"}
		}
		return nil
	})
}

// Replace gives a policy another text; KindNotFound when there is none.
func (s *Policies) Replace(ctx context.Context, call membership.Call, id, text string) (TenantPolicy, error) {
	return s.save(ctx, call, id, text, func(there bool) error {
		if !there {
			return membership.NotFound("policy")
		}
		return nil
	})
}

func (s *Policies) save(
	ctx context.Context, call membership.Call, id, text string, expect func(bool) error,
) (p TenantPolicy, err error) {
	var checked CheckedPolicy
	check := func() error {
		if err := policyChecks.Acquire(ctx, 1); err != nil {
			return err
		}
		defer policyChecks.Release(1)
		checked, err = CheckPolicy(id, text)
		return err
	}
	err = s.change(ctx, call, check, func(tx PolicyTx) error {
		p, err = savePolicy(ctx, tx, s.clock, call, checked, expect)
		return err
	})
	return p, err
}

// Delete removes a policy.
func (s *Policies) Delete(ctx context.Context, call membership.Call, id string) error {
	nothing := func() error { return nil }
	return s.change(ctx, call, nothing, func(tx PolicyTx) error { return DeletePolicy(ctx, tx, s.clock, call, id) })
}

// change runs fn in a transaction if the caller administers the tenant, after
// check has passed.
func (s *Policies) change(
	ctx context.Context, call membership.Call, check func() error, fn func(PolicyTx) error,
) error {
	if err := s.gate.Administer(ctx, call); err != nil {
		return err
	}
	if err := check(); err != nil {
		return err
	}
	err := s.store.UpdatePolicies(ctx, call.Tenant, fn)
	// Also after an error: the commit may have succeeded all the same.
	s.policy.expire(call.Tenant)
	return err
}
