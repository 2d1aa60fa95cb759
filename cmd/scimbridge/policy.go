package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/db"
	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/server"
)

// policyOptions are the flags of the commands about policies.
type policyOptions struct {
	tenant, id, file string
	asJSON           bool
}

// policyDocument is a policy as --json prints it, and as /v1 answers.
type policyDocument struct {
	ID        string `json:"id"`
	Cedar     string `json:"cedar"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

func (p *program) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Manage a tenant's own Cedar policies",
		Long: "Manage the Cedar policies that a tenant has beside the default ones. These commands\n" +
			"work on the store and ask no policy: they are the way out for a tenant that has\n" +
			"locked itself out. Running servers take a change up within seconds.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usageError(fmt.Sprintf("there is no command %q", "policy "+args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(p.policyPutCommand(), p.policyListCommand(), p.policyDeleteCommand())
	return cmd
}

func (p *program) policyPutCommand() *cobra.Command {
	var o policyOptions
	cmd := &cobra.Command{
		Use:   "put --tenant ID --id NAME --file FILE",
		Short: "Add a policy, or replace the one with this id",
		Args:  noArguments,
	}
	cmd.RunE = p.configured(func(ctx context.Context, s settings) error {
		if o.id == "" || o.file == "" {
			return usageError("policy put needs --id NAME and --file FILE")
		}
		return p.onPolicies(ctx, s, o, func(tenant membership.ID, store *db.Store) error {
			return p.putPolicy(ctx, store, operator(tenant), o, cmd.InOrStdin())
		})
	})
	o.flags(cmd)
	cmd.Flags().StringVar(&o.id, "id", "", "the policy's `NAME` (required)")
	cmd.Flags().StringVar(&o.file, "file", "", "`FILE` with the policy; - is standard input (required)")
	return cmd
}

func (p *program) policyListCommand() *cobra.Command {
	var o policyOptions
	cmd := &cobra.Command{
		Use:   "list --tenant ID",
		Short: "Show a tenant's policies",
		Args:  noArguments,
		RunE: p.configured(func(ctx context.Context, s settings) error {
			return p.onPolicies(ctx, s, o, func(tenant membership.ID, store *db.Store) error {
				return p.listPolicies(ctx, store, tenant, o)
			})
		}),
	}
	o.flags(cmd)
	return cmd
}

func (p *program) policyDeleteCommand() *cobra.Command {
	var o policyOptions
	cmd := &cobra.Command{
		Use:   "delete --tenant ID --id NAME",
		Short: "Delete a policy",
		Args:  noArguments,
		RunE: p.configured(func(ctx context.Context, s settings) error {
			if o.id == "" {
				return usageError("policy delete needs --id NAME")
			}
			return p.onPolicies(ctx, s, o, func(tenant membership.ID, store *db.Store) error {
				return p.deletePolicy(ctx, store, operator(tenant), o)
			})
		}),
	}
	o.flags(cmd)
	cmd.Flags().StringVar(&o.id, "id", "", "the policy's `NAME` (required)")
	return cmd
}

// flags adds those that all commands about policies have.
func (o *policyOptions) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "the tenant's `ID` (required)")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print one JSON object")
}

// onPolicies opens the store for one command.
func (p *program) onPolicies(ctx context.Context, s settings, o policyOptions, do func(membership.ID, *db.Store) error) error {
	tenant, err := membership.ParseID(o.tenant)
	if err != nil {
		return usageError("--tenant must be the tenant's id, a UUID")
	}
	p.warn(s)
	store, err := server.OpenStore(ctx, s.Config, server.NewLogger(s.Config, p.stderr))
	if err != nil {
		return err
	}
	return errors.Join(do(tenant, store), store.Close())
}

// operator is whoever may run this program on the server's store.
func operator(tenant membership.ID) membership.Call {
	return membership.Call{Tenant: tenant, Actor: membership.Actor{Kind: membership.ActorOperator, ID: "cli"}}
}

func (p *program) putPolicy(ctx context.Context, store *db.Store, call membership.Call, o policyOptions, stdin io.Reader) error {
	text, err := readUpTo(o.file, stdin, auth.MaxPolicyText)
	if err != nil {
		return err
	}
	checked, err := auth.CheckPolicy(o.id, text)
	if err != nil {
		return err
	}
	var put auth.TenantPolicy
	if err := store.UpdatePolicies(ctx, call.Tenant, func(tx auth.PolicyTx) error {
		put, err = auth.PutPolicy(ctx, tx, time.Now, call, checked)
		return err
	}); err != nil {
		return err
	}
	if o.asJSON {
		return p.printJSON(documentOf(put))
	}
	_, err = fmt.Fprintf(p.stdout, "the policy %s is in force\n", put.ID)
	return err
}

func (p *program) listPolicies(ctx context.Context, store *db.Store, tenant membership.ID, o policyOptions) error {
	all, _, err := store.Policies(ctx, tenant)
	if err != nil {
		return err
	}
	if !o.asJSON {
		for _, one := range all {
			if _, err := fmt.Fprintf(p.stdout, "// %s, of %s\n%s\n\n", one.ID, membership.Timestamp(one.UpdatedAt), one.Cedar); err != nil {
				return err
			}
		}
		return nil
	}
	data := make([]policyDocument, len(all))
	for i, one := range all {
		data[i] = documentOf(one)
	}
	return p.printJSON(map[string]any{"data": data})
}

func (p *program) deletePolicy(ctx context.Context, store *db.Store, call membership.Call, o policyOptions) error {
	if err := store.UpdatePolicies(ctx, call.Tenant, func(tx auth.PolicyTx) error {
		return auth.DeletePolicy(ctx, tx, time.Now, call, o.id)
	}); err != nil {
		return err
	}
	if o.asJSON {
		return p.printJSON(map[string]any{"id": o.id, "deleted": true})
	}
	_, err := fmt.Fprintf(p.stdout, "the policy %s is deleted\n", o.id)
	return err
}

func documentOf(p auth.TenantPolicy) policyDocument {
	return policyDocument{
		ID: p.ID, Cedar: p.Cedar, CreatedAt: membership.Timestamp(p.CreatedAt), UpdatedAt: membership.Timestamp(p.UpdatedAt),
	}
}
