package console

import (
	"net/http"
	"strings"

	"github.com/scimbridge/scimbridge/auth"
)

const issuersPath = accessPath + "/issuers"

func (d *door) issuerRoutes() []route {
	const issuer = "/access/issuers/{id}"
	fields := []string{"issuer", "audiences", "jwks_uri", "tenant_value", "reason"}
	for _, p := range auth.KnownPermissions() {
		fields = append(fields, permissionField(p))
	}
	return []route{
		d.get("/access/issuers", d.issuers),
		d.get("/access/new-issuer", d.issuerForm),
		d.post("/access/new-issuer", d.createIssuer, fields...),
		d.get(issuer, d.issuer),
		d.post(issuer, d.changeIssuer, fields...),
		d.get(issuer+"/delete", d.issuerDeletion),
		d.post(issuer+"/delete", d.deleteIssuer, "reason"),
	}
}

func (d *door) issuers(w http.ResponseWriter, r *request) error {
	all, err := d.Issuers.List(r.Context(), r.call)
	if err != nil {
		return err
	}
	return d.show(w, r, view{template: "issuers", title: "Issuers", section: accessPath, data: all})
}

type issuerView struct {
	Form        *form
	Issuer      auth.Issuer // of a new one: zero
	Permissions []tokenPermission
}

func (d *door) issuerForm(w http.ResponseWriter, r *request) error {
	if _, err := d.Issuers.List(r.Context(), r.call); err != nil { // who may not does not fill it in
		return err
	}
	return d.showIssuer(w, r, http.StatusOK, issuerView{Form: newForm(nil)})
}

func (d *door) showIssuer(w http.ResponseWriter, r *request, status int, v issuerView) error {
	v.Permissions = permissionsIn(v.Form)
	title := "New issuer"
	if v.Issuer.Issuer != "" {
		title = "Issuer " + v.Issuer.Issuer
	}
	return d.show(w, r, view{template: "issuer", title: title, section: accessPath, status: status, data: v})
}

// issuerSpec reads the form. Keys that are kept here, and not at an address, stay as
// they are while the address is empty.
func (f *form) issuerSpec() auth.IssuerSpec {
	f.require("issuer", "give the issuer, to the letter: it is the claim iss")
	f.require("audiences", "give the audiences: one of them has to be in the claim aud")
	issuer, tenant := f.Value("issuer"), f.Value("tenant_value")
	s := auth.IssuerSpec{
		Issuer: &issuer, Audiences: strings.Fields(f.Value("audiences")), TenantValue: &tenant,
		Permissions: append([]string{}, chosenPermissions(f)...),
	}
	if uri := f.Value("jwks_uri"); uri != "" {
		s.JWKSURI = &uri
	}
	return s
}

func (d *door) createIssuer(w http.ResponseWriter, r *request) error {
	s := r.form.issuerSpec()
	r.form.require("jwks_uri", "give the address of its keys")
	if !r.form.OK() {
		return d.showIssuer(w, r, http.StatusBadRequest, issuerView{Form: r.form})
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	i, err := d.Issuers.Create(r.Context(), call, s)
	if status, taken := r.form.refused(err, ""); taken {
		return d.showIssuer(w, r, status, issuerView{Form: r.form})
	}
	if err != nil {
		return err
	}
	return d.done(w, r, issuersPath+"/"+i.ID.String(), "issuer-saved")
}

// issuerOf reads the issuer that the path names.
func (d *door) issuerOf(r *request) (auth.Issuer, error) {
	id, err := r.pathID("id", "issuer")
	if err != nil {
		return auth.Issuer{}, err
	}
	return d.Issuers.Get(r.Context(), r.call, id)
}

func (d *door) issuer(w http.ResponseWriter, r *request) error {
	i, err := d.issuerOf(r)
	if err != nil {
		return err
	}
	values := map[string]string{
		"issuer": i.Issuer, "audiences": strings.Join(i.Audiences, " "), "jwks_uri": i.JWKSURI,
		"tenant_value": i.TenantValue,
	}
	for _, p := range i.Permissions {
		values[permissionField(p)] = "true"
	}
	return d.showIssuer(w, r, http.StatusOK, issuerView{Form: newForm(values), Issuer: i})
}

func (d *door) changeIssuer(w http.ResponseWriter, r *request) error {
	i, err := d.issuerOf(r)
	if err != nil {
		return err
	}
	s := r.form.issuerSpec()
	if r.form.OK() {
		call := r.call
		call.Reason = r.form.Value("reason")
		_, err = d.Issuers.Update(r.Context(), call, i.ID, s)
	}
	status, taken := r.form.refused(err, "")
	switch {
	case taken:
		return d.showIssuer(w, r, status, issuerView{Form: r.form, Issuer: i})
	case err != nil:
		return err
	case !r.form.OK():
		return d.showIssuer(w, r, http.StatusBadRequest, issuerView{Form: r.form, Issuer: i})
	}
	return d.done(w, r, issuersPath+"/"+i.ID.String(), "issuer-saved")
}

func (d *door) issuerDeletion(w http.ResponseWriter, r *request) error {
	return d.showIssuerDeletion(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showIssuerDeletion(w http.ResponseWriter, r *request, status int, f *form) error {
	i, err := d.issuerOf(r)
	if err != nil {
		return err
	}
	return d.show(w, r, view{
		template: "issuer_delete", title: "Delete the issuer", section: accessPath, status: status,
		data: issuerView{Form: f, Issuer: i},
	})
}

func (d *door) deleteIssuer(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "issuer")
	if err != nil {
		return err
	}
	r.form.require("reason", "say why: it is kept with the change")
	if !r.form.OK() {
		return d.showIssuerDeletion(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	if err := d.Issuers.Delete(r.Context(), call, id); err != nil {
		return err
	}
	return d.done(w, r, issuersPath, "issuer-deleted")
}
