package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// DryRuns tries kept requests again, and changes nothing.
type DryRuns interface {
	DryRun(ctx context.Context, call membership.Call, id membership.ID) (membership.DryRun, error)
}

func (d *door) dryRunRoutes() []route {
	return []route{{http.MethodPost, "/v1/requests/{id}/dry-run", d.private(d.dryRun)}}
}

func (d *door) dryRun(w http.ResponseWriter, r request) error {
	id, err := r.pathID("id", "request")
	if err != nil {
		return err
	}
	if err := d.decodeAny(w, r, fields{}); err != nil {
		return err
	}
	run, err := d.DryRuns.DryRun(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendDryRun(nil, run))
}

func appendDryRun(b []byte, run membership.DryRun) []byte {
	b = appendNumberField(append(b, '{'), "status", int64(run.Status))
	for _, f := range [][2]string{
		{"scim_type", run.ScimType}, {"detail", run.Detail}, {"outcome", string(run.Outcome)}, {"why", run.Why},
	} {
		if f[1] != "" {
			b = appendField(append(b, ','), f[0], f[1])
		}
	}
	b = appendList(appendName(append(b, ','), "ignored"), run.Ignored, appendString)
	if len(run.Operations) > 0 {
		b = appendList(appendName(append(b, ','), "operations"), run.Operations,
			func(b []byte, o membership.RequestOperation) []byte {
				return append(appendOperation(append(b, '{'), o), '}')
			})
	}
	b = appendList(appendName(append(b, ','), "changes"), run.Changes, appendChange)
	if len(run.IfAllowed) > 0 {
		b = appendList(appendName(append(b, ','), "changes_if_allowed"), run.IfAllowed, appendChange)
	}
	return append(appendBoolField(append(b, ','), "complete", run.Complete), '}')
}

func appendChange(b []byte, e membership.Event) []byte {
	b = appendField(append(b, '{'), "action", string(e.Action))
	for _, f := range []struct {
		name string
		id   membership.ID
	}{{"group_id", e.Group}, {"user_id", e.User}} {
		if !f.id.IsZero() {
			b = appendIDField(append(b, ','), f.name, f.id)
		}
	}
	if len(e.Members) > 0 {
		b = appendList(appendName(append(b, ','), "members"), e.Members, appendChangedMember)
	}
	if facts := plainFacts(e.Before); facts != nil {
		b = append(appendName(append(b, ','), "before"), facts...)
	}
	if facts := plainFacts(e.After); facts != nil {
		b = append(appendName(append(b, ','), "after"), facts...)
	}
	return append(b, '}')
}

func appendChangedMember(b []byte, m membership.EventMember) []byte {
	b = appendIDField(append(b, '{'), "user_id", m.User)
	return append(appendBoolField(append(b, ','), "still_member", m.Still), '}')
}

// shownFacts are those of an event that have no value of the request: who may see what
// was sent redacted may see them.
var shownFacts = []string{"active", "link_active", "local_grants", "links", "origin", "kind", "version", "changed"}

func plainFacts(facts []byte) []byte {
	var all map[string]json.RawMessage
	if json.Unmarshal(facts, &all) != nil { // there are none
		return nil
	}
	for name := range all {
		if !slices.Contains(shownFacts, name) {
			delete(all, name)
		}
	}
	if len(all) == 0 {
		return nil
	}
	b, _ := json.Marshal(all) // it was JSON
	return b
}
