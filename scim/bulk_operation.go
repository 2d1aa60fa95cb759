package scim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// bulkOperation is one operation of a bulk request, and what became of it.
type bulkOperation struct {
	// As it was sent; RFC 7644 section 3.7 says what they are.
	Method  string          `json:"method"`
	BulkID  string          `json:"bulkId"`
	Version string          `json:"version"`
	Path    string          `json:"path"`
	Data    json.RawMessage `json:"data"`

	index  int
	of     *resourceType
	target string // what follows the endpoint in the path: an id, a reference or nothing
	bad    error  // why it cannot be carried out

	// linked is Data when there are references in it, and refersTo the
	// operations that they name.
	linked   any
	refersTo []*bulkOperation
	past     int // so many of them are open no more
	// targeted is the operation that the path refers to, or nil.
	targeted *bulkOperation

	// waits is for how many others it has to wait; the lists are who waits for
	// what it makes, and for its end.
	waits               int
	wantMade, wantEnded []*bulkOperation

	// id is that of the resource: of the path, or of what was made.
	id string
	// later is what a resource has to go without while it is made, because it
	// refers to what is not made yet.
	later  map[string]any
	result bulkResult
	ended  bool
	effect membership.Effect
	failed error // nil: it was carried out
}

// bulkResult is what the response says of an operation.
type bulkResult struct {
	Method   string          `json:"method,omitempty"`
	BulkID   string          `json:"bulkId,omitempty"`
	Version  string          `json:"version,omitempty"`
	Location string          `json:"location,omitempty"`
	Status   string          `json:"status"`
	Response json.RawMessage `json:"response,omitempty"` // of failures only
}

// readBulkOperation reads an operation. It returns as much as can be read of
// one that is none, for its result to be recognised.
func (d *door) readBulkOperation(sent json.RawMessage) (*bulkOperation, error) {
	o := new(bulkOperation)
	if err := json.Unmarshal(sent, o); err != nil {
		if e := errorOf(syntaxError(err)); sent[0] == '{' {
			return o, e
		}
		return o, badRequest(typeInvalidSyntax, "an operation must be a JSON object")
	}
	switch o.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return o, badRequest(typeInvalidSyntax, "method must be POST, PUT, PATCH or DELETE, not %q", clip(o.Method))
	}
	if err := o.readPath(d.base); err != nil {
		return o, err
	}
	switch {
	case o.makes() && o.BulkID == "":
		return o, badRequest(typeInvalidSyntax, "bulkId is required with POST")
	case !o.hasData() && o.Method != http.MethodDelete:
		return o, badRequest(typeInvalidSyntax, "data is required with %s", o.Method)
	}
	return o, nil
}

// hasData reports whether there is data at all.
func (o *bulkOperation) hasData() bool { return o.Data != nil && string(o.Data) != "null" }

// readPath takes the path apart: below the root, or a whole address of this
// server. Only users and groups can be reached, so a bulk request cannot hold
// another one.
func (o *bulkOperation) readPath(base string) error {
	path, whole := strings.CutPrefix(o.Path, base)
	if !whole {
		path = strings.TrimPrefix(path, root)
	}
	for _, t := range resourceTypes {
		n := len(t.endpoint)
		if len(path) < n || !strings.EqualFold(path[:n], t.endpoint) || len(path) > n && path[n] != '/' {
			continue
		}
		rest, ok := path[n:], true
		o.of, o.target = t, strings.TrimPrefix(rest, "/")
		if _, refers := referredTo(o.target); !refers {
			o.target = strings.TrimSuffix(o.target, "/")
			ok = !strings.Contains(o.target, "/")
		}
		if ok && o.makes() == (o.target == "") {
			return nil
		}
	}
	return badRequest(typeInvalidSyntax,
		"path must be /Users or /Groups with POST, else /Users/{id} or /Groups/{id}, and not %q", clip(o.Path))
}

// makes reports whether the operation makes a resource.
func (o *bulkOperation) makes() bool { return o.Method == http.MethodPost }

// made reports whether there is a resource to refer to.
func (o *bulkOperation) made() bool { return o.makes() && o.id != "" }

// open reports whether there may be a resource to refer to later.
func (o *bulkOperation) open() bool { return !o.made() && !o.ended }

// location is required in every result unless there is no resource (RFC 7644
// section 3.7).
func (o *bulkOperation) location(base string) string {
	if o.id == "" {
		return ""
	}
	return base + o.of.endpoint + "/" + url.PathEscape(o.id)
}
