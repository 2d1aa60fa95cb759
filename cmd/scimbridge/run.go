package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/config"
)

// The exit statuses of the program.
const (
	exitDone   = 0
	exitFailed = 1 // the reason is on standard error
	exitUsage  = 2 // unknown command, flag or argument
)

// program is one invocation: what it was given, and where it writes.
type program struct {
	environ        []string
	stdout, stderr io.Writer
}

// run is the program: the arguments without its name, the environment as
// os.Environ returns it. It returns the exit status.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	p := &program{environ: environ, stdout: stdout, stderr: stderr}
	root := p.rootCommand() //nolint:contextcheck // cobra passes ctx on
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)

	err := root.ExecuteContext(ctx)
	p.report(err)
	return exitStatus(err)
}

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "scimbridge",
		Short: "A SCIM 2.0 provisioning bridge that knows who put each member into a group",
		Long: "scimbridge lets identity providers provision users and groups by SCIM 2.0, lets\n" +
			"administrators change the same groups through its own API, and records for every\n" +
			"membership which source granted it.\n\n" +
			"Every global flag can be an environment variable too (--log-level:\n" +
			config.Prefix + "LOG_LEVEL), or a line of the YAML file (log_level: warn).\n\n" +
			"Try it without any set-up: scimbridge demo",
		Version:           thisBuild().String(),
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
		RunE:              helpOfGroup,
		Args:              cobra.ArbitraryArgs, // helpOfGroup refuses them
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(unknownFlag)
	flags := root.PersistentFlags()
	for _, s := range config.Settings() {
		usage := s.Usage
		if s.Default != "" {
			usage += fmt.Sprintf(" (default %s)", s.Default)
		}
		// The flag's own default is empty: config knows the real one.
		flags.Var(&text{kind: s.Value}, s.Flag(), usage)
	}
	flags.Var(&text{kind: "FILE"}, fileFlag, "YAML file with settings")

	root.SetHelpCommand(helpCommand())
	root.AddCommand(
		p.demoCommand(), p.serveCommand(), p.bootstrapCommand(), p.clientCommand(),
		p.tenantCommand(), p.connectionCommand(), p.userCommand(), p.memberCommand(), p.tokenCommand(),
		p.policyCommand(),
		p.issuerCommand(),
		p.auditCommand(), p.requestsCommand(),
		p.backupCommand(), p.restoreCommand(), p.migrateCommand(), p.healthcheckCommand(), p.versionCommand(),
		p.manualCommand(),
	)
	return root
}

// helpCommand is cobra's, but an unknown command is wrong usage here as well.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Show the help of a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			of, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(of, rest[0])
			}
			of.InitDefaultHelpFlag()
			return of.Help()
		},
	}
}

// text is the value of a flag that help shows with the word kind.
type text struct{ value, kind string }

func (t *text) String() string     { return t.value }
func (t *text) Set(v string) error { t.value = v; return nil }
func (t *text) Type() string       { return t.kind }

// failure marks an error of what a command did; an error that cobra finds
// before that is wrong usage.
type failure struct{ error }

func (f failure) Unwrap() error { return f.error }

// usageError is wrong usage that a command itself finds.
type usageError string

func (e usageError) Error() string { return string(e) }

func exitStatus(err error) int {
	var failed failure
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &failed) && !errors.As(err, &usage):
		return exitFailed
	}
	return exitUsage
}

// report writes the reason to standard error: one line, or one for each problem
// of the configuration.
func (p *program) report(err error) {
	if err == nil {
		return
	}
	var problems config.Problems
	if !errors.As(err, &problems) {
		problems = config.Problems{strings.Join(strings.Fields(err.Error()), " ")}
	}
	for _, problem := range problems {
		_, _ = fmt.Fprintf(p.stderr, "scimbridge: %s\n", problem)
	}
}

// noArguments is for commands that take flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError(fmt.Sprintf("%s takes no argument, but there is %q", cmd.Name(), args[0]))
	}
	return nil
}
