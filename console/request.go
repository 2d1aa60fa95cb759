package console

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

// How much of what a request is about its page names.
const (
	maxConcerned  = 10
	maxEvents     = 50
	maxOperations = 200
)

// keptView is one request of the log.
type keptView struct {
	membership.Request
	From     membership.Connection
	Provider string // empty: not known
	Remedy   membership.Remedy
	People   []concerned
	InGroups []concerned
	Caused   []eventRow
	NoEvents string // why they are not shown; empty: they are
	// Form is that of the dry run; NoTry is why there is none.
	Form  *form
	NoTry string
	Run   *dryRunView
	// Whole is the captured body, once it was asked for; NoBody is why it cannot be.
	Whole  *membership.CapturedBody
	NoBody string
}

// concerned is a user or a group, with a name if the caller may see it.
type concerned struct {
	ID   membership.ID
	Name string
}

// MorePeople is how many people are not named.
func (v keptView) MorePeople() int { return len(v.Users) - len(v.People) }

// MoreGroups is how many groups are not named.
func (v keptView) MoreGroups() int { return len(v.Groups) - len(v.InGroups) }

// MoreEvents is how many events are not shown.
func (v keptView) MoreEvents() int { return len(v.Events) - len(v.Caused) }

// Shown are the operations of a Bulk that are shown.
func (v keptView) Shown() []membership.RequestOperation {
	return v.Operations[:min(len(v.Operations), maxOperations)]
}

// MoreOperations is how many are not.
func (v keptView) MoreOperations() int { return max(0, len(v.Operations)-maxOperations) }

// Told is what the provider was told, if it is more than the reason that is shown.
func (v keptView) Told() string {
	if v.Detail == "" || because(v.Detail, "") == because(v.Why, v.Detail) {
		return ""
	}
	return because(v.Detail, "")
}

func (d *door) request(w http.ResponseWriter, r *request) error {
	return d.showRequest(w, r, http.StatusOK, keptView{Form: newForm(nil)})
}

// requestBody shows the captured body as well. That it was read is an event, so it is no
// address that can be followed.
func (d *door) requestBody(w http.ResponseWriter, r *request) error {
	id, err := r.pathID("id", "request")
	if err != nil {
		return err
	}
	if err := d.Directory.MayReadRequests(r.Context(), r.call); err != nil { // the page shows more than the body
		return err
	}
	body, err := d.Directory.RequestBody(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return d.showRequest(w, r, http.StatusOK, keptView{Form: r.form, Whole: &body})
}

func (d *door) showRequest(w http.ResponseWriter, r *request, status int, v keptView) error {
	id, err := r.pathID("id", "request")
	if err != nil {
		return err
	}
	if v.Request, err = d.Directory.Request(r.Context(), r.call, id); err != nil {
		return err
	}
	connections, err := d.connectionNames(r)
	if err != nil {
		return err
	}
	v.From = connections.Of(v.Connection)
	v.Provider = membership.Provider(v.From.IDP, v.UserAgent)
	if v.Outcome != membership.RequestChanged && v.Outcome != membership.RequestNothing {
		v.Remedy = membership.RemedyFor(v.Provider, v.Operation, v.ScimType, v.Why)
	}
	if v.People, err = d.namedUsers(r, v.Users, maxConcerned); err != nil {
		return err
	}
	if v.InGroups, err = d.namedGroups(r, v.Groups, maxConcerned); err != nil {
		return err
	}
	if v.NoEvents, err = d.why(r, membership.OpReadAudit, membership.ID{}, membership.ID{}); err != nil {
		return err
	}
	if v.NoEvents == "" {
		if v.Caused, err = d.eventsNumbered(r, v.Numbers); err != nil {
			return err
		}
	}
	if v.NoBody, err = d.why(r, membership.OpCaptureRequests, membership.ID{}, membership.ID{}); err != nil {
		return err
	}
	if v.NoTry, err = d.noTrying(r, v.Request); err != nil {
		return err
	}
	return d.show(w, r, view{
		template: "request", title: "Request " + v.Operation, section: requestsPath, status: status, data: v,
	})
}

// noTrying says why a request cannot be tried again; empty: it may be possible.
func (d *door) noTrying(r *request, kept membership.Request) (string, error) {
	if why := kept.Triable(); why != nil {
		return sentence(why.Error()), nil
	}
	return d.why(r, membership.OpAdminister, membership.ID{}, membership.ID{})
}

// namedUsers names people, as far as the caller may see them and they are there.
func (d *door) namedUsers(r *request, ids []membership.ID, most int) ([]concerned, error) {
	return d.named(r, membership.OpReadUsers, ids, most, func(id membership.ID) (string, error) {
		u, err := d.Directory.User(r.Context(), r.call, id)
		return called(u), err
	})
}

// namedGroups is namedUsers for groups.
func (d *door) namedGroups(r *request, ids []membership.ID, most int) ([]concerned, error) {
	return d.named(r, membership.OpReadGroups, ids, most, func(id membership.ID) (string, error) {
		g, err := d.Directory.Group(r.Context(), r.call, id)
		return g.DisplayName, err
	})
}

func (d *door) named(
	r *request, op membership.Operation, ids []membership.ID, most int, name func(membership.ID) (string, error),
) (all []concerned, err error) {
	why, err := d.why(r, op, membership.ID{}, membership.ID{})
	if err != nil {
		return nil, err
	}
	for _, id := range ids[:min(len(ids), most)] {
		one := concerned{ID: id}
		if why == "" {
			one.Name, err = name(id)
			switch membership.KindOf(err) {
			case membership.KindNotFound, membership.KindGone, membership.KindForbidden:
				one.Name, err = "", nil
			}
			if err != nil {
				return nil, err
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// eventsNumbered reads events by their numbers, which are in order.
func (d *door) eventsNumbered(r *request, numbers []int64) (rows []eventRow, err error) {
	numbers = numbers[:min(len(numbers), maxEvents)]
	for len(numbers) > 0 {
		n := 1 // of them follow one another
		for n < len(numbers) && numbers[n] == numbers[0]+int64(n) {
			n++
		}
		p, err := d.Directory.NumberedEvents(r.Context(), r.call, membership.EventFilter{
			Cursor: membership.EventCursor{Number: numbers[0] - 1, Through: numbers[n-1]}, Limit: n,
		})
		if err != nil {
			return nil, err
		}
		for _, e := range p.Events {
			rows = append(rows, eventRow{e, p.Names})
		}
		numbers = numbers[max(1, len(p.Events)):]
	}
	return rows, nil
}
