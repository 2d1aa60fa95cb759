package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/seal"
)

func (p *program) auditVerifyCommand() *cobra.Command {
	var keys []string
	var files seal.Files
	var store bool
	var o administrationOptions
	cmd := &cobra.Command{
		Use:   "verify FILE... | verify --store",
		Short: "Verify events, reports, checkpoints and proofs without the server",
		Long: "Hold files of one tenant against each other, and against a key that you kept. A FILE\n" +
			"is a folder of tiles; events as JSON Lines, with a checkpoint beside them; a report\n" +
			"(register, exceptions); a checkpoint; or a proof, with its event in a file of the\n" +
			"same name and .jsonl behind. A register given with the events is recomputed from\n" +
			"them. It needs no store; with --store it verifies the logs in the configured one instead.\n" +
			" Without --key it is not known who wrote the files.",
		Args: func(_ *cobra.Command, args []string) error {
			if store == (len(args) > 0) {
				return usageError("verify needs a FILE, or --store")
			}
			files.Names = args
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if store {
				return p.configured(func(ctx context.Context, s settings) error {
					return p.verifyStore(ctx, s, &o, keys, files.Since)
				})(cmd, args)
			}
			return p.unconfigured(func(context.Context) error {
				return p.verifyFiles(files, keys, o.asJSON)
			})(cmd, args)
		},
	}
	cmd.Flags().StringArrayVar(&keys, "key", nil,
		"the `VKEY` that signed, or a file with one a line (may be given again)")
	cmd.Flags().StringVar(&files.Since, "since", "",
		"a `FILE` with a checkpoint that you kept: the log must continue it")
	cmd.Flags().BoolVar(&store, "store", false, "verify the logs in the store")
	cmd.Flags().StringVar(&o.tenant, "tenant", "", "with --store, only the log of the tenant with this `ID`")
	cmd.Flags().BoolVar(&o.asJSON, "json", false,
		"print JSON: of one report its manifest, when the report is as it says")
	return cmd
}

func (p *program) verifyFiles(files seal.Files, keys []string, asJSON bool) (err error) {
	if files.Keys, err = seal.KeysOf(keys); err != nil {
		return err
	}
	files.Progress = func(events int64) {
		_, _ = fmt.Fprintf(p.stderr, "scimbridge: %d events\n", events)
	}
	results, err := files.Verify()
	if err != nil {
		return err
	}
	if asJSON && len(results) == 1 && results[0].Report != nil {
		return p.print(true, results[0].Report.Manifest, nil)
	}
	text, err := json.Marshal(map[string]any{"data": results})
	if err != nil {
		return err
	}
	return p.print(asJSON, text, func(w io.Writer) {
		for _, r := range results {
			_, _ = fmt.Fprintln(w, verified(r))
		}
	})
}

// verified says what holds of a file.
func verified(r seal.FileResult) string {
	text := r.Name + ": "
	switch {
	case r.Report != nil:
		text = fmt.Sprintf("%s is whole: %s, %d rows, sha256 %s", r.Name, r.Report.Report, r.Report.Rows,
			r.Report.SHA256)
	case r.Sealed > 0 || r.Events > 1:
		text += fmt.Sprintf("%d events, the first %d as the checkpoint of %s says", r.Events, r.Sealed, r.Origin)
	case r.Events == 1:
		text += "the event is in the log " + r.Origin
	default:
		text += "a checkpoint of " + r.Origin
	}
	if r.Compared {
		text += "; the events say the same (of joined_at, reasons and ended grants they were not asked)"
	}
	if !r.Signed {
		text += "; without --key it is not known who wrote it"
	}
	return text
}
