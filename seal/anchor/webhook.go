package anchor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// Log writes every checkpoint as a line of a log.
type Log struct {
	Write func(origin string, size int64, note string)
}

// Name is that of the anchor in metrics.
func (Log) Name() string { return "log" }

// Publish writes the line.
func (l Log) Publish(_ context.Context, s Sealed) (Receipt, error) {
	l.Write(s.Origin, s.Size, string(s.Note))
	return Receipt{}, nil
}

// Webhook posts every checkpoint to a URL, as text/plain. It is signed already, so
// the request is not.
type Webhook struct {
	Client Doer
	URL    string
}

// Name is that of the anchor in metrics.
func (Webhook) Name() string { return "webhook" }

// Publish posts it. Every status of success will do.
func (w Webhook) Publish(ctx context.Context, s Sealed) (Receipt, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(s.Note))
	if err != nil {
		return Receipt{}, err
	}
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	res, err := w.Client.Do(r)
	if err != nil {
		return Receipt{}, err
	}
	if _, err := answer(res); err != nil {
		return Receipt{}, err
	}
	if res.StatusCode/100 != 2 {
		return Receipt{}, fmt.Errorf("the webhook answered %s", res.Status)
	}
	return Receipt{}, nil
}
