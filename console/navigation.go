package console

// navigation is an entry of the navigation of every page.
type navigation struct{ Title, Path string }

// navigations are the sections, in their order. A view names its own by the path.
var navigations = []navigation{
	{"Overview", Prefix},
	{"Groups", Prefix + "/groups"},
	{"People", Prefix + "/people"},
	{"Connect", connectPath},
	{"Requests", requestsPath},
	{"Removal guard", guardPath},
	{"Audit", auditPath},
	{"Access", accessPath},
}

// tab is one page of a section that has several.
type tab struct{ Title, Path string }

// tabs are the pages of sections, by the path of the section.
var tabs = map[string][]tab{
	auditPath: {
		{"Events", auditPath},
		{"Register", auditPath + "/register"},
		{"Exceptions", auditPath + "/exceptions"},
		{"Proof", auditPath + "/proof"},
	},
	accessPath: {
		{"Tokens", accessPath},
		{"OAuth clients", clientsPath},
		{"Issuers", issuersPath},
		{"Policies", policiesPath},
		{"Webhooks", webhooksPath},
	},
}

// tabsView is what the part "tabs" shows.
type tabsView struct {
	Tabs []tab
	Here string // the path of the page
}

func tabsOf(section, here string) tabsView { return tabsView{tabs[section], here} }
