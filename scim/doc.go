// Package scim is the door for identity providers: SCIM 2.0 (RFC 7643, RFC
// 7644) over one connection's view of one tenant.
//
// It decodes what providers really send into the domain's terms, calls one use
// case of membership.Directory, and encodes the answer; it decides nothing
// about membership itself. A request passes door.go (who calls), routes.go,
// then users.go, groups.go, search.go or discovery.go. A body is read by
// body.go, taken apart into edits by patch.go and expand.go, and each edit is
// carried out by edit.go under the rules that are named in rules.go. Filters
// go through filter_reader.go (text to syntax) and filter.go (syntax to
// membership.Filter).
package scim
