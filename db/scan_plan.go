package db

import (
	"cmp"

	"github.com/scimbridge/scimbridge/membership"
)

// scans reports whether the cost of a query follows the number of links instead of what the
// query selects: no index answers its filter, or its order.
func (c columns) scans(q membership.LinkQuery) bool {
	if c.narrows(q.Filter) {
		return false
	}
	if q.Filter == nil {
		return !c.ordered(q.Sort)
	}
	by, sorted := c.order(q.Sort)
	return !sorted || by.key != "" || !c.isFalse(q.Filter)
}

// narrows reports whether a filter selects by an equality with an index.
func (c columns) narrows(f membership.Filter) bool {
	switch f := f.(type) {
	case membership.And:
		return c.narrows(f.Left) || c.narrows(f.Right)
	case membership.Or:
		return c.narrows(f.Left) && c.narrows(f.Right)
	case membership.Element:
		return c.narrowsElement(f)
	case membership.Compare:
		return f.Attribute.Schema == "" && c.equals(f.Attribute.Path(), f)
	}
	return false
}

// narrowsElement is narrows for attribute[… and value eq "x" and …].
func (c columns) narrowsElement(f membership.Element) bool {
	switch in := f.Filter.(type) {
	case membership.And:
		return c.narrowsElement(membership.Element{Attribute: f.Attribute, Filter: in.Left}) ||
			c.narrowsElement(membership.Element{Attribute: f.Attribute, Filter: in.Right})
	case membership.Compare:
		return f.Attribute.Schema == "" && in.Attribute.Path() == "value" && c.equals(f.Attribute.Name+".value", in)
	}
	return false
}

func (c columns) equals(path string, f membership.Compare) bool {
	_, isText := f.Value.(string)
	_, isColumn := c.texts[path]
	_, isRelated := c.related[path]
	return f.Op == membership.Equal && isText && !f.Attribute.Time && (path == "id" || isColumn || isRelated)
}

// ordered reports whether rows come out of an index in the order of a sort.
func (c columns) ordered(s membership.Sort) bool {
	o, ok := c.order(s)
	return ok && !o.time
}

// isFalse reports whether a filter asks for nothing but what is false, of which
// there is an index in the order of ids.
func (c columns) isFalse(f membership.Filter) bool {
	_, is := f.(membership.Compare)
	return is && c.indexOfFalse(f) != ""
}

// span is a part of an index, in its order: what begins with a text, or what
// changed since a time.
type span struct {
	in     membership.Compare
	column string
	index  string
}

// span returns one that has all that a filter selects; nil if there is none.
func (c columns) span(f membership.Filter) *span {
	switch f := f.(type) {
	case membership.And:
		return cmp.Or(c.span(f.Left), c.span(f.Right))
	case membership.Compare:
		path := f.Attribute.Path()
		t, isText := c.texts[path]
		switch {
		case f.Attribute.Schema != "":
		case isText && f.Op == membership.StartsWith:
			return &span{f, t.column, t.index}
		case c.changed != "" && path == c.changed && f.Op != membership.NotEqual:
			return &span{f, c.times[path], c.changedIndex}
		}
	}
	return nil
}

// scansNative reports the same of a list of users or groups of a tenant, whose
// order is that of their ids.
func scansNative(q membership.NativeQuery) bool {
	narrows := q.Name != "" || q.NamePrefix != "" || q.Email != ""
	filters := q.Origin != "" || q.Kind != "" || q.Active != nil
	return filters && !narrows
}

// scansEvents reports the same of a list of events, whose order is that of their
// numbers: one condition has an index, and of what that selects the others are read.
func scansEvents(f membership.EventFilter) bool {
	conditions := len(filterKeys(f))
	for _, id := range []membership.ID{f.User, f.Group} {
		if !id.IsZero() {
			conditions++
		}
	}
	return conditions > 1
}
