package db

import (
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// memberJobs are changes of members as the arrays of change_members_together;
// jobs are numbered from one.
type memberJobs struct {
	at                                  []time.Time
	actorKind, actorID, request, reason []string
	open, closed, known                 jobUsers
}

// jobUsers are users, each with the number of its job.
type jobUsers struct {
	job   []int32
	users []membership.ID
}

func (u *jobUsers) add(job int32, users []membership.ID) {
	for _, id := range users {
		u.job = append(u.job, job)
		u.users = append(u.users, id)
	}
}

func (j *memberJobs) add(c membership.MemberChange) {
	j.at = append(j.at, c.At.UTC())
	j.actorKind = append(j.actorKind, string(c.Call.Actor.Kind))
	j.actorID = append(j.actorID, c.Call.Actor.ID)
	j.request = append(j.request, c.Call.RequestID)
	j.reason = append(j.reason, c.Call.Reason)
	job := int32(len(j.at)) //nolint:gosec // a handful
	j.open.add(job, c.Open)
	j.closed.add(job, c.Close)
	j.known.add(job, known(c))
}

// count gives each job those of the users whose grants were opened or closed
// that are its own.
func (j *memberJobs) count(ws []*memberWrite, opened, closed [][16]byte) {
	if len(ws) == 1 {
		ws[0].result.Opened, ws[0].result.Closed = len(opened), len(closed)
		return
	}
	jobOf := map[membership.ID]int32{}
	for i, u := range j.open.users {
		jobOf[u] = j.open.job[i]
	}
	for i, u := range j.closed.users {
		jobOf[u] = j.closed.job[i]
	}
	for _, u := range opened {
		ws[jobOf[u]-1].result.Opened++
	}
	for _, u := range closed {
		ws[jobOf[u]-1].result.Closed++
	}
}

// version gives each job that changed something a version of its own, in their
// order; last is that of the last.
func (j *memberJobs) version(ws []*memberWrite, last int64, modified time.Time) {
	for i := len(ws) - 1; i >= 0; i-- {
		r := &ws[i].result
		r.Version, r.LastModified = last, modified
		if r.Opened+r.Closed > 0 && last > 0 { // local grants have no version
			last--
		}
	}
}

// refuse gives the jobs with unknown users their errors.
func (j *memberJobs) refuse(errs []error, job []int32, users [][16]byte) {
	unknown := map[int32][]membership.ID{}
	for i, u := range users {
		unknown[job[i]] = append(unknown[job[i]], u)
	}
	for job, ids := range unknown {
		errs[job-1] = unknownMembers(ids)
	}
}
