package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/config"
	"github.com/scimbridge/scimbridge/server"
)

// demoOptions are the flags of demo.
type demoOptions struct{ exit, asJSON bool }

func (p *program) demoCommand() *cobra.Command {
	var o demoOptions
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: no set-up, nothing left behind",
		Long: "Start the real server on a free port with a fresh embedded store in a temporary\n" +
			"folder, play recorded conversations of Okta and Entra through real HTTP, add local\n" +
			"members through the native API, show who is in which group and by whose grant, and\n" +
			"go on serving until Ctrl-C.",
		Args: noArguments,
		RunE: p.unconfigured(func(ctx context.Context) error { return p.demo(ctx, o) }),
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.exit, "exit", false, "stop at the end; exit status 0 only if all went as recorded")
	flags.BoolVar(&o.asJSON, "json", false, "print one JSON object with the result instead")
	return cmd
}

func (p *program) demo(ctx context.Context, o demoOptions) (err error) {
	dir, err := os.MkdirTemp("", "scimbridge-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	c := config.Default()
	c.Listen = "127.0.0.1:0"
	c.DatabaseURL = config.DatabaseURL("sqlite:" + filepath.Join(dir, "demo.db"))
	c.RateLimit = 0 // no request of a demo has to wait
	c.RemovalGuard, c.AllowedNetworks = demoGuard, loopback
	receiver, stopReceiving, err := receive(ctx)
	if err != nil {
		return err
	}
	defer stopReceiving()
	bridge, err := server.Open(ctx, c, thisBuild().Version, zap.NewNop())
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- bridge.Run(serving) }()
	defer func() {
		stop()
		err = errors.Join(err, <-ended)
	}()

	show := newScreen(p.stdout, p.environ)
	if o.asJSON {
		show = newScreen(io.Discard, nil)
	}
	result, err := playDemo(ctx, bridge, receiver, show)
	if err != nil {
		return err
	}
	if o.asJSON {
		if err := p.printJSON(result); err != nil {
			return err
		}
	} else {
		show.result(result, o.exit)
	}
	if !o.exit {
		<-ctx.Done()
	}
	if !result.OK {
		return fmt.Errorf("the demo did not go as recorded: %d of %d exchanges failed",
			result.Exchanges.Failed, result.Exchanges.Played)
	}
	return nil
}
