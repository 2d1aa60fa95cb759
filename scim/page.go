package scim

import (
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// page is what a request asks of a list: by index (RFC 7644 section 3.4.2.4) or
// by cursor (RFC 9865), in an order (RFC 7644 section 3.4.2.3).
type page struct {
	startIndex int // of the first result, from 1
	count      int // at most so many
	sort       membership.Sort
	seal       *sealer // of the cursors; nil: by index
	at         *cursor // nil: the first page
}

// page resolves the parameters of a list of one type. A cursor is opened with
// the caller's connection, so it is authorised anew on every page.
func (d *door) page(x *exchange, t *resourceType, p parameters) (page, error) {
	out := page{startIndex: p.startIndex, count: p.count}
	var err error
	if to, _ := t.locate(p.sortBy); p.sortBy != "" && to.unknown() {
		x.ignored.add(p.sortBy)
	}
	if out.sort, err = t.sort(p.sortBy, p.sortOrder); err != nil || !p.hasCursor {
		return out, err
	}
	c, err := d.directory.CallingConnection(x.ctx(), x.call)
	if err != nil {
		return out, err
	}
	s, err := newSealer(c.CursorKey, t.name, p.filter, strings.ToLower(p.sortBy), strings.ToLower(p.sortOrder))
	if err != nil {
		return out, err
	}
	out.seal = &s
	if p.cursor != "" {
		out.at, err = openCursor(s, p.cursor)
	}
	return out, err
}

// openCursor opens the cursor of a request.
func openCursor(s sealer, text string) (*cursor, error) {
	at, err := s.open(text)
	switch {
	case err != nil:
		return nil, badRequest(typeInvalidCursor, "this is no cursor of this list: begin anew with an empty cursor")
	case time.Now().Unix() > at.Expires:
		return nil, badRequest(typeExpiredCursor, "the cursor has expired: begin anew with an empty cursor")
	}
	return &at, nil
}

// query returns the page as the domain asks for it. By cursor it asks whether
// there is another.
func (p page) query(f membership.Filter) membership.LinkQuery {
	q := membership.LinkQuery{
		Filter: f, Sort: p.sort, Offset: p.startIndex - 1, Limit: p.count, Resources: queried{},
	}
	if p.seal == nil {
		return q
	}
	q.Offset, q.More = 0, true
	switch {
	case p.at == nil:
	case p.at.Before:
		q.Before = p.at.position()
	default:
		q.After = p.at.position()
	}
	return q
}

// pagePosition is what an answer says of its page: an index, or cursors.
type pagePosition struct {
	startIndex     int // 0: by cursor
	next, previous string
}

// positionOf makes the cursors around what was written of a page. more: there is
// another page in the direction of reading.
func positionOf[L any](
	p page, seen written[L], more bool, cursor func(membership.Sort, L) membership.Cursor,
) (at pagePosition, err error) {
	if p.seal == nil {
		return pagePosition{startIndex: p.startIndex}, nil
	}
	back := p.at != nil && p.at.Before
	switch {
	case seen.n > 0:
	case p.count == 0 || p.at == nil:
		return at, nil
	case back: // what was here is gone: go on from the position itself
		at.next, err = p.cursor(p.beside(-1), false)
		return at, err
	default:
		at.previous, err = p.cursor(p.beside(1), true)
		return at, err
	}
	if more && !back || back {
		if at.next, err = p.cursor(cursor(p.sort, seen.last), false); err != nil {
			return at, err
		}
	}
	if more && back || p.at != nil && !back {
		at.previous, err = p.cursor(cursor(p.sort, seen.first), true)
	}
	return at, err
}

func userCursor(s membership.Sort, l membership.UserLink) membership.Cursor {
	return s.Cursor(queried{}.User(l), l.User)
}

func groupCursor(s membership.Sort, l membership.GroupLink) membership.Cursor {
	return s.Cursor(queried{}.Group(l), l.Group)
}

// beside is the position next to the cursor's, by way steps in the order of the
// list: so a page back from it has what is at the cursor.
func (p page) beside(way int) membership.Cursor {
	m := *p.at.position()
	if p.sort.Descending && p.sort.Attribute.Name == "" {
		way = -way
	}
	for i := len(m.ID) - 1; i >= 0; i-- {
		m.ID[i] += byte(way)
		carried := way > 0 && m.ID[i] == 0 || way < 0 && m.ID[i] == 0xFF
		if !carried {
			break
		}
	}
	return m
}

func (p page) cursor(m membership.Cursor, before bool) (string, error) {
	return p.seal.seal(cursor{
		Key: m.Key, Absent: m.Absent, ID: m.ID, Before: before, Expires: time.Now().Add(cursorTimeout).Unix(),
	})
}

// sort resolves sortBy and sortOrder. What the store would have to gather for
// each resource is nothing to sort by.
func (t *resourceType) sort(by, order string) (membership.Sort, error) {
	if by == "" {
		return membership.Sort{}, nil
	}
	s := membership.Sort{Descending: strings.EqualFold(order, "descending")}
	if !s.Descending && order != "" && !strings.EqualFold(order, "ascending") {
		return s, badRequest(typeInvalidValue, "sortOrder is ascending or descending")
	}
	to, ok := t.locate(by)
	leaf := to.leaf()
	if !ok || leaf == nil { // absent from every resource, so the id decides
		return membership.Sort{}, nil
	}
	if leaf.writeOnly || to.name == "members" || to.name == "groups" {
		return s, badRequest(typeInvalidValue, "nothing can be sorted by %q", clip(by))
	}
	s.Attribute = membership.Attribute{Schema: to.schema, Name: to.name, Sub: to.subName}
	if leaf.kind == kindComplex {
		if leaf = leaf.value(); leaf == nil {
			return s, badRequest(typeInvalidValue, "%q has several parts: name one to sort by", clip(by))
		}
		s.Attribute.Sub = leaf.name
	}
	s.Attribute.CaseExact, s.Attribute.Time = leaf.caseExact, leaf.kind == kindTime
	return s, nil
}
