package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// bench is one run.
type bench struct {
	options
	began  time.Time
	out    *results
	stderr io.Writer
}

// measure runs everything that o asks for, and says on stderr what it is at.
func measure(ctx context.Context, o options, stderr io.Writer) (*results, error) {
	dir, err := os.MkdirTemp(absolute(o.dir), "scimbridge-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if o.program == "" {
		say(stderr, "building scimbridge")
		o.program, err = build(ctx, dir)
	} else {
		o.program = absolute(o.program)
	}
	if err != nil {
		return nil, err
	}
	b := &bench{options: o, began: time.Now(), stderr: stderr, out: &results{
		Machine: thisMachine(dir), Began: time.Now().UTC().Truncate(time.Second), Rounds: o.rounds,
		Cell: o.cell.String(),
	}}
	b.out.Machine.Version = versionOf(ctx, o.program)
	if o.neighbours {
		b.out.Neighbours, err = measureNeighbours(ctx, b, dir)
		return b.out, err
	}
	if o.growth {
		b.out.Growth, err = measureGrowth(ctx, b, dir)
		return b.out, err
	}
	for i, name := range o.engines {
		e, err := openEngine(ctx, o, name, dir)
		if err != nil {
			return nil, err
		}
		if e.postgres != nil {
			b.out.Machine.PostgreSQL = e.postgres.describe
		}
		// What one engine leaves of its share, the next one may use.
		until := b.began.Add(o.budget * time.Duration(i+1) / time.Duration(len(o.engines)))
		if err := b.engine(ctx, e, until); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	b.out.Seconds = time.Since(b.began).Seconds()
	b.out.Goals = b.out.goals()
	return b.out, nil
}

// absolute is for names that programs use which run in folders of their own.
func absolute(name string) string {
	if full, err := filepath.Abs(name); err == nil {
		return full
	}
	return name
}

func (b *bench) say(format string, args ...any) {
	say(b.stderr, "%4.0f s  %s", time.Since(b.began).Seconds(), fmt.Sprintf(format, args...))
}

// engine measures one engine: the initial cycle, and the cells in their rounds.
func (b *bench) engine(ctx context.Context, e engine, until time.Time) error {
	if b.cycle > 0 && b.run.MatchString(cycleName) {
		if err := b.withTargets(ctx, e, b.cycles); err != nil {
			return err
		}
	}
	cells := b.cells()
	if len(cells) == 0 {
		return nil
	}
	return b.withTargets(ctx, e, func(ctx context.Context, e engine, ts []*target) error {
		return b.cellsOf(ctx, e, ts, cells, until)
	})
}

// withTargets opens the servers on fresh stores, and closes them.
func (b *bench) withTargets(
	ctx context.Context, e engine, do func(context.Context, engine, []*target) error,
) (err error) {
	ts, err := e.open(ctx, b.options)
	defer func() {
		for _, t := range ts {
			err = errors.Join(err, t.close())
		}
	}()
	if err != nil {
		return err
	}
	return do(ctx, e, ts)
}

// cellsOf measures the early cells, seeds, and measures the others.
func (b *bench) cellsOf(ctx context.Context, e engine, ts []*target, cells []cell, until time.Time) error {
	b.idle(e, ts[0], idleName)
	early := slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return !c.early })
	late := slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return c.early })
	if len(early) > 0 {
		if err := b.seed(ctx, e, ts, early); err != nil {
			return err
		}
		if err := b.series(ctx, e, ts, early, until); err != nil {
			return err
		}
	}
	if len(late) == 0 {
		return nil
	}
	if err := b.seed(ctx, e, ts, late); err != nil {
		return err
	}
	// A process that has done nothing shows what a request takes of memory.
	for _, t := range ts {
		if err := t.restart(ctx); err != nil {
			return err
		}
	}
	b.idle(e, ts[0], idleSeededName)
	return b.series(ctx, e, ts, late, until)
}

