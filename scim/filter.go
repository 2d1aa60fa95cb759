package scim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"

	filter "github.com/scim2/filter-parser/v2"

	"github.com/scimbridge/scimbridge/membership"
)

// readings returns the ways to understand the filter of a query, the exact one
// first. A further one counts only when the ones before it find nothing; it is
// there for clients that encode twice.
func (t *resourceType) readings(text string) ([]membership.Filter, error) {
	text = encodedTwice(text)
	e, err := readFilter(text)
	if err != nil {
		return nil, badRequest(typeInvalidFilter, "the filter cannot be read: %s", err)
	}
	exact, err := t.filter(e)
	if err != nil {
		return nil, badRequest(typeInvalidFilter, "the filter cannot be evaluated: %s", err)
	}
	all := []membership.Filter{exact}
	if relaxed, changed := relax(e); changed {
		if f, err := t.filter(relaxed); err == nil {
			all = append(all, f)
		}
	}
	return all, nil
}

// encodedTwice is the rule of a filter that was percent-encoded twice as a
// whole: what has codes instead of blanks cannot be a filter.
func encodedTwice(text string) string {
	if strings.Contains(text, " ") || !strings.Contains(text, "%20") {
		return text
	}
	if decoded, err := url.PathUnescape(text); err == nil {
		return decoded
	}
	return text
}

// relax returns the filter with the texts that its equalities may have been
// meant to have: Microsoft's validator encodes values twice.
func relax(e filter.Expression) (filter.Expression, bool) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		left, l := relax(e.Left)
		right, r := relax(e.Right)
		return &filter.LogicalExpression{Left: left, Right: right, Operator: e.Operator}, l || r
	case *filter.NotExpression:
		inner, changed := relax(e.Expression)
		return &filter.NotExpression{Expression: inner}, changed
	case *filter.ValuePath:
		inner, changed := relax(e.ValueFilter)
		return &filter.ValuePath{AttributePath: e.AttributePath, ValueFilter: inner}, changed
	case *filter.AttributeExpression:
		s, ok := e.CompareValue.(string)
		if !ok || e.Operator != filter.EQ {
			return e, false
		}
		meant, err := url.PathUnescape(s)
		if err != nil || meant == s || !membership.ValidText(meant) {
			return e, false
		}
		relaxed := *e
		relaxed.CompareValue = meant
		return &relaxed, true
	}
	return e, false
}

// filter resolves a filter against the schemas. Errors say what is wrong.
func (t *resourceType) filter(e filter.Expression) (membership.Filter, error) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		return t.logical(e, t.filter)
	case *filter.NotExpression:
		inner, err := t.filter(e.Expression)
		return membership.Not{Filter: inner}, err
	case *filter.ValuePath:
		return t.element(e)
	case *filter.AttributeExpression:
		return t.comparison(e)
	}
	return nil, fmt.Errorf("it has an unknown part")
}

func (t *resourceType) logical(
	e *filter.LogicalExpression, operand func(filter.Expression) (membership.Filter, error),
) (membership.Filter, error) {
	left, err := operand(e.Left)
	if err != nil {
		return nil, err
	}
	right, err := operand(e.Right)
	if err != nil {
		return nil, err
	}
	if e.Operator == filter.OR {
		return membership.Or{Left: left, Right: right}, nil
	}
	return membership.And{Left: left, Right: right}, nil
}

func (t *resourceType) element(e *filter.ValuePath) (membership.Filter, error) {
	to := t.find(e.AttributePath.URI(), e.AttributePath.AttributeName, e.AttributePath.SubAttributeName())
	if to.attr != nil && (to.attr.kind != kindComplex || to.sub != nil) {
		return nil, fmt.Errorf("%s has no sub-attributes", e.AttributePath)
	}
	inner, err := t.elementFilter(to.attr, e.ValueFilter)
	if err != nil {
		return nil, err
	}
	return membership.Element{
		Attribute: membership.Attribute{Schema: to.schema, Name: to.name, Unlisted: to.attr == nil}, Filter: inner,
	}, nil
}

