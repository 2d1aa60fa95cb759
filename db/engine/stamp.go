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

// Micros is a time in the tables of grants: timestamptz on PostgreSQL, an integer of
// microseconds on SQLite, where they are many. It is read as a Stamp.
type Micros time.Time

// Number is the argument of an engine that keeps them as numbers.
func (m Micros) Number() any {
	if time.Time(m).IsZero() {
		return nil
	}
	return time.Time(m).UnixMicro()
}

// Scan implements sql.Scanner.
func (s *Stamp) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*s = Stamp{}
	case time.Time:
		*s = Stamp(v.UTC())
	case int64:
		*s = Stamp(time.UnixMicro(v).UTC())
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
