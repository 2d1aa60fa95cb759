package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/outbound"
	"github.com/scimbridge/scimbridge/server"
)

// administration is what the commands for tenants, connections and tokens work
// with: the use cases of the native API, on the store itself.
type administration struct {
	call        membership.Call
	store       *db.Store
	directory   *membership.Directory
	tokens      *auth.Tokens
	connections *auth.Connections
	issuers     *auth.Issuers
	clients     *auth.Clients
	setupLinks  *auth.SetupLinks
}

// administrationOptions are the flags that these commands share.
type administrationOptions struct {
	tenant, reason string
	asJSON         bool
}

// flags adds those flags.
func (o *administrationOptions) flags(f *pflag.FlagSet, changes bool) {
	f.StringVar(&o.tenant, "tenant", "", "the tenant's `ID` (required)")
	if changes {
		f.StringVar(&o.reason, "reason", "", "why, or a ticket: `TEXT` that is kept with the change")
	}
	o.jsonFlag(f)
}

func (o *administrationOptions) jsonFlag(f *pflag.FlagSet) {
	f.BoolVar(&o.asJSON, "json", false, "print one JSON object")
}

// administer makes the RunE of a command that acts in one tenant, as the
// operator of the server, who may do everything there.
func (p *program) administer(
	o *administrationOptions, do func(context.Context, administration) error,
) func(*cobra.Command, []string) error {
	return p.administerWith(o, func(ctx context.Context, _ settings, a administration) error { return do(ctx, a) })
}

// administerWith is administer for a command that needs the settings, too.
func (p *program) administerWith(
	o *administrationOptions, do func(context.Context, settings, administration) error,
) func(*cobra.Command, []string) error {
	return p.configured(func(ctx context.Context, s settings) error {
		return p.administered(ctx, s, o, func(a administration) error { return do(ctx, s, a) })
	})
}

// administered acts in the tenant that the flags name.
func (p *program) administered(
	ctx context.Context, s settings, o *administrationOptions, do func(administration) error,
) error {
	if o.tenant == "" {
		return usageError("--tenant ID is required; scimbridge tenant list shows them")
	}
	tenant, err := membership.ParseID(o.tenant)
	if err != nil {
		return usageError(fmt.Sprintf("--tenant must be a UUID, not %q", o.tenant))
	}
	return p.withStore(ctx, s, tenant, func(a administration) error {
		a.call.Reason = o.reason
		// A mistyped tenant is an error, and not an empty list.
		if _, err := a.directory.Tenant(ctx, a.call); err != nil {
			return err
		}
		return do(a)
	})
}

func (p *program) withStore(
	ctx context.Context, s settings, tenant membership.ID, do func(administration) error,
) error {
	store, err := p.openStore(ctx, s)
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // everything is committed, or there is an error to return
	requests, end := server.ExistingRequests(ctx, s.Config, store)
	defer end() //nolint:errcheck // it was only read
	signer, err := server.ExistingSealer(s.Config, store)
	_ = err // of the key, without which reports are not signed
	directory := membership.NewDirectory(store, auth.Policy{},
		membership.Options{
			Signer: signer, Requests: requests,
			Eraser: server.RequestEraser(s.Config, store),
		})
	keys := auth.NewKeySets(outbound.New(s.AllowedNetworks), time.Now, server.NewLogger(s.Config, p.stderr))
	call := operator(tenant)
	call.Permissions = []string{auth.AllPermissions}
	return do(administration{
		call:  call,
		store: store, directory: directory, tokens: auth.NewTokens(store, directory, time.Now, nil),
		connections: auth.NewConnections(store, directory, time.Now, nil),
		issuers:     auth.NewIssuers(directory, store, keys, time.Now, nil),
		clients:     auth.NewClients(store, directory, keys, time.Now, nil),
		setupLinks:  auth.NewSetupLinks(store, directory, keys, time.Now, nil),
	})
}

// operator is the call of a user of the command line: they can read the store anyway.
func operator(tenant membership.ID) membership.Call {
	return membership.Call{
		Tenant: tenant, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "cli"},
		Credential: membership.Credential{Kind: membership.CredentialCLI},
	}
}

// group is a command that only has others below it.
func group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		RunE: helpOfGroup,
	}
	cmd.AddCommand(commands...)
	return cmd
}

// helpOfGroup is the RunE of a group: an argument is no command of it.
func helpOfGroup(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return unknownCommand(cmd, args[0])
	}
	return cmd.Help()
}

// oneID is for commands that take the id of one thing.
func oneID(id *membership.ID) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usageError(fmt.Sprintf("%s needs one ID", cmd.Name()))
		}
		var err error
		if *id, err = membership.ParseID(args[0]); err != nil {
			return usageError(fmt.Sprintf("%s needs the ID of a %s, a UUID, not %q", cmd.Name(), cmd.Parent().Name(),
				args[0]))
		}
		return nil
	}
}

// print writes what the native API would answer, or text for people.
func (p *program) print(asJSON bool, object []byte, text func(io.Writer)) error {
	if asJSON {
		return p.printJSON(json.RawMessage(object))
	}
	var b strings.Builder
	text(&b)
	// It fails if anything could not be written: a token that was not shown is lost.
	_, err := io.WriteString(p.stdout, b.String())
	return err
}

// printFields writes one thing, a field a line.
func printFields(w io.Writer, fields [][2]string) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range fields {
		_, _ = fmt.Fprintf(table, "  %s\t%s\n", f[0], f[1])
	}
	_ = table.Flush()
}

func timeOr(t time.Time, never string) string {
	if t.IsZero() {
		return never
	}
	return t.UTC().Format(time.RFC3339)
}
