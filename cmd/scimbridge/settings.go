package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scimbridge/scimbridge/config"
)

const fileFlag = "config"

// settings is what a command runs with.
type settings struct {
	config.Config
	warnings []string // variables that look like settings and are none
}

// configured makes the RunE of a command that uses the configuration.
func (p *program) configured(do func(context.Context, settings) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		from := config.Sources{Flags: givenSettings(cmd), Environ: p.environ}
		from.File = from.Flags[fileFlag]
		c, warnings, err := config.Load(from)
		if err == nil {
			err = do(cmd.Context(), settings{Config: c, warnings: warnings})
		}
		if err != nil {
			return failure{err}
		}
		return nil
	}
}

// unconfigured makes the RunE of a command that reads no configuration. A flag
// that would do nothing is refused: the user expects something of it.
func (p *program) unconfigured(do func(context.Context) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		for name := range givenSettings(cmd) {
			return usageError(fmt.Sprintf("%s takes no settings, but there is --%s", cmd.Name(), name))
		}
		if err := do(cmd.Context()); err != nil {
			return failure{err}
		}
		return nil
	}
}

// givenSettings returns the global flags that stand on the command line.
func givenSettings(cmd *cobra.Command) map[string]string {
	given := map[string]string{}
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
		if f.Changed {
			given[f.Name] = f.Value.String()
		}
	})
	return given
}

// warn writes the warnings for commands that have no log.
func (p *program) warn(s settings) {
	for _, w := range s.warnings {
		_, _ = fmt.Fprintf(p.stderr, "scimbridge: warning: %s\n", w)
	}
}
