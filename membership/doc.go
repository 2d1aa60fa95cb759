// Package membership is the domain of scimbridge: tenants, the connections of
// identity providers, users, groups, and the grants that say which source put
// which user into which group, when, by which request and why.
//
// Every door (SCIM, the native API, the command line) calls one Directory; a
// use case is one policy question and one transaction with its audit events
// inside it. The package knows no transport and no database: Store and Policy
// are its ports. The rules are numbered in docs/semantics.md; the code that
// implements one names its number.
package membership
