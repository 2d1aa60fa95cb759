package membership

import (
	"context"
	"slices"
	"time"
)

// RequestOutcome is what became of a request.
type RequestOutcome string

// The outcomes of requests. One that only reads has done nothing, too.
const (
	RequestChanged  RequestOutcome = "changed"
	RequestNothing  RequestOutcome = "nothing_to_do"
	RequestRefused  RequestOutcome = "refused"
	RequestHeld     RequestOutcome = "held" // by the removal guard
	RequestFailed   RequestOutcome = "failed"
	RequestLimited  RequestOutcome = "limited"
	requestOutcomes                = 6
)

// RequestOutcomes are all of them.
var RequestOutcomes = [requestOutcomes]RequestOutcome{
	RequestChanged, RequestNothing, RequestRefused, RequestHeld, RequestFailed, RequestLimited,
}

// Known reports whether it is one of RequestOutcomes.
func (o RequestOutcome) Known() bool { return slices.Contains(RequestOutcomes[:], o) }

// RequestAnswer is what a door says of a request for the request log. No text of it
// has a value of the request, which may be personal data: ids, names of attributes,
// and the words of this program.
type RequestAnswer struct {
	ScimType string
	Detail   string
	Outcome  RequestOutcome // empty: the log derives it from the status
	Why      string         // nothing was done, or it was refused, held or has failed
	Ignored  []string       // attributes that no schema has
	Events   []ID           // that it wrote
	Users    []ID           // that it is about
	Groups   []ID
	// Operations are those of a Bulk.
	Operations []RequestOperation
}

// RequestOperation is one operation of a Bulk.
type RequestOperation struct {
	Method   string         `json:"method"`
	Path     string         `json:"path"`
	Status   int            `json:"status"`
	ScimType string         `json:"scim_type,omitempty"`
	Detail   string         `json:"detail,omitempty"`
	Outcome  RequestOutcome `json:"outcome"`
	Why      string         `json:"why,omitempty"`
	Events   []ID           `json:"events,omitempty"`
	Numbers  []int64        `json:"-"` // as those of a Request
}

// Request is one row of the request log: what a provider sent, and what came of it.
// Path, Query and Body are redacted.
type Request struct {
	ID         ID // its own, of the time At
	RequestID  string
	At         time.Time
	Tenant     ID
	Connection ID
	// Credential is the id of the token or client; Hint its prefix and last four
	// characters.
	Credential ID
	Hint       string
	Method     string
	// Operation is the method and the template of the path, as PATCH /Groups/{id}.
	Operation string
	Path      string
	Query     string
	Body      string
	// Whole: Body is what was sent, as it has nothing that is redacted.
	Whole bool
	// Captured says whether the body was captured; Sealed is it where the request is
	// written.
	Captured CaptureState
	Sealed   *SealedBody
	Status   int
	RequestAnswer
	Duration          time.Duration
	BytesIn, BytesOut int64
	Client            string // address
	UserAgent         string
	// Count is of how many requests it is the row: repeats of a refusal share one.
	Count int
	// UserNames and ExternalIDs are those in it, as keyed hashes.
	UserNames, ExternalIDs []RequestName
	// Numbers are those of its events that have one, as far as they are asked for.
	Numbers []int64
}

// RequestName is a keyed hash of a userName or an externalId.
type RequestName [16]byte

// CaptureState says whether the whole body of a request was captured. It may have been
// removed since.
type CaptureState string

// The states of captures.
const (
	NotCaptured   CaptureState = ""
	CapturedWhole CaptureState = "whole"
	CapturedCut   CaptureState = "cut" // a part of it
)

// RequestFilter selects requests of a tenant, the newest first. A zero field asks for
// nothing.
type RequestFilter struct {
	Connection ID
	Outcome    RequestOutcome
	Status     int
	ScimType   string
	Operation  string // Request.Operation
	User       ID
	Group      ID
	UserName   *RequestName
	ExternalID *RequestName
	RequestID  string
	From, To   time.Time
	Before     ID // of the page before, the last that was looked at
	Limit      int
}

// RequestPage is a page of requests. It may have fewer than were asked for: More says
// whether others may follow, behind the id Last.
type RequestPage struct {
	Requests []Request
	More     bool
	Last     ID
}

// RequestLog keeps requests. It is a log, not evidence: it may lose some, and none of
// its methods is part of a change.
type RequestLog interface {
	// AppendRequests writes requests of any tenants.
	AppendRequests(ctx context.Context, requests []Request) error
	// Requests lists those of a tenant.
	Requests(ctx context.Context, tenant ID, f RequestFilter) (RequestPage, error)
	// Request returns one; else an error of KindNotFound.
	Request(ctx context.Context, tenant, id ID) (Request, error)
	// RemoveRequests removes at most limit requests of a tenant from before a time,
	// and returns how many there were.
	RemoveRequests(ctx context.Context, tenant ID, before time.Time, limit int) (int, error)
	// RequestBody returns the captured body of a request; else an error of KindNotFound.
	RequestBody(ctx context.Context, tenant, id ID) (SealedBody, error)
	// KeptBodies returns of which requests of a tenant there are captured bodies.
	KeptBodies(ctx context.Context, tenant ID) ([]KeptBody, error)
	// RemoveBodies removes the captured bodies of a connection, or, with the zero ID, of
	// a tenant. Their requests stay.
	RemoveBodies(ctx context.Context, tenant, connection ID) error
	// RemoveBodiesOf removes the captured bodies of some requests, which stay.
	RemoveBodiesOf(ctx context.Context, tenant ID, requests []ID) error
	// EraseRequests takes names out of requests, in steps that can be repeated: those
	// that are given, and all in requests that are about a user. It returns of how many.
	// Requests that are appended within an hour have none of them, either.
	EraseRequests(ctx context.Context, tenant, user ID, userNames, externalIDs []RequestName) (int, error)
	// RequestDays returns what is counted of connections, from the day of a time on.
	RequestDays(ctx context.Context, tenant ID, connections []ID, from time.Time) ([]RequestDay, error)
}
