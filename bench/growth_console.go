package main

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// pageTime is the goal of every page of the console.
const pageTime = 500 * time.Millisecond

var formToken = regexp.MustCompile(`name="form_token" value="([^"]+)"`)

// logIn begins a session at the console; pages is what asks for its pages.
func (g *grown) logIn() error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	base := "http://" + g.scim.address
	client := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	res, err := client.Get(base + "/console/login")
	if err != nil {
		return err
	}
	page, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	token := formToken.FindSubmatch(page)
	if err != nil || token == nil {
		return errors.Join(err, errors.New("the console shows no form to log in with"))
	}
	form := url.Values{"form_token": {html.UnescapeString(string(token[1]))}, "token": {g.made.APIToken}}
	post, err := http.NewRequest(http.MethodPost, base+"/console/login", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	post.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	post.Header.Set("Origin", base)
	res, err = client.Do(post)
	if err != nil {
		return err
	}
	_ = res.Body.Close()
	at, err := url.Parse(base + "/console/x")
	if err != nil {
		return err
	}
	for _, c := range jar.Cookies(at) {
		if c.Name == "scimbridge-session" {
			g.pages = endpoint{address: g.scim.address, path: "/console", header: "Cookie: " + c.String() + "\r\n"}
			return nil
		}
	}
	return fmt.Errorf("the console gave no session: %s", res.Status)
}

// consolePages are the pages of the console: all but forms, which show less.
func consolePages() (qs []question) {
	page := func(path string, of func(g *grown, turn int) string) {
		qs = append(qs, question{
			name: "console " + path, within: pageTime, percentile: .95, members: true,
			before: func(g *grown, _ *connection, _ int) error {
				if g.pages.address != "" {
					return nil
				}
				return g.logIn()
			},
			request: func(g *grown, turn int) []byte { return g.pages.request("GET", of(g, turn), "") },
		})
	}
	for _, path := range []string{
		"", "/groups", "/groups?q=Group+0001", "/groups?kind=custom&origin=scim", "/people", "/people?q=p0001",
		"/people?active=false", "/connect", "/requests", "/requests?outcome=refused",
		"/requests?operation=PATCH+/Groups/{id}&outcome=changed", "/requests/problems", "/guard", "/audit",
		"/audit?action=grant.opened", "/audit?action=webhook.created", "/audit?from=2026-01-01T00:00",
		"/audit/events/1", "/audit/register", "/audit/register?source=local", "/audit/register?as_of=2026-01-01T00:00",
		"/audit/exceptions", "/audit/exceptions?kind=doubly_granted", "/audit/exceptions?kind=inactive_member",
		"/audit/proof", "/audit/events/1/proof", "/access", "/access/clients", "/access/issuers", "/access/policies",
		"/access/webhooks",
	} {
		page(path, func(*grown, int) string { return path })
	}
	largest := func(g *grown) string { return "/groups/" + g.groups[g.size.large] }
	now := func() string { return url.QueryEscape(time.Now().UTC().Format(time.RFC3339Nano)) }
	page("/groups/{id}", func(g *grown, _ int) string { return largest(g) })
	page("/groups/{id}?as_of", func(g *grown, _ int) string { return largest(g) + "?as_of=" + now() })
	page("/groups/{id}?source=local", func(g *grown, _ int) string { return largest(g) + "?source=local" })
	page("/groups/{id}/compare, all differ", func(g *grown, _ int) string {
		return largest(g) + "/compare?from=2020-01-01"
	})
	page("/groups/{id}/compare, none differs", func(g *grown, _ int) string {
		return largest(g) + "/compare?from=" + now()
	})
	page("/groups/{id}/explain", func(g *grown, _ int) string { return largest(g) + "/explain" })
	page("/groups/{id}/members/{id}", func(g *grown, turn int) string {
		return largest(g) + "/members/" + grownID(turn%g.size.large)
	})
	page("/groups/{id}/add?q", func(g *grown, turn int) string {
		return largest(g) + "/add?q=" + grownName(g.some(turn))
	})
	page("/people?q, one", func(g *grown, turn int) string { return "/people?q=" + grownName(g.some(turn)) })
	page("/people/{id}", func(g *grown, turn int) string { return "/people/" + grownID(g.some(turn)) })
	page("/people/{id}/explain", func(g *grown, turn int) string {
		return "/people/" + grownID(g.some(turn)) + "/explain"
	})
	page("/audit?user", func(g *grown, turn int) string { return "/audit?user=" + grownName(g.some(turn)) })
	page("/audit?group", func(g *grown, _ int) string { return "/audit?group=" + g.groups[g.size.large] })
	page("/audit/register?group", func(g *grown, _ int) string {
		return "/audit/register?group=" + g.groups[g.size.large]
	})
	page("/audit/register?user", func(g *grown, turn int) string {
		return "/audit/register?user=" + grownName(g.some(turn))
	})
	return qs
}
