package membership

import (
	"context"
	"net/http"
	"strings"
)

// DryRun is what a kept request would do if it were sent now.
type DryRun struct {
	Status int
	RequestAnswer
	// Changes are the events that it would write; Complete: they are all.
	Changes  []Event
	Complete bool
	// IfAllowed are the events that it would write if an administrator allowed what the
	// removal guard holds. It is not known of a Bulk.
	IfAllowed []Event
}

// RequestToTry returns a kept write of users or groups and its body, if that is whole:
// ids alone, or captured. KindBodyRedacted: it is not. As it takes the place of writes,
// and shows users, groups and members, it asks for an administrator.
func (d *Directory) RequestToTry(ctx context.Context, call Call, id ID) (r Request, body string, err error) {
	for _, op := range []Operation{OpReadRequests, OpAdminister} {
		if err := d.allow(ctx, call, op, ID{}, ID{}); err != nil {
			return r, "", err
		}
	}
	if r, err = d.Request(ctx, call, id); err != nil {
		return r, "", err
	}
	if err := r.Triable(); err != nil {
		return r, "", err
	}
	if r.Whole {
		return r, r.Body, nil
	}
	if err := d.mayCapture(ctx, call); err != nil {
		return r, "", err
	}
	b, err := d.openBody(ctx, r)
	switch {
	case KindOf(err) == KindNotFound || KindOf(err) == KindGone:
		return r, "", bodyRedacted("what was captured is gone")
	case err != nil:
		return r, "", err
	case b.Cut:
		return r, "", bodyRedacted("a part of it was captured")
	}
	return r, b.Text, nil
}

// Triable says why a request cannot be tried again; nil: it can, unless what was
// captured of it is gone or a part.
func (r Request) Triable() error {
	switch {
	case r.Connection.IsZero() || !changes(r.Method, r.Operation):
		return Invalidf("only a change of users or groups by a connection can be tried again")
	case strings.Contains(r.Path, "("):
		return bodyRedacted("the path has no id of this program")
	case !r.Whole && r.Captured == NotCaptured:
		return bodyRedacted("it was not captured")
	}
	return nil
}

// changes reports whether a request changes users or groups: one, or as a Bulk many.
func changes(method, operation string) bool {
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return false
	}
	switch strings.TrimPrefix(operation, method+" ") {
	case "/Users", "/Groups", "/Bulk":
		return method == http.MethodPost
	case "/Users/{id}", "/Groups/{id}":
		return method != http.MethodPost
	}
	return false
}

func bodyRedacted(why string) error {
	return &Error{Kind: KindBodyRedacted, Message: "the body of the request is not kept whole: " + why}
}
