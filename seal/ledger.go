package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Ledger recomputes from events alone which grants were open at a time, and holds
// a register against it. It holds the grants that were open then.
type Ledger struct {
	at   time.Time
	only map[string]string // what the register was limited to
	open map[string]grant  // by the id of the grant
}

// grant is what events say of one, and a register too.
type grant struct {
	number                         int64 // of the event that opened it
	group, user, connection        string
	source, at, grantedBy, request string
	ends                           time.Time // zero: it does not end
}

// NewLedger makes the ledger that belongs to a register, by its manifest.
func NewLedger(register Export) (*Ledger, error) {
	at, err := time.Parse(time.RFC3339, register.Query["as_of"])
	if register.Report != "register" || err != nil {
		return nil, errors.New("the report is no register of a time")
	}
	return &Ledger{at: at, only: register.Query, open: map[string]grant{}}, nil
}

// change is what a ledger reads of an event.
type change struct {
	At         time.Time                 `json:"at"`
	Actor      struct{ Kind, ID string } `json:"actor"`
	Action     string                    `json:"action"`
	Group      string                    `json:"group_id"`
	User       string                    `json:"user_id"`
	Connection string                    `json:"connection_id"`
	Source     string                    `json:"source"`
	OfGrants   string                    `json:"membership_source"`
	Request    string                    `json:"request_id"`
	Members    []memberChange            `json:"members"`
	Before     json.RawMessage           `json:"before"`
	After      json.RawMessage           `json:"after"`
}

type memberChange struct {
	User  string `json:"user_id"`
	Grant string `json:"grant_id"`
}

const (
	opened  = "grant.opened"
	closed  = "grant.closed"
	updated = "grant.updated" // its end
)

// Add takes the next event.
func (l *Ledger) Add(e Leaf) error {
	if !bytes.Contains(e.Body, []byte(`"grant.`)) {
		return nil
	}
	var c change
	if err := json.Unmarshal(e.Body, &c); err != nil {
		return fmt.Errorf("event %d cannot be read: %w", e.Number, err)
	}
	if c.Action != opened && c.Action != closed && c.Action != updated || c.At.After(l.at) {
		return nil
	}
	ends, err := c.ends()
	if err != nil {
		return fmt.Errorf("event %d: the end of its grants cannot be read: %w", e.Number, err)
	}
	for _, m := range c.members() {
		if c.Action == closed {
			delete(l.open, m.Grant)
			continue
		}
		if c.Action == updated {
			if g, ok := l.open[m.Grant]; ok {
				g.ends = ends
				l.open[m.Grant] = g
			}
			continue
		}
		g := grant{
			number: e.Number, group: c.Group, user: m.User, connection: c.Connection, source: c.OfGrants,
			at: c.At.UTC().Format(time.RFC3339Nano), grantedBy: c.Actor.Kind + ":" + c.Actor.ID, request: c.Request,
			ends: ends,
		}
		if g.source == "" {
			g.source = c.Source
		}
		if g.source == "local" {
			g.connection = ""
		}
		if l.selects(g) {
			l.open[m.Grant] = g
		}
	}
	return nil
}

// members are the members of a change. Events from before a change was one event
// have one, whose grant stands in what was before or after.
func (c change) members() []memberChange {
	if len(c.Members) > 0 {
		return c.Members
	}
	var of struct{ Grant string }
	facts := c.After
	if c.Action == closed {
		facts = c.Before
	}
	if json.Unmarshal(facts, &of) != nil || of.Grant == "" {
		return nil
	}
	return []memberChange{{c.User, of.Grant}}
}

// ends is the end that a change gives to its grants; zero: none.
func (c change) ends() (time.Time, error) {
	if c.Action == closed || !bytes.Contains(c.After, []byte(`"expires_at"`)) {
		return time.Time{}, nil
	}
	var after struct {
		ExpiresAt *string `json:"expires_at"`
	}
	if err := json.Unmarshal(c.After, &after); err != nil || after.ExpiresAt == nil {
		return time.Time{}, err
	}
	return parseTime(*after.ExpiresAt)
}

// ended says whether a grant had ended by the time of the ledger. From then on it was
// closed, whenever the event of that was written.
func (l *Ledger) ended(g grant) bool { return !g.ends.IsZero() && !g.ends.After(l.at) }

// selects says whether the register was to have a grant.
func (l *Ledger) selects(g grant) bool {
	for name, value := range map[string]string{
		"group_id": g.group, "user_id": g.user, "connection_id": g.connection, "membership_source": g.source,
	} {
		if want := l.only[name]; want != "" && want != value {
			return false
		}
	}
	return true
}

// Row holds a row of the register against the ledger. The cell reads a column.
func (l *Ledger) Row(cell func(column string) string) error {
	id := cell("grant_id")
	g, ok := l.open[id]
	if !ok || l.ended(g) {
		return fmt.Errorf("the register has the grant %s, which the events say was not open", id)
	}
	delete(l.open, id)
	ends := ""
	if !g.ends.IsZero() {
		ends = g.ends.UTC().Format(time.RFC3339Nano)
	}
	for column, want := range map[string]string{
		"expires_at": ends,
		"group_id":   g.group, "user_id": g.user, "connection_id": g.connection, "membership_source": g.source,
		"granted_by": g.grantedBy, "granted_request_id": g.request, "granted_at": g.at,
	} {
		got := cell(column)
		if at, err := parseTime(got); err == nil && (column == "granted_at" || column == "expires_at") {
			got = at.UTC().Format(time.RFC3339Nano)
		}
		if got != want && got != "'"+want { // what a spreadsheet would take for a formula has an apostrophe
			return fmt.Errorf("the register says of the grant %s that its %s is %q, event %d says %q",
				id, column, got, g.number, want)
		}
	}
	return nil
}

// End says which grant is missing in the register, once it was read.
func (l *Ledger) End() error {
	missing, first := "", int64(0)
	for id, g := range l.open {
		if l.ended(g) {
			continue
		}
		if first == 0 || g.number < first || g.number == first && id < missing {
			missing, first = id, g.number
		}
	}
	if missing != "" {
		return fmt.Errorf("the register lacks the grant %s, which event %d opened", missing, first)
	}
	return nil
}
