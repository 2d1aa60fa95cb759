package engine

import (
	"fmt"
	"time"
)

// Stamp is a time in a query: timestamptz on PostgreSQL, text of one width on
// SQLite, NULL when zero.
type Stamp time.Time

const stampLayout = "2006-01-02T15:04:05.000000Z"

// Text is the argument of an engine that keeps times as texts.
func (s Stamp) Text() any {
	if time.Time(s).IsZero() {
		return nil
	}
	return time.Time(s).UTC().Format(stampLayout)
}

// Time is the argument of an engine that has times.
func (s Stamp) Time() any {
	if time.Time(s).IsZero() {
		return nil
	}
	return time.Time(s).UTC()
}

// Scan implements sql.Scanner.
func (s *Stamp) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s = Stamp{}
	case time.Time:
		*s = Stamp(v.UTC())
	case string:
		t, err := time.Parse(stampLayout, v)
		if err != nil {
			return err
		}
		*s = Stamp(t)
	default:
		return fmt.Errorf("cannot read a time from %T", src)
	}
	return nil
}
