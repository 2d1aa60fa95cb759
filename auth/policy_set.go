package auth

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"

	cedar "github.com/cedar-policy/cedar-go"

	"github.com/scimbridge/scimbridge/membership"
)

//go:embed policy_defaults.cedar
var defaultsText string

// policySet is the compiled policies of a tenant: the defaults and its own.
type policySet struct {
	version int64
	size    int // of the tenant's own texts, in bytes
	// broken, when not nil, says why the tenant's own policies cannot be read;
	// then everything is denied that they could speak about.
	broken      error
	byOperation map[membership.Operation]operationPolicies
}

// operationPolicies are the policies that can concern one operation.
type operationPolicies struct {
	list    policyList
	own     bool         // some of them are the tenant's
	allowed *allowedMemo // nil if they are
}

// policyList is in the order of the ids, so that the answers name policies in
// the same order every time.
type policyList []namedPolicy

type namedPolicy struct {
	id     cedar.PolicyID // of the document that the policy stands in
	policy *cedar.Policy
	notice string
}

// defaults are the policies that hold in every tenant.
var defaults = mustDefaults()

// mustDefaults panics for an error in a file that is part of the program.
func mustDefaults() *policySet {
	list, err := parsePolicies("", defaultsText)
	if err != nil {
		panic("policy_defaults.cedar: " + err.Error())
	}
	for i, p := range list {
		list[i].id = cedar.PolicyID(p.policy.Annotations()["id"])
	}
	s := &policySet{byOperation: map[membership.Operation]operationPolicies{}}
	for op := range permissionOf {
		s.byOperation[op] = operationPolicies{list: list.concerning(op), allowed: &allowedMemo{}}
	}
	return s
}

// compile puts a tenant's policies beside the defaults. They were checked when
// they were taken; a text that this program cannot read any more denies.
func compile(own []TenantPolicy, version int64) *policySet {
	s := &policySet{version: version, byOperation: defaults.byOperation}
	if len(own) == 0 {
		return s
	}
	var all policyList
	for _, p := range own {
		s.size += len(p.Cedar)
		list, err := parsePolicies(p.ID, p.Cedar)
		if err != nil {
			s.broken = errors.Join(s.broken, fmt.Errorf("policy %s: %w", p.ID, err))
			continue
		}
		all = append(all, list...)
	}
	s.byOperation = map[membership.Operation]operationPolicies{}
	for op, of := range defaults.byOperation {
		if mine := all.concerning(op); len(mine) > 0 && op != membership.OpAdminister {
			of = operationPolicies{list: append(mine, of.list...), own: true}
		}
		s.byOperation[op] = of
	}
	return s
}

func (l policyList) concerning(op membership.Operation) (out policyList) {
	action := actionOf(op)
	for _, p := range l {
		if concerns(p.policy, action) {
			out = append(out, p)
		}
	}
	return out
}

// parsePolicies reads and checks a text of one or more policies.
func parsePolicies(id, text string) (policyList, error) {
	parsed, err := cedar.NewPolicyListFromBytes(id, []byte(text))
	if err != nil {
		return nil, fmt.Errorf("not readable as Cedar: %w", short(err))
	}
	if len(parsed) == 0 {
		return nil, errors.New("the text holds no policy")
	}
	list := make(policyList, len(parsed))
	for i, p := range parsed {
		if err := checkPolicy(p); err != nil {
			return nil, fmt.Errorf("line %d: not what the schema knows: %w", p.Position().Line, short(err))
		}
		list[i] = namedPolicy{id: cedar.PolicyID(id), policy: p,
			notice: noticeOf(p)}
	}
	return list, nil
}

// short makes one line of at most 500 bytes of an error of the library.
func short(err error) error {
	const longest = 500
	return errors.New(cut(strings.ReplaceAll(err.Error(), "\n", "; "), longest))
}

// cut makes a text at most so many bytes long.
func cut(s string, longest int) string {
	const more = "…"
	if len(s) > longest {
		s = s[:longest-len(more)] + more // half a character is dropped below
	}
	return strings.ToValidUTF8(s, "")
}
