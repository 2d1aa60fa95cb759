package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scimbridge/scimbridge/api"
	"github.com/scimbridge/scimbridge/membership"
)

// reportOptions are the flags of the commands that write a report.
type reportOptions struct {
	administrationOptions
	format, output string
	source         string
	register       membership.RegisterQuery
	kind           string
}

// reportFlags adds where a report goes and how it is written.
func (o *reportOptions) reportFlags(f *pflag.FlagSet, formats, output string) {
	f.StringVar(&o.format, "format", "", "the `FORMAT` of the report: "+formats)
	f.StringVar(&o.output, "output", "", output)
	o.flags(f, false)
	f.Lookup("json").Usage = "print JSON: of a report that goes into a file, its manifest"
}

func (o *reportOptions) registerFlags(f *pflag.FlagSet) {
	f.Var(timeFlag{&o.register.AsOf.Time}, "as-of", "who was a member at this time (default now)")
	f.StringVar(&o.source, "source", "", "only grants of this `SOURCE`: local or scim")
	concerning(f, &o.register.User, &o.register.Group, &o.register.Connection)
}

// check reads what is not a flag's own business.
func (o *reportOptions) check(formats ...string) error {
	o.register.Source = membership.Source(o.source)
	if o.source != "" && o.source != string(membership.SourceLocal) && o.source != string(membership.SourceSCIM) {
		return usageError("--source must be local or scim")
	}
	if o.format == "" {
		o.format = formats[0]
	}
	for _, f := range formats {
		if o.format == f {
			return nil
		}
	}
	return usageError("--format must be one of " + strings.Join(formats, ", "))
}

func (p *program) auditRegisterCommand() *cobra.Command {
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "register --tenant ID",
		Short: "Show who was a member of what at a time, and why",
		Long: "Show the register: one row for each grant that was open at a time, behind a\n" +
			"manifest. What was deleted since is in it.",
		Args:    noArguments,
		PreRunE: func(*cobra.Command, []string) error { return o.check(api.FormatJSONL, api.FormatCSV) },
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			return p.writeReport(&o, a.sendRegister(ctx, &o))
		}),
	}
	o.registerFlags(cmd.Flags())
	o.reportFlags(cmd.Flags(), "jsonl or csv (default jsonl)",
		"write to `FILE`, whole or not at all, instead of standard output")
	return cmd
}

func (p *program) auditExceptionsCommand() *cobra.Command {
	const asTable = "table"
	var o reportOptions
	cmd := &cobra.Command{
		Use:   "exceptions --tenant ID",
		Short: "Show memberships that somebody should look at",
		Long: "Show memberships that somebody should look at: local members of enterprise groups,\n" +
			"what several sources grant, inactive members, and grants that nobody will end.",
		Args: noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			first := asTable
			if o.output != "" {
				first = api.FormatJSONL
			}
			if err := o.check(first, api.FormatJSONL, api.FormatCSV); err != nil {
				return err
			}
			return nil
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			if o.format != asTable {
				return p.writeReport(&o, a.sendExceptions(ctx, &o))
			}
			es, err := a.directory.Exceptions(ctx, a.call,
				membership.ExceptionQuery{Kind: membership.ExceptionKind(o.kind)})
			if err != nil {
				return err
			}
			return printList(p, o.asJSON, es, api.AppendException,
				table("KIND\tGROUP\tUSER\tSOURCES\tSINCE", func(e membership.Exception) []string {
					return []string{
						string(e.Kind), e.Group.DisplayName, e.User.UserName, api.ExceptionSources(e),
						timeOr(e.Since, ""),
					}
				}))
		}),
	}
	o.kindFlag(cmd.Flags())
	o.reportFlags(cmd.Flags(), "table, jsonl or csv (default table; jsonl into a file)",
		"write to `FILE`, whole or not at all, instead of standard output")
	return cmd
}

func (o *reportOptions) kindFlag(f *pflag.FlagSet) {
	var kinds []string
	for _, k := range membership.ExceptionKinds {
		kinds = append(kinds, string(k))
	}
	f.StringVar(&o.kind, "kind", "", "only exceptions of this `KIND`: "+strings.Join(kinds, ", "))
}

func (p *program) auditExportCommand() *cobra.Command {
	var o reportOptions
	var report string
	cmd := &cobra.Command{
		Use:   "export --tenant ID --output FILE",
		Short: "Write a report with its manifest into a file",
		Long: "Write a report into a file, whole or not at all, and print its manifest. verify\n" +
			"holds the file against the manifest later.",
		Args: noArguments,
		PreRunE: func(*cobra.Command, []string) error {
			if o.output == "" {
				return usageError("export needs --output FILE")
			}
			if report != string(membership.ReportRegister) && report != string(membership.ReportExceptions) {
				return usageError("--report must be register or exceptions")
			}
			if o.format == "" && strings.HasSuffix(strings.ToLower(o.output), ".csv") {
				o.format = api.FormatCSV
			}
			return o.check(api.FormatJSONL, api.FormatCSV)
		},
		RunE: p.administer(&o.administrationOptions, func(ctx context.Context, a administration) error {
			if report == string(membership.ReportExceptions) {
				return p.writeReport(&o, a.sendExceptions(ctx, &o))
			}
			return p.writeReport(&o, a.sendRegister(ctx, &o))
		}),
	}
	cmd.Flags().StringVar(&report, "report", string(membership.ReportRegister), "the `REPORT`: register or exceptions")
	o.registerFlags(cmd.Flags())
	o.kindFlag(cmd.Flags())
	o.reportFlags(cmd.Flags(), "jsonl or csv (default jsonl; csv for a file of that name)", "the `FILE` (required)")
	return cmd
}

func (a administration) sendRegister(ctx context.Context, o *reportOptions) func(membership.Send) error {
	return func(send membership.Send) error {
		return a.directory.ExportRegister(ctx, a.call, o.register, api.RegisterFormat(o.format), send)
	}
}

func (a administration) sendExceptions(ctx context.Context, o *reportOptions) func(membership.Send) error {
	return func(send membership.Send) error {
		return a.directory.ExportExceptions(ctx, a.call, membership.ExceptionKind(o.kind),
			api.ExceptionsFormat(o.format),
			send)
	}
}

// writeReport writes a report to standard output, or into a file and its
// manifest to standard output.
func (p *program) writeReport(o *reportOptions, export func(membership.Send) error) error {
	if o.output == "" {
		return export(func(m membership.Manifest, body iter.Seq2[[]byte, error]) error {
			out := bufio.NewWriter(p.stdout)
			if err := api.WriteReport(out, m, body); err != nil {
				return err
			}
			return out.Flush()
		})
	}
	var made membership.Manifest
	if err := export(func(m membership.Manifest, body iter.Seq2[[]byte, error]) error {
		made = m
		return writeFileAtomic(o.output, func(w io.Writer) error { return api.WriteReport(w, m, body) })
	}); err != nil {
		return err
	}
	return p.print(o.asJSON, api.AppendManifest(nil, made), func(w io.Writer) {
		_, _ = fmt.Fprintf(w, "%s: %d rows, sha256 %s\n", o.output, made.Rows, made.SHA256)
	})
}
