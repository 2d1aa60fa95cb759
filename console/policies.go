package console

import (
	"fmt"
	"net/http"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

const policiesPath = accessPath + "/policies"

func (d *door) policyRoutes() []route {
	const policy = "/access/policies/{id}"
	return []route{
		d.get("/access/policies", d.policies),
		d.get("/access/new-policy", d.policyForm),
		d.post("/access/new-policy", d.createPolicy, "id", "cedar", "reason"),
		d.get(policy, d.policy),
		d.post(policy, d.replacePolicy, "cedar", "reason"),
		d.get(policy+"/delete", d.policyDeletion),
		d.post(policy+"/delete", d.deletePolicy, "reason"),
	}
}

func (d *door) policies(w http.ResponseWriter, r *request) error {
	all, err := d.Policies.List(r.Context(), r.call)
	if err != nil {
		return err
	}
	return d.show(w, r, view{template: "policies", title: "Policies", section: accessPath, data: all})
}

type policyView struct {
	Form   *form
	Policy auth.TenantPolicy // of a new one: zero
}

func (d *door) policyForm(w http.ResponseWriter, r *request) error {
	if _, err := d.Policies.List(r.Context(), r.call); err != nil { // who may not does not fill it in
		return err
	}
	return d.showPolicy(w, r, http.StatusOK, policyView{Form: newForm(nil)})
}

func (d *door) showPolicy(w http.ResponseWriter, r *request, status int, v policyView) error {
	title := "New policy"
	if v.Policy.ID != "" {
		title = "Policy " + v.Policy.ID
	}
	return d.show(w, r, view{template: "policy", title: title, section: accessPath, status: status, data: v})
}

func (d *door) createPolicy(w http.ResponseWriter, r *request) error {
	r.form.require("id", "give it an id: refusals name the policy by it")
	r.form.require("cedar", "write the policy")
	if !r.form.OK() {
		return d.showPolicy(w, r, http.StatusBadRequest, policyView{Form: r.form})
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	p, err := d.Policies.Create(r.Context(), call, r.form.Value("id"), r.form.Value("cedar"))
	if status, taken := r.form.refusedPolicy(err); taken {
		return d.showPolicy(w, r, status, policyView{Form: r.form})
	}
	if err != nil {
		return err
	}
	return d.done(w, r, policiesPath+"/"+p.ID, "policy-saved")
}

// refusedPolicy is refused for a policy, and says how long a text that is too long is.
func (f *form) refusedPolicy(err error) (status int, taken bool) {
	if n := len(f.Value("cedar")); n > auth.MaxPolicyText {
		err = &membership.Error{Kind: membership.KindTooLarge, Message: fmt.Sprintf(
			"the policy has %d bytes, and at most %d are taken: it was not saved. Make several of it, or shorten it",
			n, auth.MaxPolicyText)}
	}
	return f.refused(err, "cedar")
}

func (d *door) policy(w http.ResponseWriter, r *request) error {
	p, err := d.Policies.Get(r.Context(), r.call, r.PathValue("id"))
	if err != nil {
		return err
	}
	return d.showPolicy(w, r, http.StatusOK, policyView{newForm(map[string]string{"cedar": p.Cedar}), p})
}

func (d *door) replacePolicy(w http.ResponseWriter, r *request) error {
	p, err := d.Policies.Get(r.Context(), r.call, r.PathValue("id"))
	if err != nil {
		return err
	}
	r.form.require("cedar", "write the policy; to be rid of it, delete it")
	if r.form.OK() {
		call := r.call
		call.Reason = r.form.Value("reason")
		_, err = d.Policies.Replace(r.Context(), call, p.ID, r.form.Value("cedar"))
	}
	status, taken := r.form.refusedPolicy(err)
	switch {
	case taken:
		return d.showPolicy(w, r, status, policyView{r.form, p})
	case err != nil:
		return err
	case !r.form.OK():
		return d.showPolicy(w, r, http.StatusBadRequest, policyView{r.form, p})
	}
	return d.done(w, r, policiesPath+"/"+p.ID, "policy-saved")
}

func (d *door) policyDeletion(w http.ResponseWriter, r *request) error {
	return d.showPolicyDeletion(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showPolicyDeletion(w http.ResponseWriter, r *request, status int, f *form) error {
	p, err := d.Policies.Get(r.Context(), r.call, r.PathValue("id"))
	if err != nil {
		return err
	}
	return d.show(w, r, view{
		template: "policy_delete", title: "Delete " + p.ID, section: accessPath, status: status, data: policyView{f, p},
	})
}

func (d *door) deletePolicy(w http.ResponseWriter, r *request) error {
	r.form.require("reason", "say why: it is kept with the change")
	if !r.form.OK() {
		return d.showPolicyDeletion(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	if err := d.Policies.Delete(r.Context(), call, r.PathValue("id")); err != nil {
		return err
	}
	return d.done(w, r, policiesPath, "policy-deleted")
}
