package console

import (
	"net/http"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) memberRoutes() []route {
	const (
		member     = "/groups/{id}/members/{user_id}"
		add        = "/groups/{id}/add"
		breakGlass = "/groups/{id}/break-glass"
	)
	return []route{
		d.get(member, d.member),
		d.get(member+"/remove", d.removalForm),
		d.post(member+"/remove", d.removeMember, "reason"),
		d.get(add, d.additionForm, "q", "user"),
		d.post(add, d.addMember, "user", "reason", "ends", "also_local"),
		d.get(breakGlass, d.breakGlassForm, "q", "user"),
		d.post(breakGlass, d.takeBreakGlass, "user", "reason", "ends"),
		d.get(member+"/sign-off", d.signOffForm),
		d.post(member+"/sign-off", d.signOff, "reason"),
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
	// Unsigned: what was taken by break-glass waits for another person to sign it off;
	// NoSignOff is why there is no button for that.
	Unsigned  bool
	NoSignOff string
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
			switch e.Action {
			case membership.ActionBreakGlass, membership.ActionGrantSignedOff:
				v.Unsigned = e.Action == membership.ActionBreakGlass
			case membership.ActionGrantOpened, membership.ActionGrantClosed:
			default:
				continue
			}
			v.History = append(v.History, eventRow{e, p.Names})
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
	if v.Unsigned {
		v.NoSignOff, err = d.why(r, membership.OpSignOff, group, user)
	}
	return err
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
	// BreakGlass: the member is added by break-glass.
	BreakGlass bool
}

// Path is that of the form.
func (v additionView) Path() string {
	if v.BreakGlass {
		return groupsPath + "/" + v.Group.ID.String() + "/break-glass"
	}
	return groupsPath + "/" + v.Group.ID.String() + "/add"
}

func (d *door) additionForm(w http.ResponseWriter, r *request) error {
	return d.showAddition(w, r, http.StatusOK, additionView{Form: newForm(map[string]string{"user": r.query["user"]})})
}

// showAddition shows the people to choose from, or the person who was chosen.
func (d *door) showAddition(w http.ResponseWriter, r *request, status int, v additionView) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	v.Query = r.query["q"]
	if v.Group, err = d.Directory.Group(r.Context(), r.call, group); err != nil {
		return err
	}
	title := "Add a member to "
	if v.BreakGlass {
		title = "Break-glass: "
		v.NoAdd, err = d.why(r, membership.OpBreakGlass, group, membership.ID{})
	} else {
		v.NoAdd, err = d.noAdding(r, v.Group, membership.ID{})
	}
	if err != nil {
		return err
	}
	switch {
	case v.Query != "":
		v.People, err = d.search(r, v.Query)
	case v.Form.Value("user") != "":
		v.People, err = d.search(r, v.Form.Value("user"))
	}
	if err != nil {
		return err
	}
	v.People = v.People[:min(len(v.People), pageSize)]
	return d.show(w, r, view{
		template: "add_member", title: title + v.Group.DisplayName, section: groupsPath, status: status, data: v,
	})
}

// addition reads who is added, and for how long.
func addition(f *form) (user membership.ID, ends time.Time) {
	user = f.id("user", "choose who is added")
	f.require("reason", "say why: it is kept with the change")
	return user, f.time("ends", "the end")
}

func (d *door) addMember(w http.ResponseWriter, r *request) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	user, ends := addition(r.form)
	if !r.form.OK() {
		return d.showAddition(w, r, http.StatusBadRequest, additionView{Form: r.form})
	}
	call := r.call
	call.Reason = r.form.Value("reason")
	_, err = d.Directory.AddMember(r.Context(), call, group, user, r.form.Value("also_local") == "true",
		membership.GrantTerms{ExpiresAt: ends})
	if status, taken := r.form.refused(err, ""); taken {
		return d.showAddition(w, r, status, additionView{
			Form: r.form, Beside: membership.KindOf(err) == membership.KindAlreadyMember,
		})
	}
	if err != nil {
		return err
	}
	return d.done(w, r, memberPath(group, user), "member-added")
}
