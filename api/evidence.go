package api

import (
	"context"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

// Evidence answers what proves the events of a tenant: the formats are those of
// c2sp.org (package seal).
type Evidence interface {
	// Checkpoint is the signed checkpoint of a size; 0: the newest.
	Checkpoint(ctx context.Context, tenant membership.ID, size int64) (string, error)
	// TimeStamp is that of the checkpoint of a size; 0: the newest that has one. of is
	// the size of its checkpoint.
	TimeStamp(ctx context.Context, tenant membership.ID, size int64) (of int64, token []byte, err error)
	// VerifierKeys are the keys that verify checkpoints, one a line.
	VerifierKeys(ctx context.Context, tenant membership.ID) (string, error)
	// Proof proves that the newest checkpoint has the event with a number.
	Proof(ctx context.Context, tenant membership.ID, number int64) ([]byte, error)
}

func (d *door) checkpoint(w http.ResponseWriter, r request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	size, err := r.sizeOfLog()
	if err != nil {
		return err
	}
	text, err := d.Evidence.Checkpoint(r.Context(), r.call.Tenant, size)
	if err != nil {
		return err
	}
	return sendPlain(w, []byte(text))
}

// sizeOfLog reads the size of a checkpoint; 0: none was given.
func (r request) sizeOfLog() (int64, error) {
	text, given := r.query["size"]
	if !given {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 {
		return 0, membership.Invalidf("size must be a number of events, at least 1")
	}
	return n, nil
}

func (d *door) timeStamp(w http.ResponseWriter, r request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	size, err := r.sizeOfLog()
	if err != nil {
		return err
	}
	of, token, err := d.Evidence.TimeStamp(r.Context(), r.call.Tenant, size)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Scimbridge-Checkpoint-Size", strconv.FormatInt(of, 10))
	_, err = w.Write(token)
	return err
}

func (d *door) verifierKeys(w http.ResponseWriter, r request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	text, err := d.Evidence.VerifierKeys(r.Context(), r.call.Tenant)
	if err != nil {
		return err
	}
	return sendPlain(w, []byte(text))
}

func (d *door) proof(w http.ResponseWriter, r request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	number, err := strconv.ParseInt(r.PathValue("number"), 10, 64)
	if err != nil {
		return membership.NotFound("event")
	}
	text, err := d.Evidence.Proof(r.Context(), r.call.Tenant, number)
	if err != nil {
		return err
	}
	return sendPlain(w, text)
}

func sendPlain(w http.ResponseWriter, text []byte) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, err := w.Write(text)
	return err
}

// wantsLeaves reports whether a request asks for events as JSON Lines: each line is
// what is hashed, byte for byte.
func (r request) wantsLeaves() bool {
	for _, accepted := range strings.Split(strings.Join(r.Header.Values("Accept"), ","), ",") {
		switch media, _, _ := mime.ParseMediaType(accepted); media {
		case "application/jsonl", "application/x-ndjson":
			return true
		case "application/json", "*/*":
			return false
		}
	}
	return false
}

func sendLeaves(w http.ResponseWriter, tenant membership.ID, p membership.EventPage) error {
	var b []byte
	for _, e := range p.Events {
		var err error
		if b, err = (seal.Leaf{Number: e.Number, Tenant: tenant.String(), Body: e.Stored}).Append(b); err != nil {
			return err
		}
		b = append(b, '\n')
	}
	w.Header().Set("Content-Type", mediaTypes[FormatJSONL])
	w.Header().Set("Cache-Control", "no-store")
	_, err := w.Write(b)
	return err
}
