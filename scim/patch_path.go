package scim

import (
	"strings"

	filter "github.com/scim2/filter-parser/v2"
)

// path reads the path of a PATCH operation (RFC 7644 figure 7) to an edit that
// has no operation yet.
func (t *resourceType) path(text string) (edit, error) {
	text = strings.TrimSpace(text)
	if len(text) > maxFilter {
		return edit{}, badRequest(typeInvalidPath, "the path is longer than %d bytes", maxFilter)
	}
	if strings.IndexByte(text, '[') < 0 {
		to, ok := t.locate(text)
		if !ok {
			return edit{}, badRequest(typeInvalidPath, "the path %q cannot be read", clip(text))
		}
		return edit{to: to}, nil
	}
	p, err := readPath(text)
	if err != nil {
		return edit{}, badRequest(typeInvalidPath, "the path %q cannot be read: %s", clip(text), err)
	}
	to := t.find(p.AttributePath.URI(), p.AttributePath.AttributeName, p.AttributePath.SubAttributeName())
	if to.subName != "" {
		return edit{}, badRequest(typeInvalidPath, "the path %q cannot be read: a filter stands behind a sub-attribute",
			clip(text))
	}
	if sub := p.SubAttributeName(); to.attr != nil {
		to = t.in(to.schema, to.name, sub)
	} else {
		to.subName = sub
	}
	if to.attr == nil && !to.custom() {
		return edit{to: to}, nil
	}
	where, err := t.elementFilter(to.attr, p.ValueExpression)
	if err != nil {
		return edit{}, badRequest(typeInvalidPath, "the path %q cannot be read: %s", clip(text), err)
	}
	made, ok := equalities(to.attr, p.ValueExpression)
	if !ok {
		made = nil
	}
	return edit{to: to, where: where, made: made}, nil
}

// equalities returns what an element carries that a filter selects by
// equalities alone; ok is false for any other filter. A nil attribute is one that
// no schema has.
func equalities(a *attribute, e filter.Expression) (made map[string]any, ok bool) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		if e.Operator != filter.AND {
			return nil, false
		}
		left, ok := equalities(a, e.Left)
		right, rok := equalities(a, e.Right)
		if !ok || !rok {
			return nil, false
		}
		for name, v := range right {
			left[name] = v
		}
		return left, true
	case *filter.AttributeExpression:
		if a == nil {
			made = map[string]any{e.AttributePath.AttributeName: e.CompareValue}
			return made, e.Operator == filter.EQ && e.AttributePath.SubAttribute == nil && !unassigned(e.CompareValue)
		}
		sub := a.subs[strings.ToLower(e.AttributePath.AttributeName)]
		if e.Operator != filter.EQ || sub == nil || sub.readOnly || e.AttributePath.SubAttribute != nil {
			return nil, false
		}
		v, err := sub.simple(bareNumber(e.CompareValue))
		if err != nil || v == nil {
			return nil, false
		}
		return map[string]any{sub.name: v}, true
	}
	return nil, false
}

// clip cuts what a caller sent to a length that a message can hold.
func clip(s string) string {
	const longest = 80
	if len(s) > longest {
		return strings.ToValidUTF8(s[:longest], "") + "…"
	}
	return s
}
