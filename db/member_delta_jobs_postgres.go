package db

import (
	"slices"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// memberJobs are changes of members as the arguments of write_members; jobs and
// events are numbered from one.
type memberJobs struct {
	at           time.Time // the latest
	reason, rest []string
	salt         [][]byte
	event        []membership.ID
	eventJob     []int32
	eventAction  []string
	openEvent    []int32
	open         []membership.ID
	closeEvent   []int32
	closed       []membership.ID
	knownJob     []int32
	known        []membership.ID
}

// addTexts begins a job with the texts of its events.
func (j *memberJobs) addTexts(c membership.MemberChange) error {
	rest, texts, err := memberEventRest(c.Event(""))
	if err != nil {
		return err
	}
	var reason hiddenText // all that the event of a change can hide
	if len(texts) > 0 {
		reason = texts[0]
	}
	j.at = latest(j.at, c.At.UTC())
	j.rest, j.reason, j.salt = append(j.rest, rest), append(j.reason, reason.text), append(j.salt, reason.salt)
	return nil
}

func (j *memberJobs) add(c membership.MemberChange) error {
	if err := j.addTexts(c); err != nil {
		return err
	}
	j.openEvent = j.addEvents(j.openEvent, membership.ActionGrantOpened, len(c.Open))
	j.open = append(j.open, c.Open...)
	j.closeEvent = j.addEvents(j.closeEvent, membership.ActionGrantClosed, len(c.Close))
	j.closed = append(j.closed, c.Close...)
	users := known(c)
	j.known = append(j.known, users...)
	j.knownJob = append(j.knownJob, slices.Repeat([]int32{j.last()}, len(users))...)
	return nil
}

// last is the number of the last job.
func (j *memberJobs) last() int32 { return int32(len(j.rest)) } //nolint:gosec // a handful

// addEvents makes events of the last job for n members, and adds to of which is whose.
func (j *memberJobs) addEvents(of []int32, action membership.Action, n int) []int32 {
	for ; n > 0; n -= membership.MaxEventMembers {
		j.event = append(j.event, membership.NewID())
		j.eventJob = append(j.eventJob, j.last())
		j.eventAction = append(j.eventAction, string(action))
		number := int32(len(j.event)) //nolint:gosec // 500 members each
		of = append(of, slices.Repeat([]int32{number}, min(n, membership.MaxEventMembers))...)
	}
	return of
}

// memberAnswer is what write_members answers with.
type memberAnswer struct {
	status         string
	version        int64
	modified       stamp
	event, changed []int32
	unknownJob     []int32
	unknown        [][16]byte
	heldJob        []int32
	heldClosing    []int64
	heldInGroup    []int64
	heldInAll      []int64
	heldOpen       []int64
	heldOpenInAll  []int64
}

func (a *memberAnswer) dest() []any {
	return []any{
		&a.status, &a.version, &a.modified, &a.event, &a.changed, &a.unknownJob, &a.unknown,
		&a.heldJob, &a.heldClosing, &a.heldInGroup, &a.heldInAll, &a.heldOpen, &a.heldOpenInAll,
	}
}

// results sets the result of each job, and returns how many grants were changed and
// the errors of the jobs.
func (j *memberJobs) results(ws []*memberWrite, a *memberAnswer) (changed int, errs []error) {
	for i, e := range a.event {
		r, n := &ws[j.eventJob[e-1]-1].result, int(a.changed[i])
		r.Events = append(r.Events, j.event[e-1])
		if changed += n; j.eventAction[e-1] == string(membership.ActionGrantOpened) {
			r.Opened += n
		} else {
			r.Closed += n
		}
	}
	// Each job that changed something has a version of its own, in their order; that
	// of the answer is the last.
	for i, version := len(ws)-1, a.version; i >= 0; i-- {
		r := &ws[i].result
		r.Version, r.LastModified = version, time.Time(a.modified)
		if r.Opened+r.Closed > 0 && version > 0 { // local grants have no version
			version--
		}
	}
	for i, job := range a.heldJob {
		ws[job-1].result.Held = &membership.HeldRemovals{
			Closing: int(a.heldClosing[i]), InGroup: int(a.heldInGroup[i]), InAll: int(a.heldInAll[i]),
			Open: int(a.heldOpen[i]), OpenInAll: int(a.heldOpenInAll[i]),
		}
	}
	unknown := map[int32][]membership.ID{}
	for i, u := range a.unknown {
		unknown[a.unknownJob[i]] = append(unknown[a.unknownJob[i]], u)
	}
	errs = make([]error, len(ws))
	for job, ids := range unknown {
		errs[job-1] = unknownMembers(ids)
	}
	return changed, errs
}
