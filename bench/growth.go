package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// growth is the mode of --growth: what each kind of request takes in a small
// tenant and in a large one, on one engine.
type growth struct {
	engine string
	rows   []growthRow
}

// growthRow is one kind of request. Its times are medians, or what its question asks
// for, of the stores in the order of their sizes.
type growthRow struct {
	question
	p50     []time.Duration
	failure string
}

// grown is a store of one size with its server.
type grown struct {
	*target
	size growthSize
	// marks are cursors, where pages go on.
	marks map[string]string
	pages endpoint // the console, with a session; zero: there is none yet
	posts int
	began time.Time // of the first change of members
}

// growthSize is how much of everything a store has.
type growthSize struct {
	users  int
	groups int
	each   int // members of a group
	large  int // members of the largest group
}

// newGrowthSize: three grants a user, of which a third is ended again.
func newGrowthSize(users int) growthSize {
	s := growthSize{users: users, groups: max(4, users/500)}
	s.each = 3 * users / s.groups
	s.large = max(10, users/100)
	return s
}

const (
	growthAsked = 15 // times that each request is sent to each store
	growthTime  = 20 * time.Second
)

// measureGrowth measures each engine in turn.
func measureGrowth(ctx context.Context, b *bench, dir string) (all []growth, err error) {
	for _, name := range b.engines {
		e, err := openEngine(ctx, b.options, name, dir)
		if err != nil {
			return nil, err
		}
		rows, err := b.growthOf(ctx, e)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, growth{name, rows})
	}
	return all, nil
}

func (b *bench) growthOf(ctx context.Context, e engine) (rows []growthRow, err error) {
	asked := slices.DeleteFunc(slices.Concat(questions(), consolePages()), func(q question) bool {
		return !b.run.MatchString(q.name)
	})
	members := slices.ContainsFunc(asked, func(q question) bool { return q.members })
	var stores []*grown
	defer func() {
		for _, g := range stores {
			err = errors.Join(err, g.close())
		}
	}()
	for _, users := range b.growthUsers {
		g, err := b.grow(ctx, e, newGrowthSize(users), members)
		if g != nil {
			stores = append(stores, g)
		}
		if err != nil {
			return nil, err
		}
	}
	var conns []*connection
	for _, g := range stores {
		c, err := dial(g.scim.address)
		if err != nil {
			return nil, err
		}
		defer c.close()
		conns = append(conns, c)
	}
	for _, q := range asked {
		b.say("%s: %s", e.name, q.name)
		rows = append(rows, q.ask(ctx, stores, conns))
	}
	return rows, ctx.Err()
}

// ask sends a request to each store in turn, so that whatever else the machine does
// meets them alike. The first of each store is not counted.
func (q question) ask(ctx context.Context, stores []*grown, conns []*connection) growthRow {
	row := growthRow{question: q}
	times := make([][]time.Duration, len(stores))
	begin := time.Now()
	var body bytes.Buffer
	for turn := range growthAsked + 1 {
		for i, g := range stores {
			if q.before != nil {
				if err := q.before(g, conns[i], turn); err != nil {
					row.failure = err.Error()
					return row
				}
			}
			request := q.request(g, turn)
			got, err := conns[i].do(request, &body)
			if err == nil && got.status >= 300 {
				err = conns[i].refused(request, got.status)
			}
			if err != nil {
				row.failure = cmp.Or(row.failure, fmt.Sprintf("%d users: %s", g.size.users, err))
				if got.status == 0 { // the connection is of no use any more
					return row
				}
			}
			if turn > 0 {
				times[i] = append(times[i], got.total)
			}
		}
		if turn > 1 && time.Since(begin) > growthTime || ctx.Err() != nil {
			break
		}
	}
	for _, all := range times {
		slices.Sort(all)
		row.p50 = append(row.p50, percentile(all, cmp.Or(q.percentile, .5)))
	}
	return row
}

// printGrowth prints a table of each engine, and what the goals say. It counts the
// requests that were refused.
func printGrowth(w io.Writer, users []int, all []growth) (failed int, err error) {
	for _, g := range all {
		say(w, "\n%s: medians in milliseconds (of pages of the console p95), in tenants of %s users\n", g.engine,
			join(users))
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		head := "request"
		for _, n := range users {
			head += fmt.Sprintf("\t%d", n)
		}
		say(t, "%s\t×\tgoal\tmet", head)
		for _, r := range g.rows {
			text := r.name
			for _, p := range r.p50 {
				text += fmt.Sprintf("\t%.2f", milliseconds(p))
			}
			if len(r.p50) < len(users) || len(users) == 0 {
				say(t, "%s\t–\t%s\tfailed", text, r.goal())
				continue
			}
			small, large := r.p50[0], r.p50[len(r.p50)-1]
			met := "yes"
			if !r.met(small, large) {
				met = "no"
			}
			say(t, "%s\t%.1f\t%s\t%s", text, times(large, small), r.goal(), met)
		}
		if err := t.Flush(); err != nil {
			return failed, err
		}
		for _, r := range g.rows {
			if r.failure != "" {
				failed++
				say(w, "%s: %s", r.name, r.failure)
			}
		}
	}
	return failed, nil
}
