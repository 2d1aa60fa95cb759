package console

import (
	"net/http"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) memberRoutes() []route {
	const (
		member = "/groups/{id}/members/{user_id}"
		add    = "/groups/{id}/add"
	)
	return []route{
		d.get(member, d.member),
		d.get(member+"/remove", d.removalForm),
		d.post(member+"/remove", d.removeMember, "reason"),
		d.get(add, d.additionForm, "q", "user"),
		d.post(add, d.addMember, "user", "reason", "ends", "also_local"),
	}
}

// memberView is one person in one group.
type memberView struct {
	Group    membership.Group
	User     membership.User
	Member   *membership.Member // nil: they are none now
	History  []eventRow         // of grants, the newest first; nil: see NoHistory
	Older    bool               // there is more history than is shown
	By       []string           // who opened each of the member's grants
	NoRemove string             // why there is no button to remove them; empty: there is one
	NoAdd    string             // the same to add a local grant
	// NoHistory is why there is no history here; empty: there is.
	NoHistory string
}

// maxHistory bounds the history of a person in a group on its page.
const maxHistory = 200

func (d *door) member(w http.ResponseWriter, r *request) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	v := memberView{}
	if v.Group, err = d.Directory.Group(r.Context(), r.call, group); err != nil {
		return err
	}
	m, err := d.Directory.Member(r.Context(), r.call, group, user)
	switch {
	case err == nil:
		v.Member, v.User = &m, m.User
		if why := m.Removable(); why != nil {
			v.NoRemove = sentence(why.Error())
		} else if v.NoRemove, err = d.why(r, membership.OpRemoveMembers, group, user); err != nil {
			return err
		}
	case membership.KindOf(err) == membership.KindNotFound:
		if v.User, err = d.Directory.User(r.Context(), r.call, user); err != nil {
			return err
		}
		if v.NoAdd, err = d.noAdding(r, v.Group, user); err != nil {
			return err
		}
	default:
		return err
	}
	if err := d.history(r, &v, group, user); err != nil {
		return err
	}
	v.openedBy()
	title := called(v.User) + " in " + v.Group.DisplayName
	return d.show(w, r, view{template: "member", title: title, section: groupsPath, data: v})
}

// history reads the grants of a person in a group out of the audit log: each with its actor,
// when, why and through which request.
func (d *door) history(r *request, v *memberView, group, user membership.ID) error {
	var err error
	if v.NoHistory, err = d.why(r, membership.OpReadAudit, group, user); err != nil || v.NoHistory != "" {
		return err
	}
	f := membership.EventFilter{Group: group, User: user, Limit: maxHistory}
	for range 20 { // pages can be shorter than asked for
		p, err := d.Directory.NumberedEvents(r.Context(), r.call, f)
		if err != nil {
			return err
		}
		for _, e := range p.Events {
			if e.Action == membership.ActionGrantOpened || e.Action == membership.ActionGrantClosed {
				v.History = append(v.History, eventRow{e, p.Names})
			}
		}
		if p.Next == nil {
			break
		}
		f.Cursor, v.Older = *p.Next, true
	}
	if len(v.History) > maxHistory {
		v.History, v.Older = v.History[len(v.History)-maxHistory:], true
	} else {
		v.Older = false
	}
	slices.Reverse(v.History)
	return nil
}

// openedBy names who opened the grants, as far as the history or the connection say it.
func (v *memberView) openedBy() {
	if v.Member == nil {
		return
	}
	for _, s := range v.Member.Sources {
		by := string(s.Grant.OpenedBy.Kind) + " " + shortID(s.Grant.OpenedBy.ID)
		for _, e := range v.History {
			if e.Actor == s.Grant.OpenedBy {
				by = e.ActorName()
			}
		}
		if s.Grant.OpenedBy.Kind == membership.ActorConnection && s.Grant.OpenedBy.ID == s.Grant.Connection.String() {
			by = s.ConnectionName
		}
		v.By = append(v.By, by)
	}
}

// ActorName is who acted, by their name if they have one.
func (e eventRow) ActorName() string {
	if name := e.Names.Actor(e.Event); name != "" {
		return name
	}
	return string(e.Actor.Kind) + " " + shortID(e.Actor.ID)
}

