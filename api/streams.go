package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The streams of security event tokens (SSF 1.0 section 8). Their requests name no
// tenant: it is that of the credential.
func (d *door) streamRoutes() []route {
	private := func(h func(http.ResponseWriter, request) error, parameters ...string) handler {
		// Who is calling comes first: what is open to everybody has a budget.
		return d.privateBy(tenantByCredential, func(w http.ResponseWriter, r request) error {
			if d.EventTokens == nil {
				return noSuchPath
			}
			return h(w, r)
		}, parameters...)
	}
	return []route{
		{http.MethodPost, streamPoll, private(d.pollStream)},
		{http.MethodGet, streamsPath, private(d.getStreams, "stream_id")},
		{http.MethodPost, streamsPath, private(d.createStream)},
		{http.MethodPatch, streamsPath, private(d.updateStream)},
		{http.MethodPut, streamsPath, private(d.replaceStream)},
		{http.MethodDelete, streamsPath, private(d.deleteStream, "stream_id")},
		{http.MethodGet, streamStatus, private(d.getStreamStatus, "stream_id")},
		{http.MethodPost, streamStatus, private(d.setStreamStatus)},
		{http.MethodPost, streamVerify, private(d.verifyStream)},
	}
}

// streamDocument is the configuration of a stream (SSF 1.0 section 8.1.1).
type streamDocument struct {
	ID          string                  `json:"stream_id"`
	Issuer      string                  `json:"iss"`
	Audience    string                  `json:"aud"`
	Delivery    streamDelivery          `json:"delivery"`
	Supported   []membership.SignalType `json:"events_supported"`
	Requested   []membership.SignalType `json:"events_requested"`
	Delivered   []membership.SignalType `json:"events_delivered"`
	Interval    int                     `json:"min_verification_interval"` // seconds
	Description string                  `json:"description,omitempty"`
	Connection  string                  `json:"connection_id,omitempty"`
}

type streamDelivery struct {
	Method string `json:"method"`
	URL    string `json:"endpoint_url"`
}

func (d *door) streamDocument(w membership.Webhook) streamDocument {
	types := append([]membership.SignalType{}, w.Requested...)
	doc := streamDocument{
		ID: w.ID.String(), Issuer: d.publicURL, Audience: StreamAudience(d.publicURL, w.ID),
		Delivery: streamDelivery{deliveryPush, w.URL}, Supported: w.Supported(), Requested: types, Delivered: types,
		Interval: int(membership.VerificationInterval / time.Second), Description: w.Description,
	}
	if w.Polled() {
		doc.Delivery = streamDelivery{deliveryPoll, doc.Audience + "/poll"}
	}
	if len(w.Connections) > 0 {
		doc.Connection = w.Connections[0].String()
	}
	return doc
}

func sendDocument(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return send(w, status, body)
}

func (d *door) getStreams(w http.ResponseWriter, r request) error {
	if _, given := r.query["stream_id"]; given {
		id, err := streamID(r.query["stream_id"])
		if err != nil {
			return err
		}
		stream, err := d.Directory.Stream(r.Context(), r.call, id)
		if err != nil {
			return err
		}
		return sendDocument(w, http.StatusOK, d.streamDocument(stream))
	}
	all, err := d.Directory.Streams(r.Context(), r.call)
	if err != nil {
		return err
	}
	docs := make([]streamDocument, len(all))
	for i := range all {
		docs[i] = d.streamDocument(all[i])
	}
	return sendDocument(w, http.StatusOK, docs)
}

// streamInBody reads the id of a stream in a body.
func streamInBody(text string) (membership.ID, error) {
	id, err := membership.ParseID(text)
	if err != nil {
		return id, membership.Invalidf("stream_id must be a UUID")
	}
	return id, nil
}

func streamID(text string) (membership.ID, error) {
	id, err := membership.ParseID(text)
	if err != nil {
		return id, membership.NotFound("stream")
	}
	return id, nil
}

func (d *door) createStream(w http.ResponseWriter, r request) error {
	var connection *string
	s, _, err := d.decodeStream(w, &r, fields{"connection_id": &connection})
	if err != nil {
		return err
	}
	if connection != nil {
		id, err := membership.ParseID(*connection)
		if err != nil || id.IsZero() {
			return membership.Invalidf("connection_id must be a UUID")
		}
		s.Connection = &id
	}
	stream, err := d.Directory.CreateStream(r.Context(), r.call, s)
	if err != nil {
		return err
	}
	return sendDocument(w, http.StatusCreated, d.streamDocument(stream))
}

func (d *door) updateStream(w http.ResponseWriter, r request) error {
	return d.changeStream(w, r, func(s membership.StreamSpec) membership.StreamSpec { return s })
}

// replaceStream is an update in which what is left out gets its default.
func (d *door) replaceStream(w http.ResponseWriter, r request) error {
	return d.changeStream(w, r, func(s membership.StreamSpec) membership.StreamSpec {
		none, all := "", slices.Clone(membership.Signals)
		if s.URL == nil {
			s.URL = &none
		}
		if s.Authorization == nil {
			s.Authorization = &none
		}
		if s.Description == nil {
			s.Description = &none
		}
		if s.Requested == nil {
			s.Requested = &all
		}
		return s
	})
}

