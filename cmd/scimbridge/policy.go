package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/auth"
	"github.com/scimbridge/scimbridge/membership"
)

// policyOptions are the flags of the commands about policies.
type policyOptions struct {
	administrationOptions
	id, file string
}

// policyDocument is a policy as --json prints it, and as /v1 answers.
type policyDocument struct {
	ID        string `json:"id"`
	Cedar     string `json:"cedar"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

func (p *program) policyCommand() *cobra.Command {
	return group("policy", "Manage a tenant's own Cedar policies",
		"Manage the Cedar policies that a tenant has beside the default ones. These commands\n"+
			"work on the store and ask no policy: they are the way out for a tenant that has\n"+
			"locked itself out. Running servers take a change up within seconds.",
		p.policyPutCommand(), p.policyListCommand(), p.policyDeleteCommand())
}

func (p *program) policyPutCommand() *cobra.Command {
	var o policyOptions
	cmd := &cobra.Command{
		Use:        "put --tenant ID --id NAME --file FILE",
		Short:      "Add a policy, or replace the one with this id",
		SuggestFor: []string{"create", "add", "set", "update"},
		Args:       noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			if o.id == "" || o.file == "" {
				return usageError("policy put needs --id NAME and --file FILE")
			}
			return nil
		},
	}
	cmd.RunE = p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
		return p.putPolicy(ctx, a, o, cmd.InOrStdin())
	})
	o.flags(cmd.Flags(), true)
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
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			return p.listPolicies(ctx, a, o)
		}),
	}
	o.flags(cmd.Flags(), false)
	return cmd
}

func (p *program) policyDeleteCommand() *cobra.Command {
	var o policyOptions
	cmd := &cobra.Command{
		Use:        "delete --tenant ID --id NAME",
		Short:      "Delete a policy",
		SuggestFor: []string{"remove", "revoke"},
		Args:       noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			if o.id == "" {
				return usageError("policy delete needs --id NAME")
			}
			return nil
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			return p.deletePolicy(ctx, a, o)
		}),
	}
	o.flags(cmd.Flags(), true)
	cmd.Flags().StringVar(&o.id, "id", "", "the policy's `NAME` (required)")
	return cmd
}

func (p *program) putPolicy(ctx context.Context, a administration, o policyOptions, stdin io.Reader) error {
	text, err := readUpTo(o.file, stdin, auth.MaxPolicyText)
	if err != nil {
		return err
	}
	checked, err := auth.CheckPolicy(o.id, text)
	if err != nil {
		return err
	}
	var put auth.TenantPolicy
	if err := a.store.UpdatePolicies(ctx, a.call.Tenant, func(tx auth.PolicyTx) error {
		put, err = auth.PutPolicy(ctx, tx, time.Now, a.call, checked)
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

func (p *program) listPolicies(ctx context.Context, a administration, o policyOptions) error {
	all, _, err := a.store.Policies(ctx, a.call.Tenant)
	if err != nil {
		return err
	}
	if !o.asJSON {
		if len(all) == 0 {
			_, err := fmt.Fprintln(p.stdout, "The tenant has no policies of its own.")
			return err
		}
		for _, one := range all {
			if _, err := fmt.Fprintf(p.stdout, "// %s, of %s\n%s\n\n", one.ID, membership.Timestamp(one.UpdatedAt),
				one.Cedar); err != nil {
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

func (p *program) deletePolicy(ctx context.Context, a administration, o policyOptions) error {
	if err := a.store.UpdatePolicies(ctx, a.call.Tenant, func(tx auth.PolicyTx) error {
		return auth.DeletePolicy(ctx, tx, time.Now, a.call, o.id)
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
