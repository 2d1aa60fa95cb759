package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/membership"
	"github.com/scimbridge/scimbridge/seal"
	"github.com/scimbridge/scimbridge/server"
)

// evidence makes the RunE of a command about the log of a tenant.
func (p *program) evidence(
	o *administrationOptions, do func(context.Context, administration, *server.Sealer) error,
) func(*cobra.Command, []string) error {
	return p.administerWith(o, func(ctx context.Context, s settings, a administration) error {
		sealer, err := server.ExistingSealer(s.Config, a.store)
		if err != nil {
			return err
		}
		return do(ctx, a, sealer)
	})
}

func (p *program) auditKeyCommand() *cobra.Command {
	var o administrationOptions
	var rotate, retire bool
	cmd := &cobra.Command{
		Use:   "key [--tenant ID]",
		Short: "Show the verifier keys of a tenant's log, or replace the key",
		Long: "Show the keys that verify the checkpoints of a tenant's log, one a line, the one in\n" +
			"use first: keep them outside. --rotate puts a new key in front of the one in the key\n" +
			"file; both sign from the next start of the server on, until --retire.",
		Args: noArguments,
		RunE: p.configured(func(ctx context.Context, s settings) error {
			if !rotate && !retire {
				return p.administered(ctx, s, &o, func(a administration) error {
					sealer, err := server.ExistingSealer(s.Config, a.store)
					if err != nil {
						return err
					}
					text, err := sealer.VerifierKeys(ctx, a.call.Tenant)
					if err != nil {
						return err
					}
					_, err = io.WriteString(p.stdout, text)
					return err
				})
			}
			path := server.KeyFile(s.Config)
			if path == "" {
				return errors.New("no key file is set (seal_key_file)")
			}
			change := seal.RotateKeys
			if retire {
				change = seal.RetireKeys
			}
			keys, err := change(path)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s has %d keys; start the server again\n", path, len(keys))
			return err
		}),
	}
	o.flags(cmd.Flags(), false)
	cmd.Flags().BoolVar(&rotate, "rotate", false, "make a new key; the present one signs beside it")
	cmd.Flags().BoolVar(&retire, "retire", false, "leave only the newest key")
	cmd.MarkFlagsMutuallyExclusive("rotate", "retire")
	return cmd
}

func (p *program) auditCheckpointCommand() *cobra.Command {
	var o administrationOptions
	var size int64
	var timeStamp bool
	cmd := &cobra.Command{
		Use:   "checkpoint --tenant ID",
		Short: "Show the newest signed checkpoint of a tenant's log",
		Long: "Show the newest signed checkpoint of a tenant's log (c2sp.org/tlog-checkpoint). Who\n" +
			"keeps it outside proves with audit verify that nothing before it was changed.\n" +
			"With --timestamp it is the answer of a time stamp authority (RFC 3161) for it.",
		Args: noArguments,
		RunE: p.evidence(&o, func(ctx context.Context, a administration, sealer *server.Sealer) error {
			if timeStamp {
				of, token, err := sealer.TimeStamp(ctx, a.call.Tenant, size)
				if err != nil {
					return err
				}
				_, _ = fmt.Fprintf(p.stderr, "scimbridge: of the checkpoint of size %d\n", of)
				_, err = p.stdout.Write(token)
				return err
			}
			text, err := sealer.Checkpoint(ctx, a.call.Tenant, size)
			if err != nil {
				return err
			}
			_, err = io.WriteString(p.stdout, text)
			return err
		}),
	}
	o.flags(cmd.Flags(), false)
	cmd.Flags().Int64Var(&size, "size", 0, "the checkpoint of this `SIZE`, in events, instead of the newest")
	cmd.Flags().BoolVar(&timeStamp, "timestamp", false, "the time stamp of the newest checkpoint that has one, as DER")
	return cmd
}

