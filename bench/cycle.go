package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The initial cycle is what a provider sends when it is connected: it looks for
// every user and creates who is not there, then for every group, and adds the
// members in chunks.
const (
	cycleName    = "cycle"
	cycleUsers   = "cycle: users"
	cycleMembers = "cycle: members"

	cycleClients   = 16
	cycleChunk     = 100 // members of a PATCH
	usersPerGroup  = 100
	groupsPerUser  = 3
	cycleGroupName = "Team %d"
)

// cycles plays the cycle on each server.
func (b *bench) cycles(ctx context.Context, e engine, ts []*target) error {
	for _, t := range ts {
		b.say("%s: %s: initial cycle of %d users", e.name, t.name, b.cycle)
		for _, part := range []struct {
			name string
			play func(context.Context, int) (progress, error)
		}{{cycleUsers, t.cycleUsers}, {cycleMembers, t.cycleMembers}} {
			server, database := cpuTime(t.process.pid()), cpuTime(e.databaseProcess())
			watched := watchMemory(t.process.pid())
			p, err := part.play(ctx, b.cycle)
			m := watched()
			var no *refused
			if errors.As(err, &no) && (no.status == 404 || no.status == 405) && t.name != ours {
				b.say("%s: %s: it has no such thing: %v", e.name, t.name, err)
				break
			}
			if err != nil {
				return fmt.Errorf("%s: %s: %w", t.name, part.name, err)
			}
			server, database = cpuTime(t.process.pid())-server, cpuTime(e.databaseProcess())-database
			r := row{
				Engine: e.name, Server: t.name, Operation: part.name, Users: b.cycle, Clients: cycleClients, Rounds: 1,
				Requests: p.requests, PerSecond: p.rate(), EndToStart: p.endToStart(), Seconds: p.last().Seconds(),
				CPU: perRequest(server, p.requests), DatabaseCPU: perRequest(database, p.requests),
				MemoryMB: megabytes(m.peak), GrowthMB: megabytes(m.peak - m.before),
			}
			b.out.Rows = append(b.out.Rows, r)
			b.out.compareCycles(r)
		}
	}
	return nil
}

// cycleUsers looks for n users and creates them.
func (t *target) cycleUsers(ctx context.Context, n int) (progress, error) {
	t.users = make([]string, n)
	p := progress{units: 1, requests: 2 * n, done: make([]time.Duration, n)}
	err := t.play(ctx, &p, n, func(c *connection, i int, body *bytes.Buffer) error {
		name := seeded(i)
		if err := c.must(t.scim.request("GET", userLookup(name), ""), body); err != nil {
			return err
		}
		if err := c.must(t.scim.request("POST", "/Users", userBody(name, i)), body); err != nil {
			return err
		}
		var err error
		t.users[i], err = idOf(body.Bytes())
		return err
	})
	return p, err
}

// cycleMembers looks for the groups, creates them and adds their members. Every
// user gets into three groups.
func (t *target) cycleMembers(ctx context.Context, n int) (progress, error) {
	groups := max(1, n/usersPerGroup)
	size := min(n, n*groupsPerUser/groups)
	chunks := (size + cycleChunk - 1) / cycleChunk
	p := progress{units: size, requests: groups * (2 + chunks), done: make([]time.Duration, groups)}
	err := t.play(ctx, &p, groups, func(c *connection, i int, body *bytes.Buffer) error {
		name := fmt.Sprintf(cycleGroupName, i)
		if err := c.must(t.scim.request("GET", groupLookup(name), ""), body); err != nil {
			return err
		}
		id, err := t.createGroup(c, name)
		if err != nil {
			return err
		}
		users := make([]string, size)
		for k := range users {
			users[k] = t.users[(i*size+k)%n]
		}
		for chunk := range slices.Chunk(users, cycleChunk) {
			if err := c.must(t.scim.request("PATCH", "/Groups/"+id, patchMembers("Add", chunk)), body); err != nil {
				return err
			}
		}
		if i%50 == 0 {
			return members(c, t.scim.request("GET", "/Groups/"+id, ""), scimMembers, users)
		}
		return nil
	})
	return p, err
}

// progress says when how much was done.
type progress struct {
	units    int // in each step: one user, or the members of a group
	requests int
	done     []time.Duration // when the steps ended, ascending
}

// play does n steps with several clients.
func (t *target) play(
	ctx context.Context, p *progress, n int, step func(c *connection, i int, body *bytes.Buffer) error,
) error {
	begin := time.Now()
	err := parallel(ctx, t.scim.address, cycleClients, n, func(c *connection, i int, body *bytes.Buffer) error {
		err := step(c, i, body)
		p.done[i] = time.Since(begin)
		return err
	})
	slices.Sort(p.done)
	t.process.emptyLog()
	return err
}

func (p progress) last() time.Duration { return p.done[len(p.done)-1] }

// rate is units a second.
func (p progress) rate() float64 { return float64(p.units*len(p.done)) / p.last().Seconds() }

// endToStart is the throughput of the last tenth of the steps by that of the
// first; 0 if there are too few to tell.
func (p progress) endToStart() float64 {
	tenth := len(p.done) / 10
	if tenth < 10 {
		return 0
	}
	first := p.done[tenth-1]
	last := p.last() - p.done[len(p.done)-1-tenth]
	return first.Seconds() / last.Seconds()
}
