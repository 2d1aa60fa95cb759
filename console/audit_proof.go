package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
)

func (d *door) proofRoutes() []route {
	return []route{
		d.get("/audit/proof", d.proof),
		d.get("/audit/proof/checkpoint", d.checkpointFile),
		d.get("/audit/proof/key", d.keyFile),
		d.get("/audit/find", d.findEvent, "number"),
		d.get("/audit/events/{number}/proof", d.eventProof),
		d.get("/audit/events/{number}/proof/{file}", d.eventProofFile),
	}
}

type proofView struct {
	Checkpoint, Keys string
	Size, Origin     string
	None             string // why there is no checkpoint; empty: there is one
}

func (d *door) proof(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	v, err := d.sealed(r)
	if err != nil {
		return err
	}
	return d.show(w, r, view{template: "audit_proof", title: "Proof", section: auditPath, data: v})
}

// sealed is the newest checkpoint, or why there is none.
func (d *door) sealed(r *request) (v proofView, err error) {
	if v.Checkpoint, err = d.Evidence.Checkpoint(r.Context(), r.call.Tenant, 0); err == nil {
		v.Keys, err = d.Evidence.VerifierKeys(r.Context(), r.call.Tenant)
	}
	switch membership.KindOf(err) {
	case membership.KindUnavailable, membership.KindNotFound:
		return proofView{None: sentence(err.Error())}, nil
	}
	// The first lines of a checkpoint are its origin and its size (c2sp.org/tlog-checkpoint).
	if lines := strings.SplitN(v.Checkpoint, "\n", 3); len(lines) == 3 {
		v.Origin, v.Size = lines[0], lines[1]
	}
	return v, err
}

func (d *door) checkpointFile(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	text, err := d.Evidence.Checkpoint(r.Context(), r.call.Tenant, 0)
	if err != nil {
		return err
	}
	return download(w, "checkpoint", []byte(text))
}

func (d *door) keyFile(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	text, err := d.Evidence.VerifierKeys(r.Context(), r.call.Tenant)
	if err != nil {
		return err
	}
	return download(w, "vkey", []byte(text))
}

// download sends a text as a file with a name.
func download(w http.ResponseWriter, name string, text []byte) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, err := w.Write(text)
	return err
}

// findEvent leads to the proof of the event whose number was typed.
func (d *door) findEvent(w http.ResponseWriter, r *request) error {
	if err := d.Directory.MayReadAudit(r.Context(), r.call); err != nil {
		return err
	}
	n, err := strconv.ParseInt(r.query["number"], 10, 64)
	if err != nil || n < 1 {
		return membership.Invalidf("give the number of an event, as the list of events has it")
	}
	return redirect(w, r, auditPath+"/events/"+strconv.FormatInt(n, 10)+"/proof")
}

type eventProofView struct {
	Number int64
	Proof  string
	None   string // why there is none; empty: there is one
}

func (d *door) eventProof(w http.ResponseWriter, r *request) error {
	e, _, err := d.oneEvent(r, false)
	if err != nil {
		return err
	}
	v := eventProofView{Number: e.Number}
	text, err := d.Evidence.Proof(r.Context(), r.call.Tenant, e.Number)
	switch membership.KindOf(err) {
	case membership.KindUnavailable, membership.KindNotFound:
		v.None, err = sentence(err.Error()), nil
	}
	if err != nil {
		return err
	}
	v.Proof = string(text)
	title := "Proof of event " + strconv.FormatInt(e.Number, 10)
	return d.show(w, r, view{template: "event_proof", title: title, section: auditPath, data: v})
}

// eventProofFile sends one of the two files that prove an event: what the log says of it,
// and beside it, under the same name and .jsonl, the event as it was hashed.
func (d *door) eventProofFile(w http.ResponseWriter, r *request) error {
	e, _, err := d.oneEvent(r, true)
	if err != nil {
		return err
	}
	name := "event-" + strconv.FormatInt(e.Number, 10) + ".proof"
	switch r.PathValue("file") {
	case "proof":
		text, err := d.Evidence.Proof(r.Context(), r.call.Tenant, e.Number)
		if err != nil {
			return err
		}
		return download(w, name, text)
	case "event":
		line, err := (seal.Leaf{Number: e.Number, Tenant: r.call.Tenant.String(), Body: e.Stored}).Append(nil)
		if err != nil {
			return err
		}
		return download(w, name+".jsonl", append(line, '\n'))
	}
	return noSuchPage
}
