package anchor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// Webhook posts every checkpoint to a URL, as text/plain. It is signed already, so
// the request is not.
type Webhook struct {
	Client Doer
	URL    string
}

// Name is that of the anchor in metrics.
func (Webhook) Name() string { return "webhook" }

// Remembers is false: nothing comes back.
func (Webhook) Remembers() bool { return false }

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
