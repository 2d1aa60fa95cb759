package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/scimbridge/scimbridge/server"
)

func (p *program) serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Run the server until it is told to stop (SIGINT or SIGTERM); then it finishes what\n" +
			"it began. It brings the store's schema up to date first. The log goes to standard\n" +
			"error.",
		Args: noArguments,
		RunE: p.configured(p.serve),
	}
}

func (p *program) serve(ctx context.Context, s settings) error {
	log, end := server.NewBufferedLogger(s.Config, p.stderr)
	defer end()
	for _, w := range s.warnings {
		log.Warn(w)
	}
	bridge, err := server.Open(ctx, s.Config, thisBuild().Version, log)
	if err != nil {
		if ctx.Err() != nil { // told to stop while it waited: there is nothing to finish
			return nil
		}
		return err
	}
	if s.PublicURL == "" && server.Reachable(bridge.Address()) != bridge.Address() {
		log.Warn("no public URL is set: locations will name the loopback address")
	}
	log.Info("listening",
		zap.String("address", bridge.Address()), zap.String("public_url", bridge.PublicURL()),
		zap.String("store", server.StoreName(s.Config)), zap.String("version", thisBuild().Version))
	return bridge.Run(ctx)
}
