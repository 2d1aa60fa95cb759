package scim

import (
	"bytes"
	"maps"
	"slices"

	"github.com/scimbridge/scimbridge/membership"
)

// attributeBudget bounds what the body of a group may say of anything but
// members, in bytes. Those are streamed; the rest is held and decoded, so it may
// be no larger than the body of a user.
type attributeBudget struct{ left int64 }

func (b *attributeBudget) spend(n int) error {
	if b.left -= int64(n); b.left < 0 {
		return &membership.Error{Kind: membership.KindTooLarge, Message: "the attributes of the group are too large"}
	}
	return nil
}

// groupParts is an object of attributes of a group: the body of a POST or PUT,
// or the value of a PATCH operation without a path. A key that is there twice
// has its last value, as in any JSON object.
type groupParts struct {
	members map[string]memberList
	rest    map[string]any
}

// groupParts reads the object that comes next.
func (t tokens) groupParts(budget *attributeBudget) (groupParts, error) {
	p := groupParts{members: map[string]memberList{}, rest: map[string]any{}}
	err := t.object(func(key string) error {
		if s, ofMembers, err := memberPath(key); ofMembers && err == nil {
			l, err := t.membersOf(s)
			p.members[key] = l
			return err
		}
		v, err := t.attribute(key, budget)
		p.rest[key] = v
		return err
	})
	return p, err
}

// attribute reads the value of an attribute that is not members.
func (t tokens) attribute(key string, budget *attributeBudget) (v any, err error) {
	start := t.dec.InputOffset()
	if err := t.read(&v); err != nil {
		return nil, err
	}
	return v, budget.spend(len(key) + int(t.dec.InputOffset()-start))
}

// foldBody folds the body of a POST or PUT. Its members are added to whatever
// stands in the delta: a new group has none that a replace could take out.
func (c *groupChange) foldBody(p groupParts) error { return c.fold(opReplace, opAdd, p) }

// foldParts folds the value of an operation without a path.
func (c *groupChange) foldParts(op string, p groupParts) error { return c.fold(op, op, p) }

// fold folds an object of attributes in. The order is that of its sorted keys.
func (c *groupChange) fold(op, ofMembers string, p groupParts) error {
	for _, key := range slices.Sorted(maps.Keys(p.members)) {
		s, _, err := memberPath(key)
		if err != nil {
			return err
		}
		if err := c.foldMembers(ofMembers, s, p.members[key]); err != nil {
			return err
		}
	}
	edits, err := groupType.expand(op, p.rest)
	if err != nil {
		return err
	}
	for i := range edits {
		if edits[i].to.attr == membersAttribute {
			edits[i].op = ofMembers
		}
	}
	return c.add(edits)
}

// add adds edits in their order. One of members, which was found in an object
// under the URN of the schema, is folded as any other operation on them.
func (c *groupChange) add(edits []edit) error {
	c.ignored.addEdits(edits)
	for _, e := range edits {
		if e.to.unknown() {
			continue // and nothing is to be changed for it
		}
		if e.to.attr == nil || e.to.attr != membersAttribute {
			c.edits = append(c.edits, e)
			continue
		}
		text, err := encode(e.value)
		if err != nil {
			return err
		}
		s := selection{all: true, sub: e.to.subName}
		l, err := newTokens(bytes.NewReader(text)).membersOf(s)
		if err != nil {
			return err
		}
		if err := c.foldMembers(e.op, s, l); err != nil {
			return err
		}
	}
	return nil
}

// membersAttribute is never edited as an attribute: members are apart.
var membersAttribute = groupType.attributes[""]["members"]
