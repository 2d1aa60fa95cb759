package main

import (
	"context"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
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
	log, end := newHeldLogger(s.Config, p.stderr)
	defer end()
	for _, w := range s.warnings {
		log.Warn(w)
	}
	server, err := openServer(ctx, s.Config, log)
	if err != nil {
		return err
	}
	if s.PublicURL == "" && reachable(server.address) != server.address {
		log.Warn("no public URL is set: locations will name the loopback address")
	}
	log.Info("listening",
		zap.String("address", server.address), zap.String("public_url", server.publicURL),
		zap.String("store", server.store.Engine()), zap.String("version", thisBuild().Version))
	return server.run(ctx)
}
