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
	// again; of what is in it only the code of a refusal matters.
	maxReceipt = 4 << 10
	// slowDown is for a receiver that has too much to do and does not say for how long.
	slowDown = time.Minute
)

// sendWebhook makes one attempt.
func sendWebhook(
	ctx context.Context, client *http.Client, w membership.Webhook, id string, now time.Time, body []byte,
) membership.Outcome {
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("Webhook-Id", id)
	header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	header.Set("Webhook-Signature", signature(w, id, now, body))
	return post(ctx, client, w.URL, header, now, body)
}

func post(
	ctx context.Context, client *http.Client, url string, header http.Header, now time.Time, body []byte,
) membership.Outcome {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return membership.Outcome{Problem: "the address is no URL"}
	}
	r.Header = header
	r.Header.Set("User-Agent", "scimbridge")
	began := time.Now()
	res, err := client.Do(r)
	if err != nil {
		return membership.Outcome{Problem: problemOf(err), Took: time.Since(began)}
	}
	receipt, _ := io.ReadAll(io.LimitReader(res.Body, maxReceipt))
	_ = res.Body.Close()
	o := membership.Outcome{
		HTTP: res.StatusCode, Gone: res.StatusCode == http.StatusGone, Took: time.Since(began),
	}
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return o
	}
	o.Problem = "the receiver answered " + strconv.Itoa(res.StatusCode) + refusal(res.StatusCode, receipt)
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
