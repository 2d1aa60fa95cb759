package membership

import (
	"context"
	"slices"
	"time"
)

// KeptRequests is the request log of a server.
type KeptRequests interface {
	RequestLog() RequestLog
	// UserName and ExternalID are the keyed hashes by which requests are found; nil:
	// the server has no key.
	UserName(name string) *RequestName
	ExternalID(id string) *RequestName
	// Captures reports whether bodies can be captured: the server has a key.
	Captures() bool
	// OpenBody decrypts the captured body of a request.
	OpenBody(tenant, id ID, box []byte) (string, error)
	// Dropped is how many requests of a tenant were not written since the start.
	Dropped(tenant ID) int64
}

// RequestQuery is what a caller asks the request log for. The texts are as the provider
// sent them; "" asks for nothing.
type RequestQuery struct {
	RequestFilter
	UserName, ExternalID string
}

// Requests lists requests of the tenant, the newest first, and says how many are
// missing.
func (d *Directory) Requests(ctx context.Context, call Call, q RequestQuery) (p RequestPage, dropped int64, err error) {
	if err := d.allow(ctx, call, OpReadRequests, ID{}, ID{}); err != nil {
		return p, 0, err
	}
	if d.requests == nil {
		return p, 0, noRequestLog()
	}
	f := q.RequestFilter
	if q.UserName != "" {
		if f.UserName = d.requests.UserName(q.UserName); f.UserName == nil {
			return p, 0, noRequestKey()
		}
	}
	if q.ExternalID != "" {
		if f.ExternalID = d.requests.ExternalID(q.ExternalID); f.ExternalID == nil {
			return p, 0, noRequestKey()
		}
	}
	if p, err = d.requests.RequestLog().Requests(ctx, call.Tenant, f); err != nil {
		return p, 0, err
	}
	return p, d.requests.Dropped(call.Tenant), d.numberRequests(ctx, call.Tenant, p.Requests)
}

// Request returns one request of the tenant.
func (d *Directory) Request(ctx context.Context, call Call, id ID) (Request, error) {
	if err := d.allow(ctx, call, OpReadRequests, ID{}, ID{}); err != nil {
		return Request{}, err
	}
	if d.requests == nil {
		return Request{}, noRequestLog()
	}
	r, err := d.requests.RequestLog().Request(ctx, call.Tenant, id)
	if err != nil {
		return r, err
	}
	one := []Request{r}
	err = d.numberRequests(ctx, call.Tenant, one)
	return one[0], err
}

func noRequestLog() error {
	return &Error{Kind: KindNotFound, Message: "this server keeps no requests: the setting request_log is 0, or its log says why"}
}

func noRequestKey() error {
	return Invalidf("requests cannot be found by user_name or external_id: the server has no key for them (seal_key_file)")
}

const (
	// eventSlack is how far the dates of events may be from those of their request.
	eventSlack = 5 * time.Second
	// requestsTogether is how near requests are whose events are looked for together.
	requestsTogether = time.Minute
	// eventsOfRequests bounds the events that are looked at for a page.
	eventsOfRequests = 20_000
)

// numberRequests finds the numbers of the events of requests. One that has none yet
// gets it within a second or two.
func (d *Directory) numberRequests(ctx context.Context, tenant ID, rs []Request) error {
	of := map[ID]*Request{}
	var times []time.Time // of the requests that have events, the newest first
	for i := range rs {
		for _, e := range rs[i].Events {
			of[e] = &rs[i]
		}
		if len(rs[i].Events) > 0 {
			times = append(times, rs[i].At.Add(rs[i].Duration), rs[i].At)
		}
	}
	if len(of) == 0 {
		return nil
	}
	slices.SortFunc(times, time.Time.Compare)
	looked := 0
	return d.store.Read(ctx, tenant, func(r Reader) error {
		looked = 0
		for i := range rs {
			rs[i].Numbers = nil
		}
		for begin := 0; begin < len(times); {
			end := begin
			for end+1 < len(times) && times[end+1].Sub(times[end]) < requestsTogether {
				end++
			}
			from, to := times[begin].Add(-eventSlack), times[end].Add(eventSlack)
			if err := numbersBetween(ctx, r, from, to, of, &looked); err != nil {
				return err
			}
			begin = end + 1
		}
		return nil
	})
}

// numbersBetween looks for events of a period, and stops when it has looked at too
// many.
func numbersBetween(ctx context.Context, r EventReader, from, to time.Time, of map[ID]*Request, looked *int) error {
	first, last, err := r.EventsBetween(ctx, from, to)
	if err != nil || last == 0 {
		return err
	}
	const page = 1000
	f := EventFilter{From: from, To: to, Cursor: EventCursor{Number: first - 1, Through: last}, Limit: page}
	for *looked < eventsOfRequests {
		events, err := r.NumberedEvents(ctx, f)
		if err != nil {
			return err
		}
		for _, e := range events {
			if of[e.ID] != nil {
				of[e.ID].Numbers = append(of[e.ID].Numbers, e.Number)
			}
		}
		if *looked += len(events); len(events) < page {
			return nil
		}
		f.Cursor.Number = events[len(events)-1].Number
	}
	return nil
}
