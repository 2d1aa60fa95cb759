package main

import (
	"context"
	"encoding/json"
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
	cmd := createCommand(p, &o.administrationOptions, creation[auth.TenantPolicy]{
		use:     "put --tenant ID --id NAME --file FILE",
		short:   "Add a policy, or replace the one with this id",
		suggest: []string{"create", "add", "set", "update"},
		check: func(time.Time) error {
			if o.id == "" || o.file == "" {
				return usageError("policy put needs --id NAME and --file FILE")
			}
			return nil
		},
		create: func(ctx context.Context, cmd *cobra.Command, a administration) (auth.TenantPolicy, error) {
			return putPolicy(ctx, a, o, cmd.InOrStdin())
		},
		encode: appendPolicy,
		show: func(w io.Writer, put auth.TenantPolicy) {
			_, _ = fmt.Fprintf(w, "the policy %s is in force\n", put.ID)
		},
	})
	cmd.Flags().StringVar(&o.id, "id", "", "the policy's `NAME` (required)")
	cmd.Flags().StringVar(&o.file, "file", "", "`FILE` with the policy; - is standard input (required)")
	return cmd
}

func (p *program) policyListCommand() *cobra.Command {
	return listCommand(p, new(administrationOptions), listing[auth.TenantPolicy]{
		use:   "list --tenant ID",
		short: "Show a tenant's policies",
		read: func(ctx context.Context, a administration) ([]auth.TenantPolicy, error) {
			all, _, err := a.store.Policies(ctx, a.call.Tenant)
			return all, err
		},
		encode: appendPolicy,
		show:   showPolicies,
	})
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

func putPolicy(
	ctx context.Context, a administration, o policyOptions, stdin io.Reader,
) (put auth.TenantPolicy, err error) {
	text, err := readUpTo(o.file, stdin, auth.MaxPolicyText)
	if err != nil {
		return put, err
	}
	checked, err := auth.CheckPolicy(o.id, text)
	if err != nil {
		return put, err
	}
	err = a.store.UpdatePolicies(ctx, a.call.Tenant, func(tx auth.PolicyTx) error {
		put, err = auth.PutPolicy(ctx, tx, time.Now, a.call, checked)
		return err
	})
	return put, err
}

func showPolicies(w io.Writer, all []auth.TenantPolicy) {
	if len(all) == 0 {
		_, _ = fmt.Fprintln(w, "The tenant has no policies of its own.")
	}
	for _, one := range all {
		_, _ = fmt.Fprintf(w, "// %s, of %s\n%s\n\n", one.ID, membership.Timestamp(one.UpdatedAt), one.Cedar)
	}
}

func (p *program) deletePolicy(ctx context.Context, a administration, o policyOptions) error {
	if err := a.store.UpdatePolicies(ctx, a.call.Tenant, func(tx auth.PolicyTx) error {
		return auth.DeletePolicy(ctx, tx, time.Now, a.call, o.id)
	}); err != nil {
		return err
	}
	return p.printEnded(o.asJSON, "deleted", o.id, fmt.Sprintf("the policy %s is deleted\n", o.id))
}

func appendPolicy(b []byte, p auth.TenantPolicy) []byte {
	// It is texts: nothing can fail.
	object, _ := json.Marshal(policyDocument{
		ID: p.ID, Cedar: p.Cedar, CreatedAt: membership.Timestamp(p.CreatedAt),
		UpdatedAt: membership.Timestamp(p.UpdatedAt),
	})
	return append(b, object...)
}
