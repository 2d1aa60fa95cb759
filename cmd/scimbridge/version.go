package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"
)

// version is what the build names with -ldflags "-X main.version=…"; empty: the
// Go tool's word is taken.
var version string

// buildInfo says what was built, from what, by which Go.
type buildInfo struct {
	Version  string `json:"version"`            // (devel): a working copy
	Revision string `json:"revision,omitempty"` // of the version control
	Time     string `json:"time,omitempty"`     // of that revision
	Modified bool   `json:"modified"`           // the working copy had changes
	Go       string `json:"go_version"`
	Platform string `json:"platform"`
}

func thisBuild() buildInfo {
	v := buildInfo{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = cmp.Or(version, info.Main.Version, "(devel)")
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v buildInfo) String() string {
	parts := []string{"scimbridge", v.Version}
	if v.Revision != "" {
		parts = append(parts, "revision", v.Revision, v.Time)
	}
	if v.Modified {
		parts = append(parts, "(modified)")
	}
	return strings.Join(append(parts, v.Go, v.Platform), " ")
}

func (p *program) versionCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of the program and of the Go that built it",
		Args:  noArguments,
		RunE: p.unconfigured(func(context.Context) error {
			if asJSON {
				return p.printJSON(thisBuild())
			}
			_, err := fmt.Fprintln(p.stdout, thisBuild())
			return err
		}),
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// printJSON writes the one object that --json promises.
func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
