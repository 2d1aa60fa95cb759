// Package console is the third door: pages for people, under /console. It renders
// html/template on the server and calls the same use cases as the native API, with the
// person who is logged in as the actor. Every page works without JavaScript.
//
// A screen is one file of handlers with its routes and one template of the same name in
// templates/. What screens share: session.go (who asks), query.go and form.go (what they
// ask), page.go (the frame), format.go (times, ids, sources), errors.go (what went wrong).
package console
