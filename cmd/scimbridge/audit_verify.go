package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/api"
)

func (p *program) auditVerifyCommand() *cobra.Command {
	var asJSON bool
	var file string
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Hold an exported report against its manifest",
		Long: "Hold an exported report against its manifest: the number of rows and the SHA-256 of\n" +
			"everything behind the first line. It needs no store. That the manifest itself is\n" +
			"the one that was made, the event audit.exported tells: it has the same hash.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError("verify needs one FILE")
			}
			file = args[0]
			return nil
		},
		RunE: p.unconfigured(func(context.Context) error {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			v, err := api.VerifyReport(f)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			return p.print(asJSON, v.Manifest, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "%s is whole: %s, %d rows, sha256 %s\n", file, v.Report, v.Rows, v.SHA256)
			})
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the manifest, when the report is as it says")
	return cmd
}
