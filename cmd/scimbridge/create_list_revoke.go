package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/membership"
)

// The commands for tokens, clients, issuers, policies, connections and removal
// allowances share three frames: create, list and end. A command file has its flags,
// and what it calls and shows.

// creation is a command that makes or replaces one thing.
type creation[T any] struct {
	use, short, long string
	suggest          []string
	action           string // "create the token", for errors; empty: the error says enough
	// reads the flags before the store is opened; nil: there is nothing to read
	check  func(now time.Time) error
	create func(context.Context, *cobra.Command, administration) (T, error)
	encode func([]byte, T) []byte // as the native API does
	show   func(io.Writer, T)
}

func createCommand[T any](p *program, o *administrationOptions, c creation[T]) *cobra.Command {
	cmd := &cobra.Command{Use: c.use, Short: c.short, Long: c.long, SuggestFor: c.suggest, Args: noArguments}
	cmd.PreRunE = checked(c.check)
	cmd.RunE = p.administer(o, func(ctx context.Context, a administration) error {
		made, err := c.create(ctx, cmd, a)
		if err != nil {
			return cannot(c.action, err)
		}
		return p.print(o.asJSON, c.encode(nil, made), func(w io.Writer) { c.show(w, made) })
	})
	o.flags(cmd.Flags(), true)
	return cmd
}

// listing is a command that shows all things of one kind.
type listing[T any] struct {
	use, short, long string
	check            func(now time.Time) error
	read             func(context.Context, administration) ([]T, error)
	encode           func([]byte, T) []byte
	show             func(io.Writer, []T)
}

func listCommand[T any](p *program, o *administrationOptions, l listing[T]) *cobra.Command {
	cmd := &cobra.Command{Use: l.use, Short: l.short, Long: l.long, Args: noArguments, PreRunE: checked(l.check)}
	cmd.RunE = p.administer(o, func(ctx context.Context, a administration) error {
		all, err := l.read(ctx, a)
		if err != nil {
			return err
		}
		return printList(p, o.asJSON, all, l.encode, l.show)
	})
	o.flags(cmd.Flags(), false)
	return cmd
}

// ending is a command that ends one thing, which its argument names, or else a flag
// that check reads.
type ending struct {
	use, short, long string
	suggest          []string
	verb, past       string // revoke, revoked
	thing            string
	byFlag           bool
	check            func(now time.Time) error
	end              func(context.Context, administration, membership.ID) error
}

// endCommand reads the id into *id.
func (p *program) endCommand(o *administrationOptions, id *membership.ID, e ending) *cobra.Command {
	cmd := &cobra.Command{Use: e.use, Short: e.short, Long: e.long, SuggestFor: e.suggest, Args: oneID(id)}
	if e.byFlag {
		cmd.Args = noArguments
	}
	cmd.PreRunE = checked(e.check)
	cmd.RunE = p.administer(o, func(ctx context.Context, a administration) error {
		if err := e.end(ctx, a, *id); err != nil {
			return cannot(e.verb+" the "+e.thing, err)
		}
		return p.printEnded(o.asJSON, e.past, *id, fmt.Sprintf("The %s %s is %s.\n", e.thing, id, e.past))
	})
	o.flags(cmd.Flags(), true)
	return cmd
}

// printEnded says that something has ended: {"revoked":id}, or {"id":id,"deleted":true}.
func (p *program) printEnded(asJSON bool, past string, id any, text string) error {
	switch {
	case !asJSON:
		_, err := io.WriteString(p.stdout, text)
		return err
	case past == "deleted":
		return p.printJSON(map[string]any{"id": id, past: true})
	}
	return p.printJSON(map[string]any{past: id})
}

func checked(check func(time.Time) error) func(*cobra.Command, []string) error {
	if check == nil {
		return nil
	}
	return func(*cobra.Command, []string) error { return check(time.Now()) }
}

func cannot(action string, err error) error {
	if action == "" {
		return err
	}
	return fmt.Errorf("cannot %s: %w", action, err)
}

// withSecret is a thing that was made with a secret, which is shown once.
type withSecret[T any] struct {
	thing  T
	secret string
}

// shownOnce is said before such a secret.
func shownOnce(w io.Writer, what string) {
	_, _ = fmt.Fprintf(w, "Keep the %s: it is shown this once.\n\n", what)
}

// printList writes a whole list, as the native API would or for people.
func printList[T any](
	p *program, asJSON bool, all []T, encode func([]byte, T) []byte, show func(io.Writer, []T),
) error {
	object := []byte(`{"data":[`)
	for i, v := range all {
		if i > 0 {
			object = append(object, ',')
		}
		object = encode(object, v)
	}
	return p.print(asJSON, append(object, "]}"...), func(w io.Writer) { show(w, all) })
}

// table shows a list: columns is its first line, cells are the others.
func table[T any](columns string, cells func(T) []string) func(io.Writer, []T) {
	return func(w io.Writer, all []T) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(t, columns)
		for _, v := range all {
			_, _ = fmt.Fprintln(t, strings.Join(cells(v), "\t"))
		}
		_ = t.Flush() // into memory
	}
}

// pages reads a list to its end.
func pages[T any](
	read func(after membership.ID, limit int) ([]T, error), id func(T) membership.ID,
) (all []T, err error) {
	const size = 500
	var after membership.ID
	for {
		page, err := read(after, size)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < size {
			return all, nil
		}
		after = id(page[size-1])
	}
}
