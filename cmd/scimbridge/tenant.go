package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/membership"
)

// tenantShown is what the tenant commands print with --json.
type tenantShown struct {
	ID        membership.ID `json:"id"`
	Name      string        `json:"name"`
	CreatedAt string        `json:"created_at"`
}

func (p *program) tenantCommand() *cobra.Command {
	return group("tenant", "Create, list and show tenants",
		"Create, list and show tenants. Every other command is told by its id which tenant it\n"+
			"is about.",
		p.tenantCreateCommand(), p.tenantListCommand(), p.tenantShowCommand())
}

func (p *program) tenantCreateCommand() *cobra.Command {
	var o administrationOptions
	var name string
	cmd := &cobra.Command{
		Use:   "create --name NAME",
		Short: "Create an empty tenant",
		Long: "Create a tenant with nothing in it. bootstrap creates one with a connection and\n" +
			"tokens.",
		Args: noArguments,
		RunE: p.configured(func(ctx context.Context, s settings) error {
			if strings.TrimSpace(name) == "" {
				return usageError("create needs --name NAME")
			}
			return p.withStore(ctx, s, membership.NewID(), func(a administration) (err error) {
				a.call.Reason = o.reason
				var t membership.Tenant
				err = a.store.Update(ctx, a.call.Tenant, func(tx membership.Tx) error {
					t, err = membership.NewTenant(ctx, tx, time.Now, a.call, name)
					return err
				})
				if err != nil {
					return fmt.Errorf("cannot create the tenant: %w", err)
				}
				return p.printTenant(t, o.asJSON)
			})
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "the tenant's `NAME` (required)")
	cmd.Flags().StringVar(&o.reason, "reason", "", "why, or a ticket: `TEXT` that is kept with the change")
	o.jsonFlag(cmd.Flags())
	return cmd
}

func (p *program) tenantListCommand() *cobra.Command {
	var o administrationOptions
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tenants of the store",
		Args:  noArguments,
		RunE: p.configured(func(ctx context.Context, s settings) error {
			return p.withStore(ctx, s, membership.ID{}, func(a administration) error {
				all, err := pages(func(after membership.ID, limit int) ([]membership.Tenant, error) {
					return a.store.Tenants(ctx, after, limit)
				}, func(t membership.Tenant) membership.ID { return t.ID })
				if err != nil {
					return err
				}
				return printList(p, o.asJSON, all, appendTenant,
					table("ID\tNAME\tCREATED", func(t membership.Tenant) []string {
						return []string{t.ID.String(), t.Name, timeOr(t.CreatedAt, "")}
					}))
			})
		}),
	}
	o.jsonFlag(cmd.Flags())
	return cmd
}

func (p *program) tenantShowCommand() *cobra.Command {
	var o administrationOptions
	cmd := &cobra.Command{
		Use:   "show --tenant ID",
		Short: "Show a tenant",
		Args:  noArguments,
		RunE: p.administer(&o, func(ctx context.Context, a administration) error {
			t, err := a.directory.Tenant(ctx, a.call)
			if err != nil {
				return err
			}
			return p.printTenant(t, o.asJSON)
		}),
	}
	o.flags(cmd.Flags(), false)
	return cmd
}

func appendTenant(b []byte, t membership.Tenant) []byte {
	// It is two texts and an id: nothing can fail.
	object, _ := json.Marshal(tenantShown{ID: t.ID, Name: t.Name, CreatedAt: membership.Timestamp(t.CreatedAt)})
	return append(b, object...)
}

func (p *program) printTenant(t membership.Tenant, asJSON bool) error {
	return p.print(asJSON, appendTenant(nil, t), func(w io.Writer) {
		printFields(w, [][2]string{{"tenant", t.ID.String()}, {"name", t.Name}, {"created", timeOr(t.CreatedAt, "")}})
	})
}
