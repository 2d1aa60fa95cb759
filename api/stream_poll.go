package api

import (
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// longestPoll is how long a poll waits for something to tell, unless it wants its answer
// at once.
const longestPoll = 25 * time.Second

// tokenError is the code of RFC 8935 section 2.4 by which a receiver refuses a token.
var tokenError = regexp.MustCompile(`^[A-Za-z_]{1,64}$`)

// pollStream is RFC 8936 section 2: it takes what the receiver acknowledges, and answers
// what it has not acknowledged yet.
func (d *door) pollStream(w http.ResponseWriter, r request) error {
	id, err := streamID(r.PathValue("id"))
	if err != nil {
		return err
	}
	poll, wait, err := d.decodePoll(w, r)
	if err != nil {
		return err
	}
	var page membership.StreamPage
	err = d.within(r, wait, func(r request) (found bool, follow membership.EventCursor, err error) {
		page, err = d.Directory.PollStream(r.Context(), r.call, id, poll)
		poll.Taken, poll.Failed = nil, nil
		return len(page.Signals) > 0 || page.More, page.Follow, err
	})
	if err != nil {
		return err
	}
	sets := make(map[string]string, len(page.Signals))
	for _, s := range page.Signals {
		token, err := d.EventTokens.Sign(r.Context(), page.Stream, s)
		if err != nil {
			return err
		}
		sets[s.ID.String()] = string(token)
	}
	return sendDocument(w, http.StatusOK, struct {
		Sets map[string]string `json:"sets"`
		More bool              `json:"moreAvailable"`
	}{sets, page.More})
}

func (d *door) decodePoll(w http.ResponseWriter, r request) (p membership.StreamPoll, wait time.Duration, err error) {
	var atOnce bool
	most := int64(membership.MaxPolled)
	var taken []string
	var failed json.RawMessage
	if err := d.decode(w, r, fields{
		"maxEvents": &most, "returnImmediately": &atOnce, "ack": &taken, "setErrs": &failed, others: nil,
	}); err != nil {
		return p, 0, err
	}
	var problems map[string]struct {
		Code string `json:"err"`
	}
	if failed != nil && json.Unmarshal(failed, &problems) != nil {
		return p, 0, membership.Invalidf("setErrs must be an object of objects with err")
	}
	if most < 0 || max(len(taken), len(problems)) > membership.MaxAcknowledged {
		return p, 0, membership.Invalidf("maxEvents must not be negative, ack and setErrs at most %d each",
			membership.MaxAcknowledged)
	}
	p.Most, p.Failed = int(min(most, membership.MaxPolled)), map[membership.SignalID]string{}
	for _, jti := range taken {
		if id, ok := membership.ParseSignalID(jti); ok { // others are none of ours
			p.Taken = append(p.Taken, id)
		}
	}
	for jti, problem := range problems {
		if id, ok := membership.ParseSignalID(jti); ok {
			p.Failed[id] = "the receiver could not take it"
			if tokenError.MatchString(problem.Code) {
				p.Failed[id] += ": " + problem.Code
			}
		}
	}
	if !atOnce && p.Most > 0 {
		wait = longestPoll
	}
	return p, wait, nil
}
