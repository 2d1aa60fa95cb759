package scim

import "net/http"

// Circular references (RFC 7644 section 3.7.1), such as of two users who are
// each other's manager, are cut at one operation of the cycle: it makes its
// resource without what refers to the others, and adds that at the end.

// cycle returns an operation that waits for itself, directly or through others. The
// operation it begins at has to be open while nothing is ready.
func (o *bulkOperation) cycle() *bulkOperation {
	seen := map[*bulkOperation]bool{}
	for !seen[o] {
		seen[o] = true
		for !o.refersTo[o.past].open() {
			o.past++
		}
		o = o.refersTo[o.past]
	}
	return o
}

// cut takes out of an operation what it waits for. Data that is no object has
// nothing to take out; its request will fail.
func (o *bulkOperation) cut() {
	if resource, ok := o.linked.(map[string]any); ok {
		o.linked, o.later = divide(resource)
	}
}

// complete adds what an operation was cut of. If that cannot be done the
// operation has failed, but the resource stays, which its location tells: it may
// have been somebody's before (rule 22), or be referred to by now.
func (j *bulkJob) complete(o *bulkOperation) {
	made := o.result
	err := o.broken()
	var body []byte
	if err == nil {
		body, err = encode(map[string]any{"Operations": []any{map[string]any{"op": opAdd, "value": o.later}}})
	}
	if err != nil {
		j.end(o, j.refuse(o, err))
	} else {
		j.end(o, j.send(o, http.MethodPatch, o.of.endpoint, o.id, "", body))
	}
	if o.result.Response == nil {
		o.result.Status = made.Status
	} else {
		o.result.Version = made.Version
	}
}
