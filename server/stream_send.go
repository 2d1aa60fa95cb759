package server

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// sendSignals makes one attempt at what a stream was not told of an event yet (RFC 8935).
// What is taken it notes in the delivery.
func (h *Webhooks) sendSignals(
	ctx context.Context, w membership.Webhook, d *membership.Delivery, e membership.Event, all []membership.Signal,
) (o membership.Outcome) {
	began := time.Now()
	defer func() { o.Took = time.Since(began) }()
	for _, s := range d.Left(all) {
		o = h.sendSignal(ctx, w, membership.StreamSignal{
			ID: membership.SignalID{Stream: w.ID, Number: e.Number, Part: s.Part}, Event: e.ID, Signal: s,
		})
		if o.Problem != "" {
			return o
		}
		d.Take(s)
	}
	return o
}

func (h *Webhooks) sendSignal(
	ctx context.Context, w membership.Webhook, s membership.StreamSignal,
) membership.Outcome {
	token, err := h.tokens.Sign(ctx, w, s)
	if err != nil {
		return membership.Outcome{Problem: "the token could not be signed"}
	}
	header := http.Header{}
	header.Set("Content-Type", "application/secevent+jwt")
	header.Set("Accept", "application/json")
	if len(w.Secret) > 0 {
		header.Set("Authorization", string(w.Secret))
	}
	return post(ctx, h.client, w.URL, header, h.now(), token)
}

// sayPaused tells the receiver of a stream that it is told no more, and why, before that
// is so (SSF 1.0 section 8.1.5). It may well not hear it. No event of the log has a number
// like that of its token.
func (h *Webhooks) sayPaused(ctx context.Context, w membership.Webhook) {
	_ = h.sendSignal(ctx, w, membership.StreamSignal{
		ID: membership.SignalID{Stream: w.ID, Number: h.now().UnixMicro()}, Event: membership.NewID(),
		Signal: membership.Signal{Type: membership.SignalUpdated, At: h.now(), Why: w.Why},
	})
}

// refusalCode is the form of the codes of RFC 8935 section 2.4.
var refusalCode = regexp.MustCompile(`^[A-Za-z_]{1,64}$`)

// refusal is the code by which a receiver refuses a token, and "" if there is none.
func refusal(status int, receipt []byte) string {
	var v struct {
		Code string `json:"err"`
	}
	if status != http.StatusBadRequest || json.Unmarshal(receipt, &v) != nil || !refusalCode.MatchString(v.Code) {
		return ""
	}
	return ": " + v.Code
}
