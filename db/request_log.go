package db

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/scimbridge/scimbridge/db/requests"
)

// RequestLog keeps the requests that providers have sent (decision 41).
type RequestLog = requests.Log

// OpenRequestLog opens the request log of a migrated store: its tables, or the file
// beside an embedded store.
func (s *Store) OpenRequestLog(ctx context.Context, url string) (*RequestLog, error) {
	if path := RequestLogFile(url); path != "" {
		return requests.OpenFile(ctx, path, s.log)
	}
	return requests.On(s.engine), nil
}

// RequestLogFile is the file of the request log of an embedded store; "" of another:
// NAME-requests.db beside NAME.db.
func RequestLogFile(url string) string {
	path, embedded := strings.CutPrefix(url, "sqlite:")
	if !embedded {
		return ""
	}
	end := filepath.Ext(path)
	return strings.TrimSuffix(path, end) + "-requests" + end
}
