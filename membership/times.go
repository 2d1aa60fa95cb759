package membership

import "time"

// MaxLife is the longest time for which anything lives whose end a caller gives. It keeps
// ends within what is written with a year of four digits, and can be read again.
const MaxLife = 100 * 365 * 24 * time.Hour

// CheckEnd is what every end that a caller gives is held to, at a time; zero: there is
// none.
func CheckEnd(at, ends time.Time) error {
	switch {
	case ends.IsZero():
	case !ends.After(at):
		return EndHasPassed()
	case ends.Sub(at) > MaxLife:
		return Invalidf("expires_at is more than 100 years away: leave it out for what does not end")
	}
	return nil
}

// EndHasPassed is the error of an end that is not in the future.
func EndHasPassed() error { return Invalidf("expires_at must be in the future") }

// ValidTime reports whether a time can be kept: it is one, and has in UTC a year of four
// digits. The zero time means that there is none.
func ValidTime(t time.Time) bool {
	t = t.UTC()
	return !t.IsZero() && t.Year() >= 1 && t.Year() <= 9999
}

// ParseTime reads a time of RFC 3339 that a caller gives, in UTC. name is the field's.
func ParseTime(name, text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil || !ValidTime(t) {
		return time.Time{}, Invalidf("%s must be a time of RFC 3339, such as 2026-08-01T12:00:00Z", name)
	}
	return t.UTC(), nil
}
