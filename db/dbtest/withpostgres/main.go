// Command withpostgres gives another command a PostgreSQL of its own:
//
//	go run ./db/dbtest/withpostgres -- go test ./...
//
// The command finds the address in SCIMBRIDGE_TEST_DATABASE_URL. Where that is
// set already it is left alone, and nothing is started. Else a cluster is made
// in a temporary directory, on a free port of the loopback interface, and is
// gone when the command ends. It loses what was written when the machine fails,
// and is the faster for it; with --durable before the -- it does not, as in
// production. With --citus N it is a coordinator and N workers of the extension
// Citus, which has to be installed beside PostgreSQL's programs. The exit status is the command's; 3 says that no
// PostgreSQL could be had, 2 wrong usage, 1 anything else that went wrong here.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"time"

	"github.com/scimbridge/scimbridge/db/dbtest/cluster"
)

const (
	urlVariable = "SCIMBRIDGE_TEST_DATABASE_URL"

	exitFailed     = 1
	exitUsage      = 2
	exitNoPostgres = 3
)

func main() {
	// Children are told to die with the thread that started them; the main
	// thread lives as long as the process.
	runtime.LockOSThread()
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	flags := flag.NewFlagSet("withpostgres", flag.ContinueOnError)
	durable := flags.Bool("durable", false, "a commit waits for the disk")
	workers := flags.Int("citus", 0, "the `number` of workers of a Citus cluster; 0: plain PostgreSQL")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	args = flags.Args()
	if len(args) == 0 {
		say("usage: withpostgres [--durable] [--citus WORKERS] -- COMMAND [ARGUMENT...]")
		return exitUsage
	}
	// From here on a signal is passed on to the command, so that whatever ends
	// it, the cluster goes after it.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, cluster.Endings...)

	if os.Getenv(urlVariable) != "" {
		return command(args, signals)
	}
	bin, err := cluster.Find()
	if err != nil {
		say("no PostgreSQL could be had (%v); `make test-sqlite` runs the SQLite half only", err)
		return exitNoPostgres
	}
	nodes, err := start(bin, *durable, *workers)
	if err != nil {
		say("%v", err)
		return exitFailed
	}
	for _, c := range nodes {
		defer c.Stop()
		say("PostgreSQL %s on port %d", bin.Version, c.Port())
	}
	if err := os.Setenv(urlVariable, nodes[0].URL()); err != nil {
		say("%v", err)
		return exitFailed
	}
	return command(args, signals)
}

// start starts a cluster of PostgreSQL, or the nodes of one of Citus, its coordinator first.
func start(bin cluster.Binaries, durable bool, workers int) ([]*cluster.Cluster, error) {
	if workers > 0 {
		return cluster.StartCitus(bin, durable, workers)
	}
	c, err := cluster.Start(bin, durable)
	return []*cluster.Cluster{c}, err
}

// command runs args with this process's own input, output and environment and
// returns its exit status.
func command(args []string, signals <-chan os.Signal) int {
	select {
	case <-signals: // while PostgreSQL was being made ready
		return exitFailed
	default:
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = cluster.DieWithParent()
	if err := cmd.Start(); err != nil {
		say("%v", err)
		return exitFailed
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	var kill <-chan time.Time
	for {
		select {
		case s := <-signals:
			_ = cmd.Process.Signal(s)
			if kill == nil {
				kill = time.After(10 * time.Second)
			}
		case <-kill:
			_ = cmd.Process.Kill()
		case err := <-ended:
			return status(err)
		}
	}
}

func status(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	say("%v", err) // ended by a signal
	return exitFailed
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "withpostgres: "+format+"\n", args...)
}
