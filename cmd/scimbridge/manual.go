package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// manualCommand is for who packages the program, and in no help.
func (p *program) manualCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "manual DIR",
		Short:  "Write manual pages and shell completions into a folder",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.unconfigured(func(context.Context) error { return writeManual(cmd.Root(), args[0]) })(cmd, nil)
		},
	}
}

// writeManual writes man/*.1.gz and completions/ below a folder. Pages have the month of
// SOURCE_DATE_EPOCH, or of now; with that the same program writes the same bytes.
func writeManual(root *cobra.Command, dir string) error {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true
	man, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	for _, d := range []string{man, completions} {
		if err := os.MkdirAll(d, 0o755); err != nil { //nolint:gosec // everybody may read manuals
			return err
		}
	}
	if err := writeManPages(root, man); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer) error{
		"scimbridge.bash": func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
		"_scimbridge":     root.GenZshCompletion,
		"scimbridge.fish": func(w io.Writer) error { return root.GenFishCompletion(w, true) },
	} {
		var text bytes.Buffer
		if err := write(&text); err != nil {
			return err
		}
		file := filepath.Join(completions, name)
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil { //nolint:gosec // see above
			return err
		}
	}
	return nil
}

// writeManPages writes a page for each command that help shows.
func writeManPages(cmd *cobra.Command, dir string) error {
	for _, c := range cmd.Commands() {
		if !c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand() {
			continue
		}
		if err := writeManPages(c, dir); err != nil {
			return err
		}
	}
	cmd.InitDefaultHelpFlag()
	var page bytes.Buffer
	packed := gzip.NewWriter(&page)
	header := &doc.GenManHeader{Section: "1", Source: "scimbridge " + cmp.Or(version, "(devel)"), Manual: "scimbridge"}
	if err := doc.GenMan(cmd, header, packed); err != nil {
		return err
	}
	if err := packed.Close(); err != nil {
		return err
	}
	name := bytes.ReplaceAll([]byte(cmd.CommandPath()), []byte(" "), []byte("-"))
	return os.WriteFile(filepath.Join(dir, string(name)+".1.gz"), page.Bytes(), 0o644) //nolint:gosec // see above
}
