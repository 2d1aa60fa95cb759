package console

import (
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// navigation is an entry of the navigation of every page. Section is the path that views
// name theirs by.
type navigation struct{ Title, Section, Path string }

// section is a part of the console.
type section struct {
	title, path string
	// needs are the operations of which a caller may one, or there is nothing to see;
	// none: there always is.
	needs []membership.Operation
	tabs  []tab
}

// tab is one page of a section that has several.
type tab struct {
	Title, Path string
	needs       membership.Operation
}

// sections are all of them, in the order of the navigation.
var sections = []section{
	{title: "Overview", path: Prefix},
	{title: "Groups", path: groupsPath, needs: []membership.Operation{membership.OpReadGroups}},
	{title: "People", path: peoplePath, needs: []membership.Operation{membership.OpReadUsers}},
	{title: "Connect", path: connectPath, needs: []membership.Operation{membership.OpAdminister}},
	{title: "Requests", path: requestsPath, needs: []membership.Operation{membership.OpReadRequests}},
	{title: "Removal guard", path: guardPath, needs: []membership.Operation{
		membership.OpReadAudit, membership.OpAdminister,
	}},
	{title: "Audit", path: auditPath, tabs: []tab{
		{"Events", auditPath, membership.OpReadAudit},
		{"Register", auditPath + "/register", membership.OpReadAudit},
		{"Exceptions", auditPath + "/exceptions", membership.OpReadAudit},
		{"Proof", auditPath + "/proof", membership.OpReadAudit},
	}},
	{title: "Access", path: accessPath, tabs: []tab{
		{"Tokens", accessPath, membership.OpAdminister},
		{"OAuth clients", clientsPath, membership.OpAdminister},
		{"Issuers", issuersPath, membership.OpAdminister},
		{"Policies", policiesPath, membership.OpAdminister},
		{"Webhooks", webhooksPath, membership.OpAdministerWebhooks},
	}},
}

// navigate fills what leads to other pages: only what the caller may see. Where it cannot
// be known now, it is shown, and its page says why it is not there.
func (d *door) navigate(r *request, f *frame) {
	known := map[membership.Operation]bool{}
	may := func(op membership.Operation) bool {
		allowed, asked := known[op]
		if !asked {
			err := d.Directory.May(r.Context(), r.call, op, membership.ID{}, membership.ID{})
			allowed = membership.KindOf(err) != membership.KindForbidden
			known[op] = allowed
		}
		return allowed
	}
	for _, s := range sections {
		tabs := slices.DeleteFunc(slices.Clone(s.tabs), func(t tab) bool { return !may(t.needs) })
		if s.path == f.Section {
			f.Tabs = tabs
		}
		entry := navigation{s.title, s.path, s.path}
		switch {
		case len(tabs) > 0:
			entry.Path = tabs[0].Path
		case len(s.tabs) > 0, len(s.needs) > 0 && !slices.ContainsFunc(s.needs, may):
			continue
		}
		f.Nav = append(f.Nav, entry)
	}
}

// tabsView is what the part "tabs" shows.
type tabsView struct {
	Tabs []tab
	Here string // the path of the page
}

// TabsAt are the pages of the section, on one of them.
func (f frame) TabsAt(here string) tabsView { return tabsView{f.Tabs, here} }
