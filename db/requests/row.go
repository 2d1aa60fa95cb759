package requests

import (
	"encoding/json"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// row is the text of a request as it is kept: what its class does not say.
type row struct {
	RequestID  string                        `json:"request_id,omitempty"`
	At         time.Time                     `json:"at"`
	Credential string                        `json:"credential,omitempty"`
	Hint       string                        `json:"hint,omitempty"`
	Method     string                        `json:"method,omitempty"`
	Path       string                        `json:"path,omitempty"`
	Query      string                        `json:"query,omitempty"`
	Body       string                        `json:"body,omitempty"`
	Whole      bool                          `json:"whole,omitempty"`
	Captured   membership.CaptureState       `json:"captured,omitempty"`
	Detail     string                        `json:"detail,omitempty"`
	Why        string                        `json:"why,omitempty"`
	Ignored    []string                      `json:"ignored,omitempty"`
	Events     []string                      `json:"events,omitempty"`
	Users      []string                      `json:"users,omitempty"`
	Groups     []string                      `json:"groups,omitempty"`
	Operations []membership.RequestOperation `json:"operations,omitempty"`
	Micros     int64                         `json:"micros"`
	In         int64                         `json:"in,omitempty"`
	Out        int64                         `json:"out,omitempty"`
	Client     string                        `json:"client,omitempty"`
	UserAgent  string                        `json:"user_agent,omitempty"`
	Count      int                           `json:"count,omitempty"`
}

func encode(r *membership.Request) string {
	t := row{
		RequestID: r.RequestID, At: r.At.UTC(), Hint: r.Hint, Method: r.Method, Path: r.Path, Query: r.Query,
		Body:   r.Body,
		Detail: r.Detail, Why: r.Why, Ignored: r.Ignored, Events: texts(r.Events), Users: texts(r.Users),
		Groups:     texts(r.Groups),
		Operations: r.Operations, Micros: r.Duration.Microseconds(), In: r.BytesIn, Out: r.BytesOut, Client: r.Client,
		UserAgent: r.UserAgent, Whole: r.Whole, Captured: r.Captured,
	}
	if !r.Credential.IsZero() {
		t.Credential = r.Credential.String()
	}
	if r.Count > 1 {
		t.Count = r.Count
	}
	b, _ := json.Marshal(t) // texts and numbers always can be
	return string(b)
}

func decode(tenant, id membership.ID, c class, body []byte) (r membership.Request, err error) {
	var t row
	if err := json.Unmarshal(body, &t); err != nil {
		return r, err
	}
	r = membership.Request{
		ID: id, Tenant: tenant, Connection: c.Connection, Operation: c.Operation, Status: c.Status,
		RequestID: t.RequestID, At: t.At, Hint: t.Hint, Method: t.Method, Path: t.Path, Query: t.Query, Body: t.Body,
		Duration: time.Duration(t.Micros) * time.Microsecond, BytesIn: t.In, BytesOut: t.Out, Client: t.Client,
		UserAgent: t.UserAgent, Count: max(t.Count, 1), Whole: t.Whole, Captured: t.Captured,
		RequestAnswer: membership.RequestAnswer{
			ScimType: c.ScimType, Outcome: membership.RequestOutcome(c.Outcome), Detail: t.Detail, Why: t.Why,
			Ignored: t.Ignored,
			Events:  ids(t.Events), Users: ids(t.Users), Groups: ids(t.Groups), Operations: t.Operations,
		},
	}
	r.Credential, _ = membership.ParseID(t.Credential) // "" is none
	return r, nil
}

func texts(list []membership.ID) (out []string) {
	for _, id := range list {
		out = append(out, id.String())
	}
	return out
}

func ids(list []string) (out []membership.ID) {
	for _, s := range list {
		if id, err := membership.ParseID(s); err == nil {
			out = append(out, id)
		}
	}
	return out
}
