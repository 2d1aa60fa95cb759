package main

import (
	"context"
	"os"
	"path/filepath"
)

// target is one server on a fresh store, and what was put into it.
type target struct {
	name    string
	scim    endpoint
	native  endpoint // not known: there is no /v1
	process *process // nil: it runs without us
	dir     string
	store   string                      // the URL of its database; empty: not ours
	made    bootstrapped                // what is in it; zero: not ours
	limited bool                        // serve has the limit of requests that is the default
	drop    func() error                // its database, if it has one
	serve   func(context.Context) error // starts the process; nil: not ours

	users  []string       // their ids, in the order of seeded
	groups map[int]string // ids, by the number of members
	posts  int            // cells that made users beyond those
}

// close ends the server and its store.
func (t *target) close() error {
	t.process.stop()
	if t.drop == nil {
		return nil
	}
	return t.drop()
}

// engine is where stores of one kind come from.
type engine struct {
	name     string
	dir      string
	postgres *postgres // nil: SQLite
}

func openEngine(ctx context.Context, o options, name, dir string) (engine, error) {
	e := engine{name: name, dir: dir}
	var err error
	if name == postgresEngine {
		e.postgres, err = openPostgres(ctx, o.database)
	}
	return e, err
}

// databaseProcess is the process of the database server; 0: none that we see.
func (e engine) databaseProcess() int {
	if e.postgres == nil {
		return 0
	}
	return e.postgres.postmaster
}

// store makes room for a target: its own folder, and a database. url is empty
// where the database is a file that the server makes in the folder.
func (e engine) store(ctx context.Context, name string) (t *target, url string, err error) {
	t = &target{name: name, groups: map[int]string{}}
	if t.dir, err = os.MkdirTemp(e.dir, e.name+"-"); err != nil {
		return nil, "", err
	}
	if e.postgres == nil {
		return t, "sqlite:" + filepath.Join(t.dir, "scimbridge.db"), nil
	}
	url, t.drop, err = e.postgres.fresh(ctx)
	return t, url, err
}

// open starts ours and the others, each on a fresh store. What it returns has to
// be closed, after an error too.
func (e engine) open(ctx context.Context, o options) (ts []*target, err error) {
	ours, err := e.scimbridge(ctx, o.program)
	if ours != nil {
		ts = append(ts, ours)
	}
	for _, other := range o.against {
		if err != nil {
			return ts, err
		}
		var t *target
		if t, err = e.other(ctx, other); t != nil {
			ts = append(ts, t)
		}
	}
	return ts, err
}
