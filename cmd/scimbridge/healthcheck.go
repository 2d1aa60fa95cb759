package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/scimbridge/scimbridge/server"
)

// healthcheckTimeout is above what the store is given for a probe (2 s), and below what a container platform
// gives a health command.
const healthcheckTimeout = 2500 * time.Millisecond

func (p *program) healthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the server at the configured listen address whether it is ready",
		Long: "Ask the server at the configured listen address whether it is ready: exit status 0\n" +
			"if it is, 1 if not. Made for images that hold nothing but this program.",
		Args: noArguments,
		RunE: p.configured(p.healthcheck),
	}
}

func (p *program) healthcheck(ctx context.Context, s settings) error {
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	if strings.HasSuffix(s.Listen, ":0") {
		return errors.New("the listen address has no fixed port to ask at")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.LocalURL(s.Config, s.Listen)+"/readyz", nil)
	if err != nil {
		return err
	}
	// The server is on this machine: no proxy. Its certificate names another host.
	// It need not be verified: nothing secret is sent, and were it held against
	// the file, a pair that cannot be used would end a server that has kept the
	// old one.
	client := &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 512))
		return fmt.Errorf("not ready: %s %s", res.Status, body)
	}
	return nil
}
