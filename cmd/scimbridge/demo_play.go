package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
	"github.com/scimbridge/scimbridge/server"
)

// demoResult is what the demo came to; --json prints it.
type demoResult struct {
	BaseURL     string           `json:"base_url"`
	ConsoleURL  string           `json:"console_url"`
	LoginURL    string           `json:"login_url"` // begins one session of the console
	SCIMBaseURL string           `json:"scim_base_url"`
	TenantID    string           `json:"tenant_id"`
	APIToken    string           `json:"api_token"`
	Connections []demoConnection `json:"connections"`
	Groups      []demoGroup      `json:"groups"`
	Exchanges   demoExchanges    `json:"exchanges"`
	OK          bool             `json:"ok"` // every exchange as recorded, and members of both sources
}

type demoExchanges struct {
	Played int `json:"played"`
	Failed int `json:"failed"`
}

// demo plays conversations, each as one party, and counts how they go.
type demo struct {
	base   string
	tenant demoTenant
	show   *screen
	count  demoExchanges
}

// playDemo tells the story: two providers fill a group each, an administrator
// adds members beside them, one provider sends its whole list again, and the
// administrator's members are still there.
func playDemo(ctx context.Context, s *server.Server, receiver string, show *screen) (demoResult, error) {
	tenant, err := newDemoTenant(ctx, s.Store())
	if err != nil {
		return demoResult{}, err
	}
	d := &demo{base: s.BaseURL(), tenant: tenant, show: show}
	show.title(d.base)

	okta, entra, err := d.recorded(ctx)
	if err != nil {
		return demoResult{}, err
	}
	for _, c := range []struct {
		as   party
		conv replay.Conversation
	}{
		{d.admin(), localAdditions(okta, entra)},
		{d.provider(tenant.entra), fullReplace(entra)},
		{d.admin(), refusedRemoval(entra)},
	} {
		if _, err := d.play(ctx, c.as, c.conv); err != nil {
			return demoResult{}, err
		}
	}

	groups, err := d.groups(ctx)
	if err != nil {
		return demoResult{}, err
	}
	if err := d.furnish(ctx, receiver); err != nil {
		return demoResult{}, err
	}
	login, err := s.LoginURL(tenant.apiToken)
	if err != nil {
		return demoResult{}, err
	}
	return demoResult{
		BaseURL: d.base, ConsoleURL: d.base + server.ConsolePrefix, LoginURL: login,
		SCIMBaseURL: d.base + server.SCIMPrefix,
		TenantID:    tenant.id.String(), APIToken: tenant.apiToken,
		Connections: []demoConnection{tenant.okta, tenant.entra},
		Groups:      groups, Exchanges: d.count, OK: d.count.Failed == 0 && bothSources(groups),
	}, nil
}

// The recorded conversations that the demo plays.
const (
	oktaConversation  = "okta-10-oin-group-push"
	entraConversation = "entra-32-group-add-members"
)

// recorded plays the providers' conversations and returns the variables that
// they ended with: ids of users (a, b, …) and of the group (g).
func (d *demo) recorded(ctx context.Context) (okta, entra map[string]any, err error) {
	all, err := replay.Conversations()
	if err != nil {
		return nil, nil, err
	}
	find := func(id string) replay.Conversation {
		i := slices.IndexFunc(all, func(c replay.Conversation) bool { return c.ID == id })
		return all[i] // both are part of the program
	}
	if okta, err = d.play(ctx, d.provider(d.tenant.okta), beforeDelete(find(oktaConversation))); err != nil {
		return nil, nil, err
	}
	entra, err = d.play(ctx, d.provider(d.tenant.entra), find(entraConversation))
	return okta, entra, err
}

// beforeDelete leaves out the end of a conversation that begins with deleting
// the group: the demo wants to look at it.
func beforeDelete(conv replay.Conversation) replay.Conversation {
	for i, step := range conv.Steps {
		if step.Method == http.MethodDelete && strings.HasPrefix(step.Path, "/Groups/") {
			conv.Steps = conv.Steps[:i]
			conv.Name += " (which the demo leaves out)"
			break
		}
	}
	return conv
}

// party is one side of a conversation. The headers are for conversations that
// bring none.
type party struct {
	name, prefix, token string
	headers             map[string]string
}

func (d *demo) provider(c demoConnection) party {
	return party{
		name: c.Name, prefix: server.SCIMPrefix, token: c.Token,
		headers: map[string]string{"Content-Type": "application/scim+json"},
	}
}

func (d *demo) admin() party {
	return party{
		name: "Admin", prefix: server.NativePrefix, token: d.tenant.apiToken,
		headers: map[string]string{"Content-Type": "application/json", "X-Tenant-ID": d.tenant.id.String()},
	}
}

// play plays one conversation, shows each exchange as it happens, and returns
// the variables at its end.
func (d *demo) play(ctx context.Context, as party, conv replay.Conversation) (map[string]any, error) {
	if conv.Headers == nil {
		conv.Headers = as.headers
	}
	d.show.conversation(as, conv)
	client := &replay.Client{
		Base: d.base + as.prefix, Token: as.token, Keep: true,
		Observe: func(e replay.Exchange) { d.show.exchange(as, e) },
	}
	result, err := client.Play(ctx, conv)
	if err != nil {
		return nil, fmt.Errorf("play %s: %w", conv.ID, err)
	}
	failed, _, skipped := result.Count()
	d.count.Played += len(result.Steps)
	d.count.Failed += failed + skipped
	if result.Verdict == replay.Setup {
		return nil, fmt.Errorf("the server refused what %s begins with", conv.ID)
	}
	return result.Vars, nil
}