// seed brings every server's store to what the cells need.
func (b *bench) seed(ctx context.Context, e engine, ts []*target, cells []cell) error {
	users := 0
	for _, c := range cells {
		users = max(users, c.needs())
	}
	for _, t := range ts {
		b.say("%s: %s: seeding %d users", e.name, t.name, users)
		if err := t.seedUsers(ctx, users); err != nil {
			return fmt.Errorf("%s: seeding: %w", t.name, err)
		}
		for _, c := range cells {
			if c.members > 0 && (!c.native || t.native.known()) {
				if err := t.seedGroup(c.members); err != nil {
					return fmt.Errorf("%s: seeding a group: %w", t.name, err)
				}
			}
		}
		t.process.emptyLog()
	}
	return nil
}

// series measures the cells in rounds: in each round every cell, and every cell
// on all servers one after the other, so that whatever else the machine does
// meets them alike.
func (b *bench) series(ctx context.Context, e engine, ts []*target, cells []cell, until time.Time) error {
	sets := make([]samples, len(cells))
	for i := range sets {
		sets[i] = samples{}
	}
	begin := time.Now()
	for round := range b.rounds {
		if mean := time.Since(begin) / time.Duration(max(round, 1)); b.budget > 0 && round > 0 &&
			time.Now().Add(mean).After(until) {
			b.say("%s: no time for more than %d rounds of %d", e.name, round, b.rounds)
			b.out.CutShort = true
			break
		}
		b.say("%s: round %d of %d, %d cells", e.name, round+1, b.rounds, len(cells))
		for i, c := range cells {
			for j := range ts {
				t := ts[(j+round)%len(ts)] // another is the first each time
				if c.native && !t.native.known() {
					continue
				}
				if err := b.cellOnce(ctx, e, t, c, sets[i]); err != nil {
					return fmt.Errorf("%s: %s: %w", t.name, c, err)
				}
			}
		}
	}
	for i, c := range cells {
		b.out.add(e, ts, c, sets[i])
	}
	return nil
}

// cellOnce measures a cell on one server, and verifies what it wrote.
func (b *bench) cellOnce(ctx context.Context, e engine, t *target, c cell, into samples) error {
	to := t.scim
	if c.native {
		to = t.native
	}
	l := load{clients: c.clients, kinds: len(c.kinds), next: c.requests(t, c.clients), duration: b.cell / 8}
	if !c.slow {
		if _, err := l.run(ctx, to); err != nil {
			return err
		}
	}
	l.duration = b.cell
	server, database := cpuTime(t.process.pid()), cpuTime(e.databaseProcess())
	watched := watchMemory(t.process.pid())
	seen, err := l.run(ctx, to)
	m := watched()
	if err != nil {
		return err
	}
	server, database = cpuTime(t.process.pid())-server, cpuTime(e.databaseProcess())-database
	if c.writes {
		if err := t.verified(c); err != nil {
			seen.fail(err.Error())
		}
	}
	t.process.emptyLog()
	into.add(t.name, c, seen, server, database, m)
	return nil
}

// verified says what is wrong with a group's members after a cell, and puts it
// right.
func (t *target) verified(c cell) error {
	conn, err := dial(t.scim.address)
	if err != nil {
		return err
	}
	defer conn.close()
	err = t.verify(conn, c.members)
	if err == nil && c.native {
		err = t.verifyNative(conn, c.members)
	}
	if err == nil {
		return nil
	}
	return errors.Join(err, t.repair(conn, c.members))
}

// idle measures the memory of ours when it does nothing, a moment after it began.
func (b *bench) idle(e engine, t *target, name string) {
	if !b.run.MatchString(name) {
		return
	}
	time.Sleep(min(2*time.Second, 2*b.cell))
	if held := resident(pidsOf(t.process.pid())); held > 0 {
		b.out.Rows = append(b.out.Rows, row{
			Engine: e.name, Server: t.name, Operation: name, Users: len(t.users), Rounds: 1, MemoryMB: megabytes(held),
		})
	}
}
