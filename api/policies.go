package api

import (
	"net/http"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) policyRoutes() []route {
	const (
		policies = "/v1/policies"
		policy   = "/v1/policies/{id}"
	)
	return []route{
		{http.MethodGet, policies, d.private(d.listPolicies)},
		{http.MethodPost, policies, d.private(d.createPolicy)},
		{http.MethodGet, policy, d.private(d.getPolicy)},
		{http.MethodPut, policy, d.private(d.replacePolicy)},
		{http.MethodDelete, policy, d.private(d.deletePolicy, "reason")},
	}
}

func (d *door) listPolicies(w http.ResponseWriter, r request) error {
	all, err := d.Policies.List(r.Context(), r.call)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPage(nil, all, appendPolicy, membership.ID{}))
}

func (d *door) createPolicy(w http.ResponseWriter, r request) error {
	var id, text string
	if err := d.decode(w, r, fields{"id": &id, "cedar": &text, "reason": &r.call.Reason}, "id", "cedar"); err != nil {
		return err
	}
	p, err := d.Policies.Create(r.Context(), r.call, id, text)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, appendPolicy(nil, p))
}

func (d *door) getPolicy(w http.ResponseWriter, r request) error {
	p, err := d.Policies.Get(r.Context(), r.call, r.policyID())
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPolicy(nil, p))
}

// replacePolicy takes the body of createPolicy as well: what was read can be
// sent back.
func (d *door) replacePolicy(w http.ResponseWriter, r request) error {
	id, text := r.policyID(), ""
	if err := d.decode(w, r, fields{"id": &id, "cedar": &text, "reason": &r.call.Reason}, "cedar"); err != nil {
		return err
	}
	if id != r.policyID() {
		return membership.Invalidf("id is not that of the path: a policy keeps its id")
	}
	p, err := d.Policies.Replace(r.Context(), r.call, id, text)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, appendPolicy(nil, p))
}

func (d *door) deletePolicy(w http.ResponseWriter, r request) error {
	r.call.Reason = r.query["reason"]
	if err := d.Policies.Delete(r.Context(), r.call, r.policyID()); err != nil {
		return err
	}
	return sendNothing(w)
}

// policyID is the id of the path, which its owner chose: no UUID. Ids need no
// escapes, so an id with escapes matches none.
func (r request) policyID() string { return r.PathValue("id") }

func appendPolicy(b []byte, p auth.TenantPolicy) []byte {
	b = appendField(append(b, '{'), "id", p.ID)
	b = appendField(append(b, ','), "cedar", p.Cedar)
	b = appendTimeField(append(b, ','), "created_at", p.CreatedAt)
	b = appendTimeField(append(b, ','), "updated_at", p.UpdatedAt)
	return append(b, '}')
}
