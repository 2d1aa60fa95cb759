package db

import "github.com/scimbridge/scimbridge/membership"

// scans reports whether the cost of a query follows the number of links instead of what the
// query selects: no index answers its filter, or its order.
func (c columns) scans(q membership.LinkQuery) bool {
	if c.narrows(q.Filter) {
		return false
	}
	return !c.ordered(q.Sort) || !c.inOrder(q.Filter)
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

// inOrder reports whether a filter that narrows nothing can be left to an index:
// there is none, or it asks for what changed since a time.
func (c columns) inOrder(f membership.Filter) bool {
	compare, isCompare := f.(membership.Compare)
	if !isCompare {
		return f == nil
	}
	_, exact := (&pushdown{columns: c}).write(f)
	return exact && c.timeIndex != "" && compare.Attribute.Schema == "" && compare.Attribute.Path() == c.timeIndex &&
		(compare.Op == membership.Greater || compare.Op == membership.GreaterOrEqual || compare.Op == membership.Equal)
}

// scansNative reports the same of a list of users or groups of a tenant, whose
// order is that of their ids.
func scansNative(q membership.NativeQuery) bool {
	narrows := q.Name != "" || q.Email != ""
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
