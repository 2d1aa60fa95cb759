package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) memberCommand() *cobra.Command {
	return group("member", "Add local members to groups, for a time or for good",
		"Add local members to groups, for a time or for good. What identity providers granted\n"+
			"is theirs, and not changed here.",
		p.memberAddCommand(), p.memberEndCommand(), p.memberRemoveCommand())
}

// memberOptions are the flags of the commands that change a local membership.
type memberOptions struct {
	administrationOptions
	user, group membership.ID
	ends        time.Time
	life        time.Duration
	alsoLocal   bool
	never       bool
}

func (o *memberOptions) memberFlags(f *pflag.FlagSet) {
	f.Var(idFlag{&o.user}, "user", "the user (required)")
	f.Var(idFlag{&o.group}, "group", "the group (required)")
	o.flags(f, true)
}

func (o *memberOptions) endFlags(f *pflag.FlagSet) {
	f.Var(timeFlag{&o.ends}, "expires-at", "when the membership ends by itself")
	f.DurationVar(&o.life, "for", 0, "how long it lasts instead: a `DURATION` such as 8h")
}

// check says what is missing, and turns a length of time into an end.
func (o *memberOptions) check() error {
	switch {
	case o.user.IsZero() || o.group.IsZero():
		return usageError("--user ID and --group ID are required")
	case o.life < 0, o.life > 0 && !o.ends.IsZero():
		return usageError("give --expires-at TIME, or --for and a time that is more than 0")
	case o.never && (o.life > 0 || !o.ends.IsZero()):
		return usageError("--never is instead of an end")
	case o.life > 0:
		o.ends = time.Now().Add(o.life)
	}
	return nil
}

func (p *program) memberAddCommand() *cobra.Command {
	var o memberOptions
	cmd := &cobra.Command{
		Use:   "add --tenant ID --group ID --user ID [--expires-at TIME | --for DURATION]",
		Short: "Make a user a local member of a group",
		Long: "Make a user a local member of a group. With an end the membership ends by itself,\n" +
			"to the second.",
		Args:    cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error { return o.check() },
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			m, err := a.directory.AddMember(ctx, a.call, o.group, o.user, o.alsoLocal,
				membership.GrantTerms{ExpiresAt: o.ends})
			if err != nil {
				return fmt.Errorf("cannot add the member: %w", err)
			}
			return p.printMember(o.asJSON, m)
		}),
	}
	cmd.Flags().BoolVar(&o.alsoLocal, "also-local", false, "also where an identity provider has made them a member")
	o.endFlags(cmd.Flags())
	o.memberFlags(cmd.Flags())
	return cmd
}

func (p *program) memberEndCommand() *cobra.Command {
	var o memberOptions
	cmd := &cobra.Command{
		Use:   "end --tenant ID --group ID --user ID --expires-at TIME | --for DURATION | --never",
		Short: "Say when a local membership ends by itself, or that it does not",
		Long:  "Say when a local membership ends by itself, or that it does not.",
		Args:  cobra.NoArgs,
		PreRunE: func(*cobra.Command, []string) error {
			if err := o.check(); err != nil {
				return err
			}
			if o.ends.IsZero() && !o.never {
				return usageError("give --expires-at TIME, --for DURATION or --never")
			}
			return nil
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			m, err := a.directory.ChangeGrantEnd(ctx, a.call, o.group, o.user, o.ends)
			if err != nil {
				return fmt.Errorf("cannot change the end: %w", err)
			}
			return p.printMember(o.asJSON, m)
		}),
	}
	o.endFlags(cmd.Flags())
	cmd.Flags().BoolVar(&o.never, "never", false, "it does not end")
	o.memberFlags(cmd.Flags())
	return cmd
}

func (p *program) memberRemoveCommand() *cobra.Command {
	var o memberOptions
	cmd := &cobra.Command{
		SuggestFor: []string{"delete"},
		Use:        "remove --tenant ID --group ID --user ID",
		Short:      "End a local membership now",
		Long:       "End a local membership now. What identity providers granted stays.",
		Args:       cobra.NoArgs,
		PreRunE:    func(*cobra.Command, []string) error { return o.check() },
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			left, err := a.directory.RemoveMember(ctx, a.call, o.group, o.user)
			switch {
			case err != nil:
				return fmt.Errorf("cannot remove the member: %w", err)
			case left != nil:
				return p.printMember(o.asJSON, *left)
			}
			return p.print(o.asJSON, []byte("{}"), func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "The user %s is no member any more.\n", o.user)
			})
		}),
	}
	o.memberFlags(cmd.Flags())
	return cmd
}

func (p *program) printMember(asJSON bool, m membership.Member) error {
	return p.print(asJSON, api.AppendMember(nil, m), func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "The user %s is a member since %s:\n\n", m.User.ID, timeOr(m.JoinedAt, ""))
		var fields [][2]string
		for _, s := range m.Sources {
			name := "local"
			if s.ConnectionName != "" {
				name = "by " + s.ConnectionName
			}
			fields = append(fields, [2]string{name, "ends " + timeOr(s.Grant.ExpiresAt, "never")})
		}
		printFields(w, fields)
	})
}
