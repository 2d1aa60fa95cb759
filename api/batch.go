package api

import (
	"maps"
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// changeMembers applies a list of additions and removals. What an atomic batch
// refuses is answered like its first failure, with the first few of them in the
// details.
func (d *door) changeMembers(w http.ResponseWriter, r request) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	var add, remove []string
	var expires *string
	var b membership.MemberBatch
	if err := d.decode(w, r, fields{
		"add": &add, "remove": &remove, "also_local": &b.AlsoLocal, "atomic": &b.Atomic, "expires_at": &expires,
		"reason": &r.call.Reason,
	}); err != nil {
		return err
	}
	if b.GrantTerms, err = grantTerms(expires); err != nil {
		return err
	}
	if b.Add, err = parseIDs("add", add); err != nil {
		return err
	}
	if b.Remove, err = parseIDs("remove", remove); err != nil {
		return err
	}
	outcomes, err := d.Directory.ApplyBatch(r.Context(), r.call, group, b)
	if err != nil {
		return batchFailure(err, outcomes)
	}
	return send(w, http.StatusOK, appendOutcomes(nil, outcomes))
}

func parseIDs(field string, texts []string) ([]membership.ID, error) {
	ids := make([]membership.ID, len(texts))
	for i, s := range texts {
		var err error
		if ids[i], err = membership.ParseID(s); err != nil {
			return nil, membership.Invalidf("%s[%d] must be a UUID", field, i)
		}
	}
	return ids, nil
}

func appendOutcomes(b []byte, outcomes []membership.MemberOutcome) []byte {
	b = append(b, `{"results":[`...)
	for i, o := range outcomes {
		if i > 0 {
			b = append(b, ',')
		}
		status, code := outcomeOf(o)
		b = appendIDField(append(b, '{'), "user_id", o.User)
		b = appendField(append(b, ','), "status", status)
		if code != "" {
			b = appendField(append(b, ','), "code", code)
		}
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

func outcomeOf(o membership.MemberOutcome) (status, code string) {
	switch {
	case o.Err != nil:
		return "failed", failureOf(o.Err).code
	case o.Add:
		return "added", ""
	}
	return "removed", ""
}

func batchFailure(err error, outcomes []membership.MemberOutcome) error {
	if len(outcomes) == 0 {
		return err
	}
	var failed []map[string]string
	for _, o := range outcomes {
		if status, code := outcomeOf(o); code != "" {
			failed = append(failed, map[string]string{"user_id": o.User.String(), "status": status, "code": code})
		}
	}
	f := *failureOf(err)
	f.message = "nothing was changed: " + f.message
	f.details = maps.Clone(f.details)
	if f.details == nil {
		f.details = map[string]any{}
	}
	maps.Copy(f.details, membership.FirstOf("results", failed))
	return &f
}
