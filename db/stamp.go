package db

import (
	"fmt"
	"time"
)

// stamp is a time in a query: timestamptz on PostgreSQL, text of one width on
// SQLite, NULL when zero.
type stamp time.Time

const stampLayout = "2006-01-02T15:04:05.000000Z"

func (s stamp) text() any {
	if time.Time(s).IsZero() {
		return nil
	}
	return time.Time(s).UTC().Format(stampLayout)
}

func (s stamp) time() any {
	if time.Time(s).IsZero() {
		return nil
	}
	return time.Time(s).UTC()
}

// Scan implements sql.Scanner.
func (s *stamp) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s = stamp{}
	case time.Time:
		*s = stamp(v.UTC())
	case string:
		t, err := time.Parse(stampLayout, v)
		if err != nil {
			return err
		}
		*s = stamp(t)
	default:
		return fmt.Errorf("cannot read a time from %T", src)
	}
	return nil
}
