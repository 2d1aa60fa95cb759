package server

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
)

const (
	// sendTimeout bounds one attempt, the answer included.
	sendTimeout = 20 * time.Second
	// maxReceipt is how much of an answer is read, so that its connection can be used
	// again; nothing in it matters.
	maxReceipt = 4 << 10
	// slowDown is for a receiver that has too much to do and does not say for how long.
	slowDown = time.Minute
)

// sendWebhook makes one attempt.
func sendWebhook(
	ctx context.Context, client *http.Client, w membership.Webhook, id string, now time.Time, body []byte,
) membership.Outcome {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return membership.Outcome{Problem: "the address is no URL"}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "scimbridge")
	r.Header.Set("Webhook-Id", id)
	r.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	r.Header.Set("Webhook-Signature", signature(w, id, now, body))
	res, err := client.Do(r)
	if err != nil {
		return membership.Outcome{Problem: problemOf(err)}
	}
	_, _ = io.CopyN(io.Discard, res.Body, maxReceipt)
	_ = res.Body.Close()
	o := membership.Outcome{HTTP: res.StatusCode, Gone: res.StatusCode == http.StatusGone}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return o
	}
	o.Problem = "the receiver answered " + strconv.Itoa(res.StatusCode)
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusGatewayTimeout:
		o.Wait = slowDown
	}
	if after := retryAfter(res.Header.Get("Retry-After"), now); after > 0 {
		o.Wait = after
	}
	return o
}

// retryAfter reads the header of RFC 9110 section 10.2.3; 0: it says nothing of use.
func retryAfter(text string, now time.Time) time.Duration {
	if n, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(n) * time.Second //nolint:gosec // 31 bits
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// problemOf says what went wrong without what only the operator is to know, such as the
// address that a name leads to.
func problemOf(err error) string {
	var timeout net.Error
	var name *net.DNSError
	switch {
	case errors.Is(err, outbound.ErrRefused):
		return "the address is not one that this server may connect to"
	case errors.As(err, &name):
		return "the name of the receiver could not be looked up"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the receiver did not answer within 20 seconds"
	}
	return "the connection failed"
}
