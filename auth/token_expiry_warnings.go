package auth

import (
	"context"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const day = 24 * time.Hour

// WarningDays are the spans before its end in which a token is warned of, as
// Observer names them.
var WarningDays = []int{1, 7, 30}

// warn writes the event token.expiring for a token that was used shortly before
// its end, at most once a day for all replicas. It returns the span of
// WarningDays that the end is in, or 0 when there was nothing to warn of. Only
// tokens in use are looked at: to look for others would be a scan across
// tenants, which row-level security rules out, and an unused token is not missed.
func (u *Usage) warn(ctx context.Context, tx TokenTx, tenant, id membership.ID, n use) (within int, err error) {
	if withinDays(n.expires, n.at) == 0 {
		return 0, nil
	}
	t, err := tx.LockToken(ctx, id)
	if membership.KindOf(err) == membership.KindNotFound { // revoked meanwhile
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	now := u.clock.Now()
	within = withinDays(t.ExpiresAt, now)
	if within == 0 || !t.WarnedAt.IsZero() && now.Sub(t.WarnedAt) < day {
		return 0, nil
	}
	if err := tx.WarnOfToken(ctx, id, now); err != nil {
		return 0, err
	}
	facts := t.facts()
	facts["last_used_at"] = membership.Timestamp(n.at)
	if !t.ReplacedBy.IsZero() {
		facts["replaced_by"] = t.ReplacedBy
	}
	call := membership.Call{
		Tenant: tenant, Connection: t.Connection,
		Actor:      membership.Actor{Kind: membership.ActorSystem, ID: "tokens"},
		Credential: membership.Credential{Kind: membership.CredentialSystem},
	}
	return within, tx.AppendEvents(ctx,
		call.Event(now, membership.ActionTokenExpiring, membership.ID{}, membership.ID{}, nil, facts))
}

// withinDays is the smallest of WarningDays that the end is in, or 0.
func withinDays(end, now time.Time) int {
	if end.IsZero() || !end.After(now) {
		return 0
	}
	for _, d := range WarningDays {
		if end.Sub(now) <= time.Duration(d)*day {
			return d
		}
	}
	return 0
}
