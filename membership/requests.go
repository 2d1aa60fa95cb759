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

// MayReadRequests asks whether the call may read the request log.
func (d *Directory) MayReadRequests(ctx context.Context, call Call) error {
	return d.allow(ctx, call, OpReadRequests, ID{}, ID{})
}

// ConnectionRequests lists requests of one connection, the newest first, without the
// numbers of their events. It asks no policy: the caller, the holder of a set-up link,
// was allowed by package auth.
func (d *Directory) ConnectionRequests(ctx context.Context, c Connection, f RequestFilter) (RequestPage, error) {
	if d.requests == nil {
		return RequestPage{}, noRequestLog()
	}
	f.Connection = c.ID
	return d.requests.RequestLog().Requests(ctx, c.Tenant, f)
}

func noRequestLog() error {
	return &Error{Kind: KindNotFound,
		Message: "this server keeps no requests: the setting request_log is 0, or its log says why"}
}

func noRequestKey() error {
	return Invalidf("requests cannot be found by user_name or external_id: the server has no key for them " +
		"(seal_key_file)")
}

// eventSlack is how far the dates of events may be from those of their request.
const eventSlack = 5 * time.Second

// numberRequests finds the numbers of the events of requests. One that has none yet
// gets it within a second or two.
func (d *Directory) numberRequests(ctx context.Context, tenant ID, rs []Request) error {
	var places []EventPlace
	for i := range rs {
		r := &rs[i]
		for _, e := range r.Events {
			places = append(places, EventPlace{e, r.At.Add(-eventSlack), r.At.Add(r.Duration + eventSlack)})
		}
	}
	if len(places) == 0 {
		return nil
	}
	return d.store.Read(ctx, tenant, func(reader Reader) error {
		numbers, err := reader.EventNumbers(ctx, places)
		if err != nil {
			return err
		}
		for i := range rs {
			rs[i].Numbers = numbersOf(rs[i].Events, numbers)
			for j := range rs[i].Operations {
				o := &rs[i].Operations[j]
				o.Numbers = numbersOf(o.Events, numbers)
			}
		}
		return nil
	})
}

// numbersOf are the numbers of events that have one, in their order.
func numbersOf(events []ID, numbers map[ID]int64) (of []int64) {
	for _, e := range events {
		if n, has := numbers[e]; has {
			of = append(of, n)
		}
	}
	slices.Sort(of)
	return of
}
