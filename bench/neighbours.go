package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// neighbourPace is how often the quiet tenant sends each of its requests. It is
// far below the rate of one caller, whose limit is on.
const neighbourPace = 40 * time.Millisecond

// neighbours is the mode of --neighbours: what a quiet tenant's requests take,
// alone and while another tenant does what hurts most.
type neighbours struct {
	engine string
	rows   []neighbourRow
}

// neighbourRow is one cell: nothing, or one attack.
type neighbourRow struct {
	attack        string
	patch, lookup neighbourTimes
	sent          int
	refused       int
	failure       string
}

// neighbourTimes are of one kind of request.
type neighbourTimes struct{ p50, p99, worst time.Duration }

// measureNeighbours measures each engine in turn.
func measureNeighbours(ctx context.Context, b *bench, dir string) ([]neighbours, error) {
	var all []neighbours
	for _, name := range b.engines {
		e, err := openEngine(ctx, b.options, name, dir)
		if err != nil {
			return nil, err
		}
		n := neighbours{engine: name}
		if err := b.withTargets(ctx, e, func(ctx context.Context, e engine, ts []*target) error {
			n.rows, err = b.neighboursOf(ctx, e, ts[0])
			return err
		}); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, n)
	}
	return all, nil
}

func (b *bench) neighboursOf(ctx context.Context, e engine, quiet *target) (rows []neighbourRow, err error) {
	noisy, err := quiet.neighbour(ctx, b.program)
	if err != nil {
		return nil, err
	}
	size := b.sizes[1]
	for _, t := range []*target{quiet, noisy} {
		b.say("%s: seeding %d users of a tenant", e.name, size+spares)
		if err := t.seedUsers(ctx, size+spares); err != nil {
			return nil, err
		}
		if err := t.seedGroup(size); err != nil {
			return nil, err
		}
	}
	// Seeding is done without a limit, and the attacks with the one of the defaults.
	quiet.limited = true
	if err := errors.Join(quiet.restart(ctx), noisy.serve(ctx)); err != nil {
		return nil, err
	}
	attacks, err := noisy.attacks(size)
	if err != nil {
		return nil, err
	}
	attacks = append([]attack{{name: "quiet"}}, attacks...)
	for _, a := range attacks {
		if !b.run.MatchString(a.name) && a.name != "quiet" {
			continue
		}
		b.say("%s: %s", e.name, a.name)
		row, err := quiet.beside(ctx, a, size, b.neighbourTime)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// beside measures the quiet tenant for so long while an attack goes on.
func (t *target) beside(ctx context.Context, a attack, size int, length time.Duration) (row neighbourRow, err error) {
	attacking, end := context.WithCancel(ctx)
	stopped := a.start(attacking)
	defer func() {
		end()
		stopped()
	}()
	if a.run != nil {
		time.Sleep(2 * time.Second) // until it has taken what it can take
	}
	row.attack = a.name
	var patches, lookups []time.Duration
	send := t.quietRequests(size)
	c, err := dial(t.scim.address)
	if err != nil {
		return row, err
	}
	defer func() { c.close() }()
	until := time.Now().Add(length)
	for i := 0; time.Now().Before(until) && ctx.Err() == nil; i++ {
		next := time.Now().Add(neighbourPace)
		request, lookup := send(i)
		row.sent++
		begin := time.Now()
		got, err := c.do(request, nil)
		took := time.Since(begin)
		switch {
		case err != nil:
			row.fail(err.Error())
			c.close()
			if c, err = dial(t.scim.address); err != nil {
				return row, err
			}
		case got.status >= 300:
			row.fail(c.refused(request, got.status).Error())
		}
		if lookup {
			lookups = append(lookups, took)
		} else {
			patches = append(patches, took)
		}
		time.Sleep(time.Until(next))
	}
	row.patch, row.lookup = timesOf(patches), timesOf(lookups)
	return row, ctx.Err()
}

// quietRequests are in turn a PATCH that adds or removes a member, and a lookup.
func (t *target) quietRequests(size int) func(i int) (request []byte, lookup bool) {
	path := "/Groups/" + t.groups[size]
	return func(i int) ([]byte, bool) {
		if i%2 == 1 {
			return t.scim.request("GET", userLookup(seeded(i%size)), ""), true
		}
		user := t.users[size+i/4%spares]
		if i%4 == 0 {
			return t.scim.request("PATCH", path, patchMembers("Add", []string{user})), false
		}
		return t.scim.request("PATCH", path, removeMember(user)), false
	}
}

func (r *neighbourRow) fail(why string) {
	if r.refused++; r.failure == "" {
		r.failure = why
	}
}

func timesOf(all []time.Duration) neighbourTimes {
	slices.Sort(all)
	return neighbourTimes{percentile(all, .5), percentile(all, .99), percentile(all, 1)}
}

// printNeighbours prints a table of each engine, and what the goal says.
func printNeighbours(w io.Writer, all []neighbours) (failed int, err error) {
	const goal = 5.0
	for _, n := range all {
		say(w,
			"\n%s: a quiet tenant beside another one; times in milliseconds, × is the ratio of p99 to that of quiet\n",
			n.engine)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		say(t, "beside\tPATCH p50\tp99\t×\tworst\tlookup p50\tp99\t×\tworst\tsent\trefused\tgoal")
		for _, r := range n.rows {
			quiet := n.rows[0]
			patch, lookup := times(r.patch.p99, quiet.patch.p99), times(r.lookup.p99, quiet.lookup.p99)
			met := "met"
			if patch > goal || lookup > goal || r.refused > 0 {
				met = "missed"
			}
			say(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t%d\t%s", r.attack,
				milliseconds(r.patch.p50), milliseconds(r.patch.p99), patch, milliseconds(r.patch.worst),
				milliseconds(r.lookup.p50), milliseconds(r.lookup.p99), lookup, milliseconds(r.lookup.worst), r.sent,
				r.refused, met)
			failed += r.refused
		}
		if err := t.Flush(); err != nil {
			return failed, err
		}
		for _, r := range n.rows {
			if r.failure != "" {
				say(w, "%s: %s", r.attack, strings.TrimSpace(r.failure))
			}
		}
	}
	return failed, nil
}

func times(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
