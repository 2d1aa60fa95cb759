package postgres

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// settings are how statements are planned, and what ends one that would else hold a
// connection and its locks for ever: a parameter of the same name in the URL wins. Behind
// a pooler these may do nothing, or hold for other connections of the same role as well.
var settings = []setting{
	// Every query goes by a key, and plans made for one set of values cost more than they
	// can win: of the change of members they are half of the time.
	{"plan_cache_mode", "force_generic_plan"},
	// A page of a large tenant is estimated at all of its rows and read to its limit:
	// compiling it took 0.5 s, for nothing.
	{"jit", "off"},
	{"statement_timeout", "5min"},
	{"lock_timeout", "8s"},
	{"idle_in_transaction_session_timeout", "1min"},
}

type setting struct{ name, value string }

// Tracer is told of each statement that is sent, those of migrations excepted. Tests set it,
// and read all that the program sends.
var Tracer pgx.QueryTracer

func config(url string) (*pgxpool.Config, error) {
	c, err := pgxpool.ParseConfig(url)
	if err != nil {
		// pgx quotes the URL without its password.
		return nil, err
	}
	switch c.ConnConfig.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		return nil, errors.New("default_query_exec_mode cannot be exec or simple_protocol: " +
			"for a pooler that keeps no prepared statements it is cache_describe")
	}
	// A pooler such as PgBouncer takes this parameter and refuses those that it
	// does not know: nothing else is sent with the start of a connection.
	if _, set := c.ConnConfig.RuntimeParams["application_name"]; !set {
		c.ConnConfig.RuntimeParams["application_name"] = "scimbridge"
	}
	c.ConnConfig.Tracer = Tracer
	if c.ConnConfig.ConnectTimeout == 0 {
		c.ConnConfig.ConnectTimeout = 5 * time.Second
	}
	if !strings.Contains(url, "pool_max_conns=") {
		c.MaxConns = max(c.MaxConns, 16)
	}
	return c, nil
}

// sessionSettings sets what the URL does not.
func sessionSettings(given map[string]string, settings []setting) string {
	var b strings.Builder
	for _, l := range settings {
		if _, set := given[l.name]; !set {
			fmt.Fprintf(&b, "set %s = '%s';", l.name, l.value)
		}
	}
	return b.String()
}
