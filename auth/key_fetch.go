package auth

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

const (
	keysTimeout   = 5 * time.Second // of a whole fetch
	keysRedirects = 3
	maxURI        = 2048
)

// Outbound is how key sets are fetched: a tenant names the URI, and must not
// reach into the network of the server with it. outbound.Guard is one.
type Outbound interface {
	// CheckURL says whether a URL can be connected to, as far as that is known
	// beforehand. The error is a sentence without its subject.
	CheckURL(text string) error
	// Client returns a client that refuses what may not be connected to.
	Client(timeout time.Duration, redirects int) *http.Client
}

// fetcher gets key sets over the network.
type fetcher struct {
	out    Outbound
	client *http.Client
}

func newFetcher(out Outbound) fetcher {
	return fetcher{out: out, client: out.Client(keysTimeout, keysRedirects)}
}

func (f fetcher) check(uri string) error {
	if err := f.out.CheckURL(uri); err != nil {
		return membership.Invalidf("jwks_uri %s", err)
	}
	return nil
}

func (f fetcher) fetch(ctx context.Context, uri string) (keySet, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, uri, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	res, err := f.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the answer is %d", res.StatusCode)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, MaxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxKeySet {
		return nil, fmt.Errorf("the set is longer than %d bytes", MaxKeySet)
	}
	set := parseKeySet(b)
	if len(set) == 0 {
		return nil, errors.New("the answer has no key that can be used")
	}
	return set, nil
}
