package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/scimbridge/scimbridge/cmd/scimbridge/replay"
)

// screen is what the demo shows to people.
type screen struct {
	to     io.Writer
	colour bool
	failed bool // only what is not as recorded is shown
}

// failures is the screen for what is played beside the story.
func (s *screen) failures() *screen { return &screen{to: s.to, colour: s.colour, failed: true} }

// newScreen uses colours on a terminal, unless NO_COLOR says otherwise
// (https://no-color.org).
func newScreen(to io.Writer, environ []string) *screen {
	s := &screen{to: to}
	if f, ok := to.(*os.File); ok {
		info, err := f.Stat()
		s.colour = err == nil && info.Mode()&os.ModeCharDevice != 0 &&
			!slices.ContainsFunc(environ, func(v string) bool {
				return strings.HasPrefix(v, "NO_COLOR=") && v != "NO_COLOR=" || v == "TERM=dumb"
			})
	}
	return s
}

// The colours, as SGR parameters.
const (
	bold  = "1"
	dim   = "2"
	red   = "31"
	green = "32"
	cyan  = "36"
)

func (s *screen) paint(colour, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// line writes one line. A screen that is gone is no reason to stop.
func (s *screen) line(parts ...string) {
	_, _ = fmt.Fprintln(s.to, strings.TrimRight(strings.Join(parts, ""), " "))
}

func (s *screen) title(base string) {
	s.line(s.paint(bold, "scimbridge demo"), ": the real server on ", base, ", on a fresh store that goes away with it")
}

// conversation heads what follows.
func (s *screen) conversation(as party, conv replay.Conversation) {
	if s.failed {
		return
	}
	s.line()
	recorded := ""
	if conv.IDP != "" { // else one of the demo's own
		recorded = "  [recorded: " + conv.ID + "]"
	}
	s.line(s.paint(bold, as.name+": "+conv.Name), s.paint(dim, recorded))
}

// exchange is one line for each request and its answer, and one more for each
// thing that was not as recorded.
func (s *screen) exchange(as party, e replay.Exchange) {
	colour := green
	if s.failed && len(e.Fails) == 0 {
		return
	}
	if len(e.Fails) > 0 {
		colour = red
	}
	s.line("  ", s.paint(cyan, pad(as.name, 5)), " → ", pad(e.Method, 6), " ",
		pad(shortPath(as.prefix+e.Path), pathWidth), " ",
		s.paint(colour, pad(fmt.Sprint(e.Status), 3)), " ",
		fmt.Sprintf("%6.1f ms", float64(e.Duration)/float64(time.Millisecond)), "  ", s.paint(dim, cut(e.Note, 64)))
	for _, f := range e.Fails {
		s.line("        ", s.paint(red, "✗ "+f))
	}
}

// result ends the demo: the tables, and what to try next.
func (s *screen) result(r demoResult, leaving bool) {
	for _, g := range r.Groups {
		s.group(g)
	}
	s.line()
	if r.OK {
		s.line(s.paint(green, fmt.Sprintf("✓ all %d exchanges went as recorded", r.Exchanges.Played)),
			", and both groups have members of both sources")
	} else {
		s.line(s.paint(red, fmt.Sprintf("✗ %d of %d exchanges did not go as recorded", r.Exchanges.Failed,
			r.Exchanges.Played)))
	}
	if !leaving {
		s.next(r)
	}
}

// next prints lines to paste into a shell.
func (s *screen) next(r demoResult) {
	s.line()
	s.line(s.paint(bold, "It goes on serving. The console, for people: "), r.ConsoleURL)
	s.line("  This link logs you in, once and within the hour. Afterwards log in with the API token below.")
	s.line("  ", r.LoginURL)
	s.line()
	s.line(s.paint(bold, "Or from another terminal:"))
	s.line()
	s.line("  URL=", r.BaseURL)
	s.line("  TENANT=", r.TenantID)
	s.line("  API=", r.APIToken)
	for _, c := range r.Connections {
		s.line("  ", strings.ToUpper(c.Name), "=", c.Token)
	}
	s.line()
	for _, g := range r.Groups {
		s.line("  # who is in ", fmt.Sprintf("%q", g.DisplayName), ", and who put them there")
		s.line(`  curl -s -H "Authorization: Bearer $API" -H "X-Tenant-ID: $TENANT" $URL/v1/groups/`, g.ID, "/members")
	}
	s.line("  # the same groups as each provider sees them: its own members only")
	for _, c := range r.Connections {
		s.line(`  curl -s -H "Authorization: Bearer $`, strings.ToUpper(c.Name), `" $URL/scim/v2/Groups`)
	}
	s.line("  # what a scraper sees")
	s.line("  curl -s $URL/metrics | grep ^scimbridge_")
	s.line()
	s.line(s.paint(dim, "Ctrl-C stops the server and removes the store."))
}

// group is the table of one group.
func (s *screen) group(g demoGroup) {
	rows := [][]string{{"member", "e-mail", "source", "since (UTC)", "granted by"}}
	for _, m := range g.Members {
		var by []string
		for _, src := range m.Sources {
			by = append(by, src.String())
		}
		rows = append(rows, []string{
			m.Name, m.Email, m.Source, m.JoinedAt.UTC().Format("2006-01-02 15:04:05"), strings.Join(by, ", "),
		})
	}
	s.line()
	s.line(s.paint(bold, fmt.Sprintf("Group %q", g.DisplayName)))
	s.table(rows)
}

// table aligns rows; the first is the head.
func (s *screen) table(rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString("  " + pad(cell, widths[i]))
		}
		text := strings.TrimRight(b.String(), " ")
		if n == 0 {
			text = s.paint(dim, strings.ToUpper(text))
		}
		s.line(text)
	}
}

var longID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{6}([0-9a-f]{6})`)

// pathWidth has room for every path that is not a search.
const pathWidth = 40

// shortPath is a path for people: ids by their last digits, since all of a run
// begin alike, and queries decoded.
func shortPath(path string) string {
	path = longID.ReplaceAllString(path, "…$2")
	if decoded, err := url.QueryUnescape(path); err == nil {
		path = decoded
	}
	return cut(path, pathWidth)
}

func pad(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(text)))
}

func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
