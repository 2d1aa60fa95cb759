// Package auth says who is calling, and whether they may: it verifies bearer
// tokens (RFC 6750) to a Principal, and is the membership.Policy, which decides
// with Cedar: default policies that say what permissions mean, and the tenant's
// own beside them (docs/policies.md).
//
// A token is 32 random bytes behind a prefix that people and secret scanners
// recognise. Its public part carries the tenant's id and its own, so finding it
// is one tenant's query; of its secret part only a SHA-256 hash is stored. What
// was verified is kept for a few seconds, and believed for one since AccessWatch asked.
//
// Clients has the use cases of OAuth clients, and NewTokenEndpoint gives them
// access tokens, which are tokens with an end. KeySets verifies JWTs that others
// signed, with keys that it is given or fetches, and Claims holds what they say
// against what is expected.
//
// Tokens has the use cases of administering them, Usage writes when each was
// used last.
package auth
