// Command bench measures scimbridge as a user meets it: it builds the program,
// runs its server on fresh stores and drives it over HTTP.
//
//	make bench                         both engines, under ten minutes
//	make bench-short                   under one minute
//	go run ./bench --engines sqlite --run 'patch .* clients=16'
//
// Another SCIM server can be driven beside it, in the same rounds, so that ratios
// come out that a busy machine does not bend (--against, --against-sqlite,
// --against-postgres). docs/performance.md tells the method and how to read it.
//
// The exit status is 0, 1 if a request failed or a member was lost, 2 for wrong
// usage.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		say(stderr, "bench: %v", err)
		return exitUsage
	}
	r, err := measure(ctx, o, stderr)
	if err == nil && o.neighbours {
		return reportNeighbours(r, stdout, stderr)
	}
	if err == nil && o.growth {
		return reportGrowth(o, r, stdout, stderr)
	}
	if err == nil {
		err = report(o, r, stdout)
	}
	if err != nil {
		say(stderr, "bench: %v", err)
		return exitFailed
	}
	if n := r.failures(); n > 0 {
		say(stderr, "bench: %d errors; the rows above say which", n)
		return exitFailed
	}
	return 0
}

func reportNeighbours(r *results, stdout, stderr io.Writer) int {
	refused, err := printNeighbours(stdout, r.Neighbours)
	switch {
	case err != nil:
		say(stderr, "bench: %v", err)
	case refused > 0:
		say(stderr, "bench: %d requests of the quiet tenant were refused", refused)
	default:
		return 0
	}
	return exitFailed
}

func reportGrowth(o options, r *results, stdout, stderr io.Writer) int {
	failed, err := printGrowth(stdout, o.growthUsers, r.Growth)
	switch {
	case err != nil:
		say(stderr, "bench: %v", err)
	case failed > 0:
		say(stderr, "bench: %d kinds of requests failed", failed)
	default:
		return 0
	}
	return exitFailed
}

// say writes a line to somebody who may be gone.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }

// report writes what was measured to wherever it was asked for.
func report(o options, r *results, stdout io.Writer) error {
	if err := printResults(stdout, r); err != nil {
		return err
	}
	if o.json != "" {
		if err := r.save(o.json); err != nil {
			return err
		}
	}
	if o.markdown != "" {
		if err := writeMarkdown(o.markdown, r); err != nil {
			return err
		}
	}
	if o.compare == nil {
		return nil
	}
	return printComparison(stdout, o.compare, r)
}
