package console

import (
	"net/http"

	"github.com/scimbridge/scimbridge/membership"
)

func (d *door) exceptionRoutes() []route {
	return []route{
		d.get("/audit/exceptions", d.exceptions, "kind", "cursor"),
		d.post("/audit/exceptions", d.exportExceptions, "kind", "format"),
	}
}

// exceptionText is a kind of exceptions for people: what it is, and what to do about it.
type exceptionText struct{ Label, What, Do string }

var exceptionTexts = map[membership.ExceptionKind]exceptionText{
	membership.ExceptionLocalInEnterprise: {
		"Local members of groups that are a provider's",
		"The group takes members from the provider only, and these were added here before it did.",
		"Remove the local grant on the page of the member, or let the provider add the person as well and remove it " +
			"then.",
	},
	membership.ExceptionDoublyGranted: {
		"Members both by a provider and locally",
		"Several sources grant the membership: to remove the person at one of them changes nothing.",
		"Keep one. Remove the local grant on the page of the member, or take the person out of the group at the " +
			"provider.",
	},
	membership.ExceptionInactiveMember: {
		"Members who are inactive",
		"The person is inactive, suspended here or at every provider, and still a member.",
		"Remove the membership, unless the person comes back.",
	},
	membership.ExceptionAfterDeprovisioning: {
		"Local members whom their provider has removed",
		"The provider of the grant, or every provider, has given the person up. This grant is left.",
		"Decide whether the person should stay: it is left to you. If not, remove the grant on the page of the member.",
	},
	membership.ExceptionConnectionGone: {
		"Members of connections that are gone",
		"The connection was removed, or does not provision the group any more: no provider will end the grant.",
		"End the grant here, on the page of the member.",
	},
	membership.ExceptionBreakGlass: {
		"Members by break-glass, not signed off",
		"Somebody took the membership by break-glass, and no other person has signed it off. It may have ended since.",
		"Look at it with who took it, then sign it off on the page of the member.",
	},
	membership.ExceptionGrantTooLong: {
		"Local members without the end that the group asks for",
		"The grant has no end, or one that is too late: it is from before the group asked for ends.",
		"Give it an end, or remove it on the page of the member.",
	},
	membership.ExceptionSharedUserName: {
		"People who share a user name",
		"Others have the same user name, in the tenant or in one connection's view.",
		"Rename all but one: at the provider, or here if they are of no provider.",
	},
	membership.ExceptionSharedGroupName: {
		"Groups that share a name",
		"Others have the same name in one connection's view.",
		"Rename all but one at the provider.",
	},
	membership.ExceptionPartedUserName: {
		"People who may be two",
		"A connection was linked to the person since two names were the same then. They are not any more.",
		"Look whether it is one person. If so, give both names one spelling; else end the link.",
	},
}

type exceptionsView struct {
	Kinds      []exceptionCount         // of all kinds; nil: see Exceptions
	Kind       membership.ExceptionKind // of Exceptions; empty: see Kinds
	Exceptions []membership.Exception
	Pages      pager
}

// exceptionCounts counts the exceptions of each kind, up to overviewExceptions.
func (d *door) exceptionCounts(r *request) (all []exceptionCount, err error) {
	for _, kind := range membership.ExceptionKinds {
		es, err := d.Directory.Exceptions(r.Context(), r.call,
			membership.ExceptionQuery{Kind: kind, Limit: overviewExceptions + 1})
		if err != nil {
			return nil, err
		}
		all = append(all, exceptionCount{kind, min(len(es), overviewExceptions), len(es) > overviewExceptions})
	}
	return all, nil
}

func (d *door) exceptions(w http.ResponseWriter, r *request) error {
	kind, err := oneOf(r.query, "kind", membership.ExceptionKinds...)
	if err != nil {
		return err
	}
	v := exceptionsView{}
	if kind == "" {
		if v.Kinds, err = d.exceptionCounts(r); err != nil {
			return err
		}
		return d.show(w, r, view{template: "audit_exceptions", title: "Exceptions", section: auditPath, data: v})
	}
	place, err := parsePlace(r.query["cursor"])
	if err != nil {
		return err
	}
	q := membership.ExceptionQuery{Kind: kind, Limit: pageSize + 1}
	if r.query["cursor"] != "" {
		q.After = membership.ExceptionCursor{Kind: kind, Group: place.Group, User: place.User}
	}
	if v.Exceptions, err = d.Directory.Exceptions(r.Context(), r.call, q); err != nil {
		return err
	}
	next := ""
	if len(v.Exceptions) > pageSize {
		v.Exceptions = v.Exceptions[:pageSize]
		last := v.Exceptions[pageSize-1].Cursor()
		next = placeText(&membership.RegisterPlace{Group: last.Group, User: last.User})
	}
	v.Pages = r.pagesAt(next)
	v.Kind = kind
	return d.show(w, r, view{
		template: "audit_exceptions", title: exceptionTexts[kind].Label, section: auditPath, data: v,
	})
}

// Text is what the kind of the page is.
func (v exceptionsView) Text() exceptionText { return exceptionTexts[v.Kind] }

// Text is what the kind is.
func (c exceptionCount) Text() exceptionText { return exceptionTexts[c.Kind] }

// OfUsers and OfGroups report whether the exceptions are no memberships, but people or
// groups.
func (v exceptionsView) OfUsers() bool {
	return v.Kind.OfNames() && v.Kind != membership.ExceptionSharedGroupName
}

func (v exceptionsView) OfGroups() bool { return v.Kind == membership.ExceptionSharedGroupName }

// exportExceptions sends the exceptions as a file, whole and with its manifest.
func (d *door) exportExceptions(w http.ResponseWriter, r *request) error {
	kind, err := oneOf(query(r.form.values), "kind", membership.ExceptionKinds...)
	if err != nil {
		return err
	}
	return d.Reports.Exceptions(r.Context(), w, r.call, kind, r.form.Value("format"))
}
