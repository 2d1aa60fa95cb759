package seal

import (
	"strconv"
	"strings"
	"time"
)

// parseTime reads a time of RFC 3339, also with a year of more than four digits: servers
// before the bound of ends wrote such into their logs.
func parseTime(text string) (time.Time, error) {
	year, rest, _ := strings.Cut(text, "-")
	n, err := strconv.Atoi(year)
	if err != nil || n < 10_000 || n > 999_999 || strconv.Itoa(n) != year {
		return time.Parse(time.RFC3339, text)
	}
	// The calendar repeats itself every 400 years.
	same := 2000 + n%400
	t, err := time.Parse(time.RFC3339, strconv.Itoa(same)+"-"+rest)
	return t.AddDate(n-same, 0, 0), err
}
