package api

import (
	"iter"
	"net/http"
	"sync"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) memberRoutes() []route {
	const (
		members = "/v1/groups/{id}/members"
		member  = "/v1/groups/{id}/members/{user_id}"
	)
	return []route{
		{http.MethodPost, members, d.private(d.addMember)},
		{
			http.MethodGet, members, d.private(d.listMembers, "limit", "cursor", "membership_source", "active", "email",
				"as_of"),
		},
		{http.MethodPost, members + ":batch", d.private(d.changeMembers)},
		{http.MethodGet, member, d.private(d.getMember)},
		{http.MethodPatch, member, d.private(d.changeMember)},
		{http.MethodPost, member + "/sign-off", d.private(d.signOff)},
		{http.MethodDelete, member, d.private(d.removeMember, "reason")},
	}
}

func (d *door) listMembers(w http.ResponseWriter, r request) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	q, limit, err := r.query.members()
	if err != nil {
		return err
	}
	return d.Directory.VisitMembers(r.Context(), r.call, group, q, func(ms iter.Seq2[membership.Member, error]) error {
		return streamMembers(w, ms, limit)
	})
}

// chunk is how much of a list is gathered before it is sent.
const chunk = 16 << 10

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, chunk+4<<10)
	return &b
}}

// streamMembers writes the members while they are read, in constant memory. A
// limit of 0 is none; else ms has one more when there is a next page. Nothing
// is written before the first chunk is full, so that an early error still has
// its answer.
func streamMembers(w http.ResponseWriter, ms iter.Seq2[membership.Member, error], limit int) error {
	pooled, _ := buffers.Get().(*[]byte)
	b := (*pooled)[:0]
	defer func() {
		*pooled = b
		buffers.Put(pooled)
	}()

	jsonHeader(w)
	b = append(b, `{"data":[`...)
	var last, next membership.ID
	n := 0
	for m, err := range ms {
		if err != nil {
			return err
		}
		if limit > 0 && n == limit {
			next = last
			break
		}
		if n > 0 {
			b = append(b, ',')
		}
		b = AppendMember(b, m)
		if len(b) >= chunk {
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
		n, last = n+1, m.User.ID
	}
	b = appendPageEnd(b, next)
	_, err := w.Write(b)
	return err
}

func (d *door) addMember(w http.ResponseWriter, r request) error {
	group, err := r.pathID("id", "group")
	if err != nil {
		return err
	}
	var userID string
	var expires *string
	var alsoLocal, breakGlass bool
	if err := d.decode(w, r, fields{
		"user_id": &userID, "also_local": &alsoLocal, "expires_at": &expires, "break_glass": &breakGlass,
		"reason": &r.call.Reason,
	}, "user_id"); err != nil {
		return err
	}
	user, err := membership.ParseID(userID)
	if err != nil {
		return membership.Invalidf("user_id must be a UUID")
	}
	terms, err := grantTerms(expires)
	if err != nil {
		return err
	}
	terms.BreakGlass = breakGlass
	m, err := d.Directory.AddMember(r.Context(), r.call, group, user, alsoLocal, terms)
	if err != nil {
		return err
	}
	return send(w, http.StatusCreated, AppendMember(nil, m))
}

// grantTerms reads what a local grant is opened with.
func grantTerms(expires *string) (t membership.GrantTerms, err error) {
	t.ExpiresAt, err = readExpiry(expires)
	return t, err
}

// readExpiry reads an end that need not be given.
func readExpiry(expires *string) (time.Time, error) {
	if expires == nil {
		return time.Time{}, nil
	}
	return membership.ParseTime("expires_at", *expires)
}

// changeMember gives the local grant of a member another end, or none with null.
func (d *door) changeMember(w http.ResponseWriter, r request) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	var text string
	var never bool
	if err := d.decode(w, r, fields{
		"expires_at": clearable{&text, &never}, "reason": &r.call.Reason,
	}, "expires_at"); err != nil {
		return err
	}
	var ends time.Time
	if !never {
		if ends, err = readExpiry(&text); err != nil {
			return err
		}
	}
	m, err := d.Directory.ChangeGrantEnd(r.Context(), r.call, group, user, ends)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendMember(nil, m))
}

// signOff accepts what another person took by break-glass.
func (d *door) signOff(w http.ResponseWriter, r request) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	if err := d.decode(w, r, fields{"reason": &r.call.Reason}, "reason"); err != nil {
		return err
	}
	if err := d.Directory.SignOff(r.Context(), r.call, group, user); err != nil {
		return err
	}
	return sendNothing(w)
}

func (d *door) getMember(w http.ResponseWriter, r request) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	m, err := d.Directory.Member(r.Context(), r.call, group, user)
	if err != nil {
		return err
	}
	return send(w, http.StatusOK, AppendMember(nil, m))
}

// removeMember answers 204, or 200 with the member when a provider still
// grants the membership (rule 11).
func (d *door) removeMember(w http.ResponseWriter, r request) error {
	group, user, err := r.memberIDs()
	if err != nil {
		return err
	}
	r.call.Reason = r.query["reason"]
	left, err := d.Directory.RemoveMember(r.Context(), r.call, group, user)
	if err != nil {
		return err
	}
	if left == nil {
		return sendNothing(w)
	}
	return send(w, http.StatusOK, AppendMember(nil, *left))
}

func (r request) memberIDs() (group, user membership.ID, err error) {
	if group, err = r.pathID("id", "group"); err != nil {
		return group, user, err
	}
	user, err = r.pathID("user_id", "member")
	return group, user, err
}