func (p *program) auditTilesCommand() *cobra.Command {
	var o administrationOptions
	var dir string
	cmd := &cobra.Command{
		Use:   "tiles --tenant ID DIR",
		Short: "Write a tenant's log into a folder that programs of others verify",
		Long: "Write the whole log of a tenant into a folder (c2sp.org/tlog-tiles): its events, the\n" +
			"hashes of its tree and the newest signed checkpoint. A folder that has an older\n" +
			"checkpoint of the log is continued.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("tiles needs one DIR")
			}
			dir = args[0]
			return nil
		},
		RunE: p.evidence(&o, func(ctx context.Context, a administration, sealer *server.Sealer) error {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			size, err := sealer.WriteTiles(ctx, a.call.Tenant, dir)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%s: %d events\n", dir, size)
			return err
		}),
	}
	o.flags(cmd.Flags(), false)
	return cmd
}

func (p *program) auditAcceptRestoreCommand() *cobra.Command {
	var o administrationOptions
	cmd := &cobra.Command{
		Use:   "accept-restore --tenant ID --reason TEXT",
		Short: "Let a log go on that was set back, under a new name",
		Long: "Let the log of a tenant be sealed again that is behind, or other than, what was signed\n" +
			"before: after a backup was restored, or the key was lost. It goes on under a new\n" +
			"origin, and its next event names the old one and the reason.",
		Args: noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			if o.reason == "" {
				return usageError("accept-restore needs --reason TEXT")
			}
			return nil
		},
		RunE: p.evidence(&o, func(ctx context.Context, a administration, sealer *server.Sealer) error {
			origin, err := sealer.AcceptRestore(ctx, a.call)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "the log goes on as %s\n", origin)
			return err
		}),
	}
	o.flags(cmd.Flags(), true)
	return cmd
}

// verifyStore verifies the logs of one tenant, or of all.
func (p *program) verifyStore(
	ctx context.Context, s settings, o *administrationOptions, keys []string, since string,
) error {
	verifiers, err := seal.KeysOf(keys)
	if err != nil {
		return err
	}
	var given []seal.Checkpoint
	if since != "" {
		c, err := seal.ReadCheckpoint(since, verifiers)
		if err != nil {
			return fmt.Errorf("%s: %w", since, err)
		}
		if o.tenant == "" {
			o.tenant = c.Tenant()
		}
		given = append(given, c)
	}
	lines := seal.KeyLines(keys)
	verify := func(a administration) error {
		sealer, err := server.ExistingSealer(s.Config, a.store)
		if err != nil && len(keys) == 0 {
			return err
		}
		done, err := sealer.Verify(ctx, a.call.Tenant, lines, given, func(events int64) {
			_, _ = fmt.Fprintf(p.stderr, "scimbridge: %d events\n", events)
		})
		if err != nil {
			return fmt.Errorf("tenant %s: %w", a.call.Tenant, err)
		}
		_, err = fmt.Fprintf(p.stdout, "tenant %s: %s\n", a.call.Tenant, heldLog(done))
		return err
	}
	if o.tenant != "" {
		return p.administered(ctx, s, o, verify)
	}
	return p.withStore(ctx, s, membership.ID{}, func(a administration) error {
		var wrong error
		for after := (membership.ID{}); ; {
			const page = 100
			tenants, err := a.store.Tenants(ctx, after, page)
			if err != nil {
				return err
			}
			for _, t := range tenants {
				a.call.Tenant, after = t.ID, t.ID
				wrong = errors.Join(wrong, verify(a))
			}
			if ctx.Err() != nil || len(tenants) < page {
				return wrong
			}
		}
	})
}

// heldLog says what held of a log.
func heldLog(v server.VerifiedStore) string {
	text := fmt.Sprintf("%d events, of which %d are as the checkpoints say", v.Events, v.Sealed)
	if v.Unlogged > 0 {
		text += fmt.Sprintf("; of %d openings and closings of grants the log says nothing, as they were before it",
			v.Unlogged)
	}
	return text
}
