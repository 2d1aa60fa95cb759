package replay

import "time"

// Verdict is how a played conversation ended.
type Verdict string

// The verdicts, from the best to the worst.
const (
	Pass  Verdict = "PASS"  // every "must" and every "should" held
	Warn  Verdict = "WARN"  // every "must" held, some "should" did not
	Fail  Verdict = "FAIL"  // some "must" did not hold, or a step could not be sent
	Setup Verdict = "SETUP" // a step that only arranges state failed
)

// Exchange is one step as it went: a request that was sent and its answer, or
// why it was not sent.
type Exchange struct {
	Conversation string        `json:"conversation"`
	Note         string        `json:"note"`
	Method       string        `json:"method,omitempty"`
	Path         string        `json:"path,omitempty"` // the wire form after the base URL, variables filled in
	Setup        bool          `json:"setup,omitempty"`
	Soft         bool          `json:"soft,omitempty"`
	Status       int           `json:"status,omitempty"` // 0: no answer; Response tells why
	Request      string        `json:"request,omitempty"`
	Response     string        `json:"response,omitempty"`
	Duration     time.Duration `json:"duration_ns,omitempty"`
	Skipped      string        `json:"skipped,omitempty"` // why the request was not sent; empty if it was
	Fails        []string      `json:"fails,omitempty"`
	Warns        []string      `json:"warns,omitempty"`
}

// Result is a played conversation.
type Result struct {
	ID      string     `json:"id"`
	IDP     string     `json:"idp"`
	Name    string     `json:"name"`
	Soft    bool       `json:"soft,omitempty"`
	Verdict Verdict    `json:"verdict"`
	Steps   []Exchange `json:"steps"`
	// Vars holds every variable at the end: {{run}} and what the steps
	// captured, as encoding/json decodes it into any.
	Vars map[string]any `json:"vars"`
}

// OK reports whether nothing failed that had to hold.
func (r Result) OK() bool {
	return r.Soft || r.Verdict == Pass || r.Verdict == Warn
}

// Count is the number of steps that failed, warned, and were never sent.
func (r Result) Count() (failed, warned, skipped int) {
	for _, s := range r.Steps {
		if len(s.Fails) > 0 {
			failed++
		}
		if len(s.Warns) > 0 {
			warned++
		}
		if s.Skipped != "" {
			skipped++
		}
	}
	return failed, warned, skipped
}

func (r Result) verdict() Verdict {
	for _, s := range r.Steps {
		if s.Setup && len(s.Fails) > 0 {
			return Setup
		}
	}
	switch failed, warned, skipped := r.Count(); {
	case failed > 0 || skipped > 0:
		return Fail
	case warned > 0:
		return Warn
	}
	return Pass
}
