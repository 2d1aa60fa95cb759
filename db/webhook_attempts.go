package db

import (
	"fmt"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// The last attempt of a delivery has columns of its own; those before it, which few
// deliveries have, are a JSON array. So a delivery is one row, whatever its attempts, and
// goes with them.

// attemptText is an attempt in that array.
type attemptText struct {
	At      time.Time `json:"at"`
	HTTP    int       `json:"http_status,omitempty"`
	Problem string    `json:"problem,omitempty"`
	Micros  int64     `json:"duration_us,omitempty"`
}

func attemptTexts(as []membership.Attempt) string {
	texts := make([]attemptText, len(as))
	for i, a := range as {
		texts[i] = attemptText{a.At.UTC().Truncate(time.Microsecond), a.HTTP, a.Problem, a.Took.Microseconds()}
	}
	return jsonList(texts)
}

type attemptsInto struct{ to *[]membership.Attempt }

// Scan implements sql.Scanner.
func (a attemptsInto) Scan(src any) error {
	var texts []attemptText
	if err := (jsonInto[attemptText]{&texts}).Scan(src); err != nil {
		return err
	}
	*a.to = nil
	for _, t := range texts {
		*a.to = append(*a.to, membership.Attempt{
			At: t.At, HTTP: t.HTTP, Problem: t.Problem, Took: time.Duration(t.Micros) * time.Microsecond,
		})
	}
	return nil
}

// elapsed is a column of microseconds.
type elapsed time.Duration

// Scan implements sql.Scanner.
func (e *elapsed) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("cannot read microseconds from %T", src)
	}
	*e = elapsed(time.Duration(n) * time.Microsecond)
	return nil
}