// elementFilter resolves a filter on the elements of a complex attribute; a nil
// attribute is one that no schema has.
func (t *resourceType) elementFilter(a *attribute, e filter.Expression) (membership.Filter, error) {
	switch e := e.(type) {
	case *filter.LogicalExpression:
		return t.logical(e, func(e filter.Expression) (membership.Filter, error) { return t.elementFilter(a, e) })
	case *filter.NotExpression:
		inner, err := t.elementFilter(a, e.Expression)
		return membership.Not{Filter: inner}, err
	case *filter.AttributeExpression:
		to := membership.Attribute{Name: e.AttributePath.AttributeName}
		if a == nil {
			if e.AttributePath.SubAttribute != nil {
				to.Sub = *e.AttributePath.SubAttribute
			}
			return compare(to, nil, e)
		}
		if a.kind != kindComplex {
			return nil, fmt.Errorf("%s has no sub-attributes", a.path)
		}
		sub := a.subs[strings.ToLower(to.Name)]
		if e.AttributePath.SubAttribute != nil || e.AttributePath.URIPrefix != nil {
			sub = nil
		}
		if sub != nil {
			to.Name = sub.name
		}
		return compare(to, sub, e)
	}
	return nil, fmt.Errorf("it has a value filter inside another")
}

func (t *resourceType) comparison(e *filter.AttributeExpression) (membership.Filter, error) {
	p := e.AttributePath
	name, sub := mailAlias(p.URI(), p.AttributeName, p.SubAttributeName())
	to := t.find(p.URI(), name, sub)
	if urn, known := t.schemaNamed(p.URI() + ":" + name); known && p.URIPrefix != nil && sub == "" {
		to = target{name: urn, whole: true}
	}
	a := membership.Attribute{Schema: to.schema, Name: to.name, Sub: to.subName}
	leaf := to.leaf()
	if leaf != nil && leaf.kind == kindComplex && e.Operator != filter.PR {
		if leaf = leaf.value(); leaf == nil {
			return nil, fmt.Errorf("%s cannot be compared, only its sub-attributes", p)
		}
		a.Sub = "value"
	}
	return compare(a, leaf, e)
}

// compare makes the comparison of a simple attribute, or of one that no schema
// has.
func compare(to membership.Attribute, a *attribute, e *filter.AttributeExpression) (membership.Filter, error) {
	c := membership.Compare{Attribute: to, Op: membership.Operator(e.Operator)}
	c.Attribute.Unlisted = a == nil
	if c.Op == membership.Present {
		return c, nil
	}
	var err error
	if a == nil {
		c.Value, err = loose(e.CompareValue)
		return c, err
	}
	c.Attribute.CaseExact, c.Attribute.Time = a.caseExact, a.kind == kindTime
	c.Value, err = a.literal(c.Op, e.CompareValue)
	return c, err
}

func loose(v any) (any, error) {
	if n, ok := v.(json.Number); ok {
		if _, err := n.Float64(); err != nil {
			return nil, fmt.Errorf("%s is no number that can be compared", clip(n.String()))
		}
	}
	return v, nil
}

// literal holds the value of a comparison to the attribute's type (RFC 7644
// section 3.4.2.2).
func (a *attribute) literal(op membership.Operator, v any) (any, error) {
	if v == nil {
		if op == membership.Equal || op == membership.NotEqual {
			return nil, nil
		}
		return nil, fmt.Errorf("%s null is nothing that can be asked", op)
	}
	switch a.kind {
	case kindBoolean:
		b, ok := stringBoolean(v)
		if !ok || op != membership.Equal && op != membership.NotEqual {
			return nil, fmt.Errorf("%s is a boolean: it can be eq or ne true or false", a.path)
		}
		return b, nil
	case kindNumber:
		if _, ok := v.(json.Number); !ok {
			return nil, fmt.Errorf("%s is a number", a.path)
		}
		return loose(v)
	}
	s, ok := bareNumber(v).(string)
	if !ok {
		return nil, fmt.Errorf("%s is a text", a.path)
	}
	switch {
	case a.kind == kindTime:
		return a.time(op, s)
	case a.kind == kindBinary && ordering(op):
		return nil, fmt.Errorf("%s is binary: it has no order", a.path)
	}
	return s, nil
}

func ordering(op membership.Operator) bool {
	switch op {
	case membership.Greater, membership.GreaterOrEqual, membership.Less, membership.LessOrEqual:
		return true
	}
	return false
}

// time takes an xsd:dateTime (RFC 7643 section 2.3.5), in UTC where it does not
// say a zone. Parts of one can be compared as text.
func (a *attribute) time(op membership.Operator, s string) (any, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999"} {
		if at, err := time.Parse(layout, s); err == nil && at.UTC().Year() <= 9999 { // else it is not read again
			return at.UTC().Format(time.RFC3339Nano), nil
		}
	}
	switch op {
	case membership.Contains, membership.StartsWith, membership.EndsWith:
		return s, nil
	}
	return nil, fmt.Errorf("%s is a time such as 2026-01-31T12:00:00Z", a.path)
}
