package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/scimbridge/scimbridge/membership"
)

func (p *program) auditCommand() *cobra.Command {
	return group("audit", "Show and export who had access, when and why",
		"Show what happened in a tenant (events), who was a member of what at a time\n"+
			"(register), and memberships that somebody should look at (exceptions). Exports\n"+
			"begin with a manifest that verify holds them against.",
		p.auditEventsCommand(), p.auditRegisterCommand(), p.auditExceptionsCommand(),
		p.auditExportCommand(), p.auditVerifyCommand(), p.auditKeyCommand(), p.auditCheckpointCommand(),
		p.auditTilesCommand(), p.auditAcceptRestoreCommand())
}

// timeFlag is a flag with a time of RFC 3339; the zero time when it is not given.
type timeFlag struct{ to *time.Time }

func (f timeFlag) String() string { return "" }
func (f timeFlag) Type() string   { return "TIME" }

func (f timeFlag) Set(s string) error {
	t, err := membership.ParseTime("it", s)
	*f.to = t
	return err
}

// idFlag is a flag with an id; the zero id when it is not given.
type idFlag struct{ to *membership.ID }

func (f idFlag) String() string { return "" }
func (f idFlag) Type() string   { return "ID" }

func (f idFlag) Set(s string) error {
	id, err := membership.ParseID(s)
	if err != nil || id.IsZero() {
		return fmt.Errorf("must be a UUID")
	}
	*f.to = id
	return nil
}

// concerning adds the flags that narrow events and the register alike.
func concerning(f *pflag.FlagSet, user, group, connection *membership.ID) {
	f.Var(idFlag{user}, "user", "only what concerns this user")
	f.Var(idFlag{group}, "group", "only what concerns this group")
	f.Var(idFlag{connection}, "connection", "only what this connection did, or granted")
}
