package auth

import (
	"context"

	"github.com/scimbridge/scimbridge/membership"
)

// policyCache holds tenants' policies compiled.
type policyCache = setCache[policySet]

func newPolicyCache(store PolicyReader, clock membership.Clock) *policyCache {
	return newSetCache(setSource[policySet]{
		what: "policies", version: store.PolicyVersion,
		read: func(ctx context.Context, tenant membership.ID) (*policySet, int64, int, error) {
			own, version, err := store.Policies(ctx, tenant)
			if err != nil {
				return nil, 0, 0, err
			}
			set := compile(own, version)
			return set, version, set.size, nil
		},
	}, clock)
}