func (d *door) changeStream(
	w http.ResponseWriter, r request, of func(membership.StreamSpec) membership.StreamSpec,
) error {
	var id string
	s, supplied, err := d.decodeStream(w, &r, fields{"stream_id": &id}, "stream_id")
	if err != nil {
		return err
	}
	stream, err := streamInBody(id)
	if err != nil {
		return err
	}
	changed, err := d.Directory.UpdateStream(r.Context(), r.call, stream, of(s),
		func(has membership.Webhook) error { return d.checkSupplied(has, supplied) })
	if err != nil {
		return err
	}
	return sendDocument(w, http.StatusOK, d.streamDocument(changed))
}

// transmitterSupplied are the properties of a stream that its receiver cannot set. It may
// send them along as it got them.
var transmitterSupplied = []string{"iss", "aud", "events_supported", "events_delivered", "min_verification_interval"}

func (d *door) decodeStream(
	w http.ResponseWriter, r *request, into fields, required ...string,
) (s membership.StreamSpec, supplied map[string]json.RawMessage, err error) {
	var requested *[]string
	var delivery json.RawMessage
	maps.Copy(into, fields{
		"events_requested": &requested, "delivery": &delivery, "description": &s.Description,
		"reason": &r.call.Reason, others: nil,
	})
	texts := make([]json.RawMessage, len(transmitterSupplied))
	for i, name := range transmitterSupplied {
		into[name] = &texts[i]
	}
	if err := d.decode(w, *r, into, required...); err != nil {
		return s, nil, err
	}
	supplied = map[string]json.RawMessage{}
	for i, name := range transmitterSupplied {
		if texts[i] != nil {
			supplied[name] = texts[i]
		}
	}
	if requested != nil {
		types := make([]membership.SignalType, len(*requested))
		for i, t := range *requested {
			types[i] = membership.SignalType(t)
		}
		s.Requested = &types
	}
	if delivery == nil {
		return s, supplied, nil
	}
	var method, url string
	if err := decodeObject(delivery, fields{
		"method": &method, "endpoint_url": &url, "authorization_header": &s.Authorization, others: nil,
	}, []string{"method"}); err != nil {
		return s, nil, membership.Invalidf("delivery: %v", err)
	}
	switch {
	case method == deliveryPoll:
		url = "" // the transmitter says where
	case method != deliveryPush:
		return s, nil, membership.Invalidf("delivery: method must be %s or %s", deliveryPush, deliveryPoll)
	case url == "":
		return s, nil, membership.Invalidf("delivery: endpoint_url is required")
	}
	s.URL = &url
	return s, supplied, nil
}

// checkSupplied refuses properties that are not as the transmitter supplied them.
func (d *door) checkSupplied(w membership.Webhook, supplied map[string]json.RawMessage) error {
	var has map[string]json.RawMessage
	text, err := json.Marshal(d.streamDocument(w))
	if err == nil {
		err = json.Unmarshal(text, &has)
	}
	for name, value := range supplied {
		if err == nil && !sameJSON(value, has[name]) {
			err = membership.Invalidf("%s is supplied by the transmitter: leave it out, or send it as it is", name)
		}
	}
	return err
}

// sameJSON compares values; lists of strings in any order.
func sameJSON(a, b json.RawMessage) bool {
	values := [2]any{}
	for i, text := range []json.RawMessage{a, b} {
		var list []string
		if json.Unmarshal(text, &list) == nil {
			slices.Sort(list)
			values[i] = list
		} else if json.Unmarshal(text, &values[i]) != nil {
			return false
		}
	}
	return reflect.DeepEqual(values[0], values[1])
}

func (d *door) deleteStream(w http.ResponseWriter, r request) error {
	id, err := r.namedStream()
	if err != nil {
		return err
	}
	if err := d.Directory.DeleteStream(r.Context(), r.call, id); err != nil {
		return err
	}
	return sendNothing(w)
}

// namedStream reads the query parameter that some requests have to have.
func (r request) namedStream() (membership.ID, error) {
	text, given := r.query["stream_id"]
	if !given {
		return membership.ID{}, membership.Invalidf("the query parameter stream_id is required")
	}
	return streamID(text)
}

func (d *door) getStreamStatus(w http.ResponseWriter, r request) error {
	id, err := r.namedStream()
	if err != nil {
		return err
	}
	stream, err := d.Directory.Stream(r.Context(), r.call, id)
	if err != nil {
		return err
	}
	return sendStatus(w, stream)
}

func sendStatus(w http.ResponseWriter, stream membership.Webhook) error {
	b := appendIDField([]byte{'{'}, "stream_id", stream.ID)
	b = appendField(append(b, ','), "status", string(stream.State))
	if stream.Why != "" {
		b = appendField(append(b, ','), "reason", stream.Why)
	}
	return send(w, http.StatusOK, append(b, '}'))
}

func (d *door) setStreamStatus(w http.ResponseWriter, r request) error {
	var id, status, why string
	if err := d.decode(w, r, fields{
		"stream_id": &id, "status": &status, "reason": &why, others: nil,
	}, "stream_id", "status"); err != nil {
		return err
	}
	stream, err := streamInBody(id)
	if err != nil {
		return err
	}
	changed, err := d.Directory.SetStreamState(r.Context(), r.call, stream, membership.WebhookState(status), why)
	if err != nil {
		return err
	}
	return sendStatus(w, changed)
}

func (d *door) verifyStream(w http.ResponseWriter, r request) error {
	var id string
	var state *string
	if err := d.decode(w, r, fields{"stream_id": &id, "state": &state, others: nil}, "stream_id"); err != nil {
		return err
	}
	stream, err := streamInBody(id)
	if err != nil {
		return err
	}
	if err := d.Directory.VerifyStream(r.Context(), r.call, stream, state); err != nil {
		return err
	}
	return sendNothing(w)
}
