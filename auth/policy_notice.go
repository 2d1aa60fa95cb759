package auth

import (
	"slices"
	"strings"

	"github.com/cedar-policy/cedar-go"

	"github.com/scimbridge/scimbridge/membership"
)

// MaxNotice bounds the bytes of one @notice, the annotation of a policy that callers
// read when it forbids.
const MaxNotice = 500

func noticeOf(p *cedar.Policy) string { return cut(string(p.Annotations()["notice"]), MaxNotice) }

func checkNotice(p *cedar.Policy) error {
	if len(p.Annotations()["notice"]) > MaxNotice {
		return membership.Invalidf("cedar: line %d: @notice is longer than %d bytes", p.Position().Line, MaxNotice)
	}
	return nil
}

// denied is the refusal of policies that forbid. Their notices are for the
// caller, so they are in the message as well.
func (l policyList) denied(reasons []cedar.DiagnosticReason) error {
	const mostNotices = 20
	var ids, notices []string
	for _, p := range l {
		if !slices.ContainsFunc(reasons, func(r cedar.DiagnosticReason) bool {
			return r.PolicyID == p.id && r.Position == p.policy.Position()
		}) {
			continue
		}
		ids = append(ids, string(p.id))
		if p.notice != "" && len(notices) < mostNotices && !slices.Contains(notices, p.notice) {
			notices = append(notices, p.notice)
		}
	}
	e := forbidden("a policy forbids this")
	if len(notices) > 0 {
		e.Message += ": " + strings.Join(notices, "; ")
	}
	e.Notices = notices
	e.Details = membership.FirstOf("policies", slices.Compact(ids))
	return e
}
