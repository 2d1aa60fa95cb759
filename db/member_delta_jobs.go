package db

import (
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// memberJobs are changes of members as the arguments of write_members; jobs are
// numbered from one.
type memberJobs struct {
	at                             time.Time // the latest
	actorKind, actorID, credential []string
	request, reason                []string
	open, closed, known            jobUsers
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
	j.at = latest(j.at, c.At.UTC())
	j.actorKind = append(j.actorKind, string(c.Call.Actor.Kind))
	j.actorID = append(j.actorID, c.Call.Actor.ID)
	j.credential = append(j.credential, c.Call.Credential.String())
	j.request = append(j.request, c.Call.RequestID)
	j.reason = append(j.reason, c.Call.Reason)
	job := int32(len(j.request)) //nolint:gosec // a handful
	j.open.add(job, c.Open)
	j.closed.add(job, c.Close)
	j.known.add(job, known(c))
}

// count gives each job what was opened and closed of it: a number of a job for
// each grant.
func (j *memberJobs) count(ws []*memberWrite, opened, closed []int32) {
	for _, job := range opened {
		ws[job-1].result.Opened++
	}
	for _, job := range closed {
		ws[job-1].result.Closed++
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