// SourceLabel is the source of the grants of an event.
func (e eventRow) SourceLabel() sourceLabel {
	if e.MemberSource == membership.SourceLocal {
		return sourceLabel{Local: true, Name: "Local"}
	}
	if name := e.Names.Connections[e.Connection]; name != "" {
		return sourceLabel{Name: name}
	}
	return sourceLabel{Name: "A provider"}
}

func (r *request) memberIDs() (group, user membership.ID, err error) {
	if group, err = r.pathID("id", "group"); err != nil {
		return group, user, err
	}
	user, err = r.pathID("user_id", "member")
	return group, user, err
}

type removalView struct {
	Form   *form
	Group  membership.Group
	Member membership.Member
	Stays  bool // a provider grants the membership as well
}

func (d *door) removalForm(w http.ResponseWriter, r *request) error {
	return d.showRemoval(w, r, http.StatusOK, newForm(nil))
}

func (d *door) showRemoval(w http.ResponseWriter, r *request, status int, f *form) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	v := removalView{Form: f}
	if v.Group, err = d.Directory.Group(r.Context(), r.call, group); err != nil {
		return err
	}
	if v.Member, err = d.Directory.Member(r.Context(), r.call, group, user); err != nil {
		return err
	}
	v.Stays = len(v.Member.Sources) > 1
	return d.show(w, r, view{
		template: "remove_member", title: "Remove " + called(v.Member.User), section: groupsPath, status: status,
		data: v,
	})
}

func (d *door) removeMember(w http.ResponseWriter, r *request) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	r.form.require("reason", "say why: it is kept with the change")
	if !r.form.OK() {
		return d.showRemoval(w, r, http.StatusBadRequest, r.form)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	left, err := d.Directory.RemoveMember(r.Context(), call, group, user)
	if status, taken := r.form.refused(err, ""); taken {
		return d.showRemoval(w, r, status, r.form)
	}
	if err != nil {
		return err
	}
	said := "member-removed"
	if left != nil {
		said = "member-stays"
	}
	return d.done(w, r, memberPath(group, user), said)
}

func memberPath(group, user membership.ID) string {
	return groupsPath + "/" + group.String() + "/members/" + user.String()
}

type additionView struct {
	Form   *form
	Group  membership.Group
	Query  string
	People []membership.User
	Beside bool // offer a local grant beside a provider's
	NoAdd  string
}

func (d *door) additionForm(w http.ResponseWriter, r *request) error {
	return d.showAddition(w, r, http.StatusOK, newForm(map[string]string{"user": r.query["user"]}), false)
}

// showAddition shows the people to choose from, or the person who was chosen.
func (d *door) showAddition(w http.ResponseWriter, r *request, status int, f *form, beside bool) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	v := additionView{Form: f, Query: r.query["q"], Beside: beside}
	if v.Group, err = d.Directory.Group(r.Context(), r.call, group); err != nil {
		return err
	}
	if v.NoAdd, err = d.noAdding(r, v.Group, membership.ID{}); err != nil {
		return err
	}
	switch {
	case v.Query != "":
		v.People, err = d.search(r, v.Query)
	case f.Value("user") != "":
		v.People, err = d.search(r, f.Value("user"))
	}
	if err != nil {
		return err
	}
	v.People = v.People[:min(len(v.People), pageSize)]
	return d.show(w, r, view{
		template: "add_member", title: "Add a member to " + v.Group.DisplayName, section: groupsPath, status: status,
		data: v,
	})
}

func (d *door) addMember(w http.ResponseWriter, r *request) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	user := r.form.id("user", "choose who is added")
	r.form.require("reason", "say why: it is kept with the change")
	ends, err := parseTime("the end", r.form.Value("ends"))
	if err != nil {
		r.form.fail("ends", err.Error())
	}
	if !r.form.OK() {
		return d.showAddition(w, r, http.StatusBadRequest, r.form, false)
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	_, err = d.Directory.AddMember(r.Context(), call, group, user, r.form.Value("also_local") == "true",
		membership.GrantTerms{ExpiresAt: ends})
	if status, taken := r.form.refused(err, ""); taken {
		return d.showAddition(w, r, status, r.form, membership.KindOf(err) == membership.KindAlreadyMember)
	}
	if err != nil {
		return err
	}
	return d.done(w, r, memberPath(group, user), "member-added")
}
