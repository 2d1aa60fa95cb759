package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) userCommand() *cobra.Command {
	return group("user", "Erase what is kept of a person", "Erase what is kept of a person.", p.userEraseCommand())
}

func (p *program) userEraseCommand() *cobra.Command {
	var o administrationOptions
	var id, flagged membership.ID
	argument := oneID(&id)
	cmd := &cobra.Command{
		SuggestFor: []string{"delete", "remove"},
		Use:        "erase --tenant ID USER_ID --reason TEXT",
		Short:      "Erase what is kept of a person",
		Long: "Erase what is kept of a person: their names and addresses, and the reasons and\n" +
			"external ids of events that name them. The events stay, and prove what they proved.\n" +
			"The reason stays, too: it must not say who they are. A person whom an identity\n" +
			"provider still has is refused. It can be repeated.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !flagged.IsZero() {
				id = flagged
				return nil
			}
			return argument(cmd, args)
		},
		PreRunE: func(*cobra.Command, []string) error {
			if strings.TrimSpace(o.reason) == "" {
				return usageError("erase needs --reason TEXT")
			}
			return nil
		},
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			erased, err := a.directory.EraseUser(ctx, a.call, id)
			if err != nil {
				return fmt.Errorf("cannot erase the user: %w", err)
			}
			return p.print(o.asJSON, api.AppendErased(nil, erased), func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "The user %s is erased:\n\n", id)
				var fields [][2]string
				for _, c := range erased.Counts() {
					fields = append(fields, [2]string{strings.ReplaceAll(c.Name, "_", " "), strconv.Itoa(c.N)})
				}
				printFields(w, fields)
			})
		}),
	}
	cmd.Flags().Var(idFlag{&flagged}, "user", "the user, instead of the argument")
	o.flags(cmd.Flags(), true)
	return cmd
}
