package scim

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// groupChange is what a request asks of a group: its members apart, so that a
// change of members alone never reads or writes anything else.
type groupChange struct {
	members membership.MemberDelta
	edits   []edit
	ignored ignoredNames
	find    memberFinder
}

// groupPatch folds the body of a PATCH (RFC 7644 section 3.5.2) as it is read:
// however many operations there are, only what they come to is stored.
type groupPatch struct {
	t      tokens
	budget *attributeBudget
	change groupChange
	// given: there was a list, be it empty. Microsoft's validator sends that and
	// wants no error.
	given bool
	old   oldPatch
	find  memberFinder
}

// readGroupPatch reads the body of a PATCH, its keys in any letter case and
// order. old: it is one of SCIM 1.1.
func readGroupPatch(t tokens, budget *attributeBudget, find memberFinder) (change groupChange, old bool, err error) {
	p := &groupPatch{t: t, budget: budget, find: find}
	if err := t.object(p.field); err != nil {
		return change, false, err
	}
	switch err := t.end(); {
	case err != nil:
		return change, false, err
	case p.given:
		return p.change, false, nil
	case p.old.given:
		return p.old.change, true, p.old.err
	}
	return change, false, errNoOperations
}

func (p *groupPatch) field(name string) error {
	switch {
	case strings.EqualFold(name, "Operations"):
		return p.readOperations()
	case strings.EqualFold(name, "members"):
		return p.old.readMembers(p.t)
	case strings.EqualFold(name, "displayName"):
		return p.old.readName(p.t, p.budget)
	}
	return p.t.skip()
}

func (p *groupPatch) readOperations() error {
	p.change = groupChange{find: p.find} // the last list counts
	tok, err := p.t.next()
	if err != nil {
		return err
	}
	if p.given = tok != nil; !p.given {
		return nil
	}
	if tok != json.Delim('[') {
		return badRequest(typeInvalidSyntax, "Operations must be a list")
	}
	return p.t.elements(func(i int) error {
		tok, err := p.t.next()
		if err != nil {
			return err
		}
		if tok != json.Delim('{') {
			return badRequest(typeInvalidSyntax, "Operations[%d] must be an object", i)
		}
		var o groupOperation
		if err := p.t.fields(func(name string) error { return o.field(p.t, name) }); err != nil {
			return err
		}
		return o.fold(&p.change, p.budget)
	})
}

// groupOperation is an operation of which a value of members is never held.
type groupOperation struct {
	operation
	ofMembers bool // the path is one of members
	selection selection
	members   *memberList // the value, if it stood behind such a path
}

func (o *groupOperation) field(t tokens, name string) (err error) {
	switch {
	case strings.EqualFold(name, "op"):
		o.Op, err = t.text("op")
	case strings.EqualFold(name, "path"):
		if o.members != nil {
			return badRequest(typeInvalidSyntax, "an operation has a second path behind its value")
		}
		if o.Path, err = t.text("path"); err == nil {
			o.selection, o.ofMembers, err = memberPath(o.Path)
		}
	case strings.EqualFold(name, "value") && o.ofMembers:
		var l memberList
		l, err = t.membersOf(o.selection)
		o.members = &l
	case strings.EqualFold(name, "value"): // what it is tells a path that may be yet to come
		err = t.read(&o.Value)
	default:
		err = t.skip()
	}
	return err
}

// fold folds the operation into a change.
func (o *groupOperation) fold(c *groupChange, budget *attributeBudget) error {
	op, err := o.name()
	if err != nil {
		return err
	}
	if o.ofMembers {
		l, err := o.memberList()
		if err != nil {
			return err
		}
		return c.foldMembers(op, o.selection, l)
	}
	if strings.TrimSpace(o.Path) == "" && op != opRemove {
		return o.foldAttributes(c, op, budget)
	}
	const perEdit = 100
	if err := budget.spend(len(o.Path) + len(o.Value) + perEdit); err != nil {
		return err
	}
	edits, err := groupType.editsOf(o.operation)
	if err != nil {
		return err
	}
	return c.add(edits)
}

// memberList returns the value of an operation on members, which stood before
// the path if it has not been read.
func (o *groupOperation) memberList() (memberList, error) {
	switch {
	case o.members != nil:
		return *o.members, nil
	case !o.given():
		return memberList{}, nil
	}
	return newTokens(bytes.NewReader(o.Value)).membersOf(o.selection)
}

// foldAttributes folds an operation without a path.
func (o *groupOperation) foldAttributes(c *groupChange, op string, budget *attributeBudget) error {
	if !o.given() {
		return badRequest(typeInvalidValue, "%s without a path needs a value", op)
	}
	if o.Value[0] != '{' {
		return badRequest(typeInvalidValue, "%s without a path needs an object of attributes", op)
	}
	parts, err := newTokens(bytes.NewReader(o.Value)).groupParts(budget)
	if err != nil {
		return err
	}
	return c.foldParts(op, parts)
}

// change returns the change of the link, or nil when there is none.
func (c *groupChange) change() func(*membership.GroupLink) error {
	if len(c.edits) == 0 {
		return nil
	}
	return func(l *membership.GroupLink) error {
		r, err := groupAttributes(*l)
		if err != nil {
			return err
		}
		if err := applyAll(r, c.edits); err != nil {
			return err
		}
		return setGroup(l, r)
	}
}
