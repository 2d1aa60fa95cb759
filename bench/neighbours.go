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
	attack              string
	patch, lookup, list neighbourTimes
	took                time.Duration // of a large change; zero: it is none
	sent                int
	refused             int
	failure             string
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
		if err := errors.Join(t.seedGroup(size), t.seedGroup(1)); err != nil {
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
	rows, err = b.cellsBeside(ctx, e, quiet, append([]attack{{name: quietCell}}, attacks...))
	if err != nil || !b.wantsLarge() {
		return rows, err
	}
	most := b.sizes[len(b.sizes)-1]
	b.say("%s: seeding %d users and %d grants", e.name, 2*most, 4*most)
	large, err := noisy.seedLarge(ctx, quiet, most)
	if err != nil {
		return nil, err
	}
	more, err := b.cellsBeside(ctx, e, quiet, large)
	return append(rows, more...), err
}

const quietCell = "quiet"

func (b *bench) cellsBeside(ctx context.Context, e engine, quiet *target, cells []attack) (
	rows []neighbourRow, err error,
) {
	for _, a := range cells {
		if !b.run.MatchString(a.name) && a.name != quietCell {
			continue
		}
		b.say("%s: %s", e.name, a.name)
		row, err := quiet.beside(ctx, a, b.sizes[1], b.neighbourTime)
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// beside measures the quiet tenant for so long while an attack goes on, or until a
// large change is answered.
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
	took := map[quietKind][]time.Duration{}
	send := t.quietRequests(size)
	c, err := dial(t.scim.address)
	if err != nil {
		return row, err
	}
	defer func() { c.close() }()
	began := time.Now()
	ended := func() bool { return time.Since(began) >= length }
	if a.large != nil {
		answered := make(chan error, 1)
		go func() { answered <- a.large() }()
		ended = func() bool {
			select {
			case err := <-answered:
				if row.took = time.Since(began); err != nil {
					row.fail(err.Error())
				}
				return true
			default:
				return false
			}
		}
	}
	for i := 0; !ended() && ctx.Err() == nil; i++ {
		next := time.Now().Add(neighbourPace)
		request, kind := send(i)
		row.sent++
		begin := time.Now()
		got, err := c.do(request, nil)
		took[kind] = append(took[kind], time.Since(begin))
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
		time.Sleep(time.Until(next))
	}
	row.patch, row.lookup, row.list = timesOf(took[quietPatch]), timesOf(took[quietLookup]), timesOf(took[quietList])
	return row, ctx.Err()
}

// quietKind is a kind of request of the quiet tenant.
type quietKind int

const (
	quietPatch quietKind = iota
	quietLookup
	quietList
)

// quietRequests are in turn a PATCH that adds a member, a lookup, the list of one
// member, a PATCH that removes it, and those again.
func (t *target) quietRequests(size int) func(i int) (request []byte, kind quietKind) {
	path, one := "/Groups/"+t.groups[size], "/groups/"+t.groups[1]+"/members"
	return func(i int) ([]byte, quietKind) {
		switch i % 3 {
		case 1:
			return t.scim.request("GET", userLookup(seeded(i%size)), ""), quietLookup
		case 2:
			return t.native.request("GET", one, ""), quietList
		}
		user := t.users[size+i/6%spares]
		if i%6 == 0 {
			return t.scim.request("PATCH", path, patchMembers("Add", []string{user})), quietPatch
		}
		return t.scim.request("PATCH", path, removeMember(user)), quietPatch
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

// printNeighbours prints a table of each engine, and what the goals say: no request is
// refused and each p99 is at most five times that of quiet; on SQLite, where a large
// change is one transaction among those of all tenants, at most a second beside it.
func printNeighbours(w io.Writer, all []neighbours) (failed int, err error) {
	for _, n := range all {
		say(w,
			"\n%s: a quiet tenant beside another one; times in milliseconds, × is the ratio of p99 to that of quiet\n",
			n.engine)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		say(t, "beside\tPATCH p50\tp99\t×\tworst\tlookup p50\tp99\t×\tworst\tlist p50\tp99\t×\tworst\tsent\trefused"+
			"\tit took\tgoal")
		for _, r := range n.rows {
			line, met := []string{r.attack}, r.refused == 0
			quiet := n.rows[0].kinds()
			for i, k := range r.kinds() {
				ratio := times(k.p99, quiet[i].p99)
				if r.took > 0 && n.engine != postgresEngine {
					met = met && k.p99 <= time.Second
				} else {
					met = met && ratio <= 5
				}
				line = append(line, fmt.Sprintf("%.1f\t%.1f\t%.1f\t%.1f",
					milliseconds(k.p50), milliseconds(k.p99), ratio, milliseconds(k.worst)))
			}
			say(t, "%s\t%d\t%d\t%.1f s\t%s", strings.Join(line, "\t"), r.sent, r.refused, r.took.Seconds(),
				map[bool]string{true: "met", false: "missed"}[met])
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

func (r neighbourRow) kinds() []neighbourTimes { return []neighbourTimes{r.patch, r.lookup, r.list} }

func times(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}
