package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	sqliteEngine   = "sqlite"
	postgresEngine = "postgres"

	databaseURL = "SCIMBRIDGE_TEST_DATABASE_URL"
)

// options are what the flags say.
type options struct {
	engines  []string
	run      *regexp.Regexp
	rounds   int
	cell     time.Duration // one cell, in one round
	budget   time.Duration // for everything; 0: none
	sizes    []int         // members of the small, the middle and the large group
	few      int           // users with which lookups are measured first
	users    int           // users that they are measured with then
	bulk     int           // members of the largest PATCH
	clients  []int
	cycle    int // users of the initial cycle
	against  []otherServer
	program  string // empty: built
	dir      string
	json     string
	markdown string
	compare  *results

	neighbours    bool          // measure a quiet tenant beside attacks, and nothing else
	neighbourTime time.Duration // one of them
	growth        bool          // measure requests in a small and in a large tenant, and nothing else
	growthUsers   []int         // their users
	database      string        // URL of a PostgreSQL server, as somebody who may create databases
}

// full and short are the two modes; every flag can change one thing of them.
var (
	full = options{
		rounds: 3, cell: time.Second, budget: 9*time.Minute + 15*time.Second, sizes: []int{10, 10_000, 100_000},
		few: 1000, users: 100_000, bulk: 10_000, clients: []int{1, 16, 64}, cycle: 10_000,
		growthUsers: []int{1000, 1_000_000},
	}
	short = options{
		rounds: 1, cell: 150 * time.Millisecond, budget: 50 * time.Second, sizes: []int{10, 1000, 2000},
		few: 200, users: 2000, bulk: 1000, clients: []int{1, 16}, cycle: 300,
		growthUsers: []int{200, 2000},
	}
)

func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := full
	if slices.Contains(args, "--short") || slices.Contains(args, "-short") {
		o = short
	}
	var engines, pattern, sizes, clients, grown, compare string
	var limit bool
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.Bool("short", false, "small groups and few users, in under a minute: shows that everything runs, not how fast")
	f.StringVar(&engines, "engines", sqliteEngine+","+postgresEngine, "the engines, with commas between")
	f.StringVar(&pattern, "run", "",
		"only cells whose name, such as 'patch 1 members=10 clients=16', matches the regular `expression`")
	f.IntVar(&o.rounds, "rounds", o.rounds, "how often every cell is measured; medians are shown")
	f.DurationVar(&o.cell, "cell", o.cell, "how long a cell takes in one round")
	f.DurationVar(&o.budget, "budget", o.budget,
		"no round begins that would not end within this time; 0: no limit, and so with --against")
	f.StringVar(&sizes, "sizes", join(o.sizes), "members of the three groups, ascending")
	f.IntVar(&o.few, "few-users", o.few, "users with which lookups are measured first")
	f.IntVar(&o.users, "users", o.users, "users with which they are measured then; seeding a million takes minutes")
	f.IntVar(&o.bulk, "bulk", o.bulk, "members of the largest PATCH")
	f.StringVar(&clients, "clients", join(o.clients),
		"clients at once, ascending; only PATCH of one member goes beyond 16")
	f.IntVar(&o.cycle, "cycle", o.cycle,
		"users of the initial cycle, with a hundredth as many groups and three memberships each; 0: none")
	f.Func("against", "`NAME=URL,token=TOKEN` of another SCIM server on this machine, driven beside ours", o.addURL)
	other := otherServer{path: "/scim/v2"}
	f.StringVar(&other.commands.sqlite, "against-sqlite", "",
		"shell `command` that starts another server beside ours on SQLite; {port} and {dir} are put in")
	f.StringVar(&other.commands.postgres, "against-postgres", "",
		"the same on PostgreSQL; {database_url} is put in too")
	f.StringVar(&other.name, "against-name", "other", "what the tables call that server")
	f.StringVar(&other.token, "against-token", "", "its bearer token")
	f.StringVar(&other.path, "against-path", other.path, "the path of its SCIM base URL")
	f.BoolVar(&o.neighbours, "neighbours", false,
		"measure a quiet tenant, alone and beside one that attacks, and nothing else; --run chooses attacks")
	f.DurationVar(&o.neighbourTime, "neighbour-time", 15*time.Second, "how long each of those takes")
	f.BoolVar(&o.growth, "growth", false,
		"measure requests in tenants of --growth-users, and nothing else; --run chooses requests")
	f.StringVar(&grown, "growth-users", join(o.growthUsers),
		"users of those, ascending; a million take minutes to make")
	f.StringVar(&o.program, "program", "", "the scimbridge to measure, instead of building this one")
	f.StringVar(&o.dir, "dir", os.TempDir(), "where SQLite's files go; the disk matters")
	f.StringVar(&o.json, "json", "", "write the results to this `file`")
	f.StringVar(&o.markdown, "markdown", "",
		"put the results into this `file`, between its lines "+resultsBegin+" and "+resultsEnd)
	f.StringVar(&compare, "compare", "", "compare with this `file` of an earlier --json")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		return o, fmt.Errorf("what is %q?", f.Arg(0))
	}
	f.Visit(func(f *flag.Flag) { limit = limit || f.Name == "budget" })
	if other.commands != (commands{}) {
		o.against = append(o.against, other)
	}
	if len(o.against) > 0 && !limit {
		o.budget = 0
	}
	o.database = os.Getenv(databaseURL)
	o.engines = strings.Split(engines, ",")
	var problems []error
	add := func(err error) { problems = append(problems, err) }
	var err error
	o.run, err = regexp.Compile(pattern)
	add(err)
	o.sizes, err = numbers(sizes)
	add(err)
	o.clients, err = numbers(clients)
	add(err)
	o.growthUsers, err = numbers(grown)
	add(err)
	if compare != "" {
		o.compare, err = loadResults(compare)
		add(err)
	}
	return o, errors.Join(append(problems, o.check())...)
}

func (o options) check() error {
	for _, e := range o.engines {
		if e != sqliteEngine && e != postgresEngine {
			return fmt.Errorf("no such engine: %q", e)
		}
	}
	switch {
	case len(o.sizes) != 3 || len(o.clients) == 0:
		return errors.New("--sizes are three numbers, --clients at least one")
	case o.growth && o.growthUsers[0] < 200:
		return errors.New("--growth-users are at least 200")
	case o.rounds < 1 || o.cell <= 0 || o.few < 1 || o.users < o.few || o.bulk < 1 || o.cycle < 0:
		return errors.New("numbers have to be positive, and --users at least --few-users")
	case slices.Contains(o.engines, postgresEngine) && o.database == "":
		return errors.New("no PostgreSQL: use make bench, which starts one, set " + databaseURL +
			", or --engines sqlite")
	case o.markdown != "":
		_, err := splitMarkdown(o.markdown) // now, and not when all is measured
		return err
	}
	return nil
}

func numbers(list string) (ns []int, err error) {
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no list of numbers", list)
		}
		ns = append(ns, n)
	}
	if !slices.IsSorted(ns) {
		return nil, fmt.Errorf("%q does not ascend", list)
	}
	return ns, nil
}

func join(ns []int) string {
	texts := make([]string, len(ns))
	for i, n := range ns {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}
