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
}
