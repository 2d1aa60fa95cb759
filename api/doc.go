// Package api is the native door: users, groups and members of a tenant as the
// application sees them, under /v1. Its contract is openapi.yaml, which it
// serves itself, and shows as a page.
//
// A request passes edge (recovery, and the one place that writes errors),
// authenticate (credential and X-Tenant-ID become a membership.Call), and the
// handler of its route, which decodes, calls one use case of
// membership.Directory, and encodes. What this door writes is local: members
// that an identity provider put into a group are read here, not changed.
package api
