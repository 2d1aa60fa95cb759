package console

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) breakGlassForm(w http.ResponseWriter, r *request) error {
	return d.showAddition(w, r, http.StatusOK, additionView{
		Form: newForm(map[string]string{"user": r.query["user"]}), BreakGlass: true,
	})
}

func (d *door) takeBreakGlass(w http.ResponseWriter, r *request) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	user, ends := addition(r.form)
	if !r.form.OK() {
		return d.showAddition(w, r, http.StatusBadRequest, additionView{Form: r.form, BreakGlass: true})
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	_, err = d.Directory.AddMember(r.Context(), call, group, user, false,
		membership.GrantTerms{ExpiresAt: ends, BreakGlass: true})
	if status, taken := r.form.refused(err, ""); taken {
		return d.showAddition(w, r, status, additionView{Form: r.form, BreakGlass: true})
	}
	if err != nil {
		return err
	}
	return d.done(w, r, memberPath(group, user), "break-glass")
}

type signOffView struct {
	Form  *form
	Group membership.Group
	User  membership.User
}

func (d *door) signOffForm(w http.ResponseWriter, r *request) error {
	return d.showSignOff(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showSignOff(w http.ResponseWriter, r *request, status int, f *form) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	v := signOffView{Form: f}
	if v.Group, err = d.Directory.Group(r.Context(), r.call, group); err != nil {
		return err
	}
	if v.User, err = d.Directory.User(r.Context(), r.call, user); err != nil { // it may have ended
		return err
	}
	return d.show(w, r, view{
		template: "sign_off", title: "Sign off " + called(v.User), section: groupsPath, status: status, data: v,
	})
}

func (d *door) signOff(w http.ResponseWriter, r *request) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	r.form.require("reason", "say what you looked at: it is kept with the sign-off")
	if !r.form.OK() {
		return d.showSignOff(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	if err := d.Directory.SignOff(r.Context(), call, group, user); err != nil {
		return err
	}
	return d.done(w, r, memberPath(group, user), "signed-off")
}
