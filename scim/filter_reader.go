package scim

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	filter "github.com/scim2/filter-parser/v2"
)

// Filters and paths are read here and not by filter-parser, whose syntax tree
// they become: it dies of a stack overflow on many "(", refuses a value path
// with three terms or parentheses, and a value path with a sub-attribute
// behind it (Entra's emails[type eq "work"].value eq "x"), takes no bare
// values, and leaves escapes in texts. A test holds the two together wherever
// it does not.

// The limits of a filter or path: no provider comes near them.
const (
	maxFilter      = 4096 // bytes
	maxFilterDepth = 32   // parentheses and brackets
	maxFilterTerms = 128  // comparisons
)

// reader reads the grammar of RFC 7644 figures 1 and 7 by recursive descent.
type reader struct {
	text    string
	at      int
	depth   int
	terms   int
	inValue bool // between [ and ]
}

// readFilter reads a filter. Its errors say what is wrong with it.
func readFilter(text string) (filter.Expression, error) {
	r, err := newReader(text)
	if err != nil {
		return nil, err
	}
	e, err := r.or()
	if err != nil {
		return nil, err
	}
	return e, r.end()
}

// readPath reads a path that has a value filter.
func readPath(text string) (filter.Path, error) {
	r, err := newReader(text)
	if err != nil {
		return filter.Path{}, err
	}
	r.blanks()
	attr, err := r.attributePath()
	if err != nil {
		return filter.Path{}, err
	}
	p := filter.Path{AttributePath: attr}
	if !r.take('[') {
		return p, r.unexpected("[")
	}
	if p.ValueExpression, err = r.valueFilter(); err != nil {
		return p, err
	}
	if p.SubAttribute, err = r.subAttribute(); err != nil {
		return p, err
	}
	return p, r.end()
}

func newReader(text string) (*reader, error) {
	switch {
	case len(text) > maxFilter:
		return nil, fmt.Errorf("it is longer than %d bytes", maxFilter)
	case !utf8.ValidString(text):
		return nil, fmt.Errorf("it is not UTF-8")
	}
	return &reader{text: text}, nil
}

func (r *reader) or() (filter.Expression, error) { return r.chain("or", filter.OR, r.and) }

func (r *reader) and() (filter.Expression, error) { return r.chain("and", filter.AND, r.term) }

// chain reads operands joined by one operator, as a tree that leans left.
func (r *reader) chain(
	word string, op filter.LogicalOperator, operand func() (filter.Expression, error),
) (filter.Expression, error) {
	left, err := operand()
	for err == nil && r.word(word) {
		var right filter.Expression
		if right, err = operand(); err == nil {
			left = &filter.LogicalExpression{Left: left, Right: right, Operator: op}
		}
	}
	return left, err
}

func (r *reader) term() (filter.Expression, error) {
	if r.terms++; r.terms > maxFilterTerms {
		return nil, fmt.Errorf("it has more than %d terms", maxFilterTerms)
	}
	r.blanks()
	if r.take('(') {
		return r.group()
	}
	if start := r.at; r.letters("not") {
		r.blanks()
		if r.take('(') {
			e, err := r.group()
			return &filter.NotExpression{Expression: e}, err
		}
		r.at = start
	}
	attr, err := r.attributePath()
	if err != nil {
		return nil, err
	}
	if !r.take('[') {
		return r.comparison(attr)
	}
	if r.inValue {
		return nil, fmt.Errorf("a value filter stands inside another")
	}
	return r.valuePath(attr)
}

// group reads the rest of a parenthesis.
func (r *reader) group() (filter.Expression, error) {
	if r.depth++; r.depth > maxFilterDepth {
		return nil, fmt.Errorf("it is nested deeper than %d", maxFilterDepth)
	}
	e, err := r.or()
	if err != nil {
		return nil, err
	}
	r.depth--
	r.blanks()
	if !r.take(')') {
		return nil, r.unexpected(")")
	}
	return e, nil
}

// valuePath reads the rest of attr[…]. A sub-attribute behind it is one more
// condition on the same element.
func (r *reader) valuePath(attr filter.AttributePath) (filter.Expression, error) {
	e, err := r.valueFilter()
	if err != nil {
		return nil, err
	}
	sub, err := r.subAttribute()
	if err != nil {
		return nil, err
	}
	present := &filter.ValuePath{AttributePath: attr, ValueFilter: e}
	if sub == nil {
		switch r.nextOperator() {
		case "":
			return present, nil
		case filter.PR:
			_, err := r.comparison(attr)
			return present, err
		}
		sub = new("value") // emails[type eq "work"] eq "x", as Microsoft printed it
	}
	condition, err := r.comparison(filter.AttributePath{AttributeName: *sub})
	if err != nil {
		return nil, err
	}
	return &filter.ValuePath{
		AttributePath: attr, ValueFilter: &filter.LogicalExpression{Left: e, Right: condition, Operator: filter.AND},
	}, nil
}

// nextOperator returns the comparison operator that comes next, or "".
func (r *reader) nextOperator() filter.CompareOperator {
	start := r.at
	defer func() { r.at = start }()
	r.blanks()
	if op, ok := operator(r.run(nameByte)); ok {
		return op
	}
	return ""
}

// valueFilter reads what stands between [ and ], and the ].
func (r *reader) valueFilter() (filter.Expression, error) {
	r.inValue = true
	e, err := r.or()
	if err != nil {
		return nil, err
	}
	r.inValue = false
	r.blanks()
	if !r.take(']') {
		return nil, r.unexpected("]")
	}
	return e, nil
}

func (r *reader) subAttribute() (*string, error) {
	if !r.take('.') {
		return nil, nil
	}
	sub := r.run(nameByte)
	if !isName(sub) {
		return nil, r.unexpected("a sub-attribute")
	}
	return &sub, nil
}

func (r *reader) attributePath() (filter.AttributePath, error) {
	text := r.run(func(c byte) bool { return nameByte(c) || c == ':' || c == '.' || c == '/' })
	prefix, name, sub, ok := splitName(text)
	p := filter.AttributePath{AttributeName: name}
	if !ok {
		return p, r.unexpected("an attribute")
	}
	if prefix != "" {
		p.URIPrefix = &prefix
	}
	if sub != "" {
		p.SubAttribute = &sub
	}
	return p, nil
}

func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '$'
}

var operators = []filter.CompareOperator{
	filter.EQ, filter.NE, filter.CO, filter.SW, filter.EW, filter.GT, filter.GE, filter.LT, filter.LE, filter.PR,
}

// operator reads a word that may be one, in any letter case.
func operator(word string) (filter.CompareOperator, bool) {
	op := filter.CompareOperator(strings.ToLower(word))
	return op, slices.Contains(operators, op)
}

// comparison reads the operator and the value behind an attribute.
func (r *reader) comparison(attr filter.AttributePath) (filter.Expression, error) {
	if !r.blanks() {
		return nil, r.unexpected("an operator")
	}
	word := r.run(nameByte)
	op, ok := operator(word)
	switch {
	case !ok:
		return nil, fmt.Errorf("%q is no operator", clip(word))
	case op == filter.PR:
		return &filter.AttributeExpression{AttributePath: attr, Operator: op}, nil
	case !r.blanks():
		return nil, r.unexpected("a value")
	}
	v, err := r.value()
	return &filter.AttributeExpression{AttributePath: attr, Operator: op, CompareValue: v}, err
}

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)

// noQuotes are what people and word processors take for quotation marks. A bare
// word does not begin with one: its end would be anybody's guess.
const noQuotes = "'`\u00b4\u2018\u2019\u201a\u201c\u201d\u201e\u00ab\u00bb"

// value reads a JSON string, number, true, false or null, or a bare word, which
// is a string without its quotes.
func (r *reader) value() (any, error) {
	if r.at < len(r.text) && r.text[r.at] == '"' {
		return r.quoted()
	}
	if c, _ := utf8.DecodeRuneInString(r.text[r.at:]); strings.ContainsRune(noQuotes, c) {
		return nil, fmt.Errorf("a text stands between double quotation marks and not behind %c", c)
	}
	word := r.run(func(c byte) bool { return c != ' ' && c != ')' && c != ']' && c != '"' && c != '(' && c != '[' })
	switch {
	case word == "":
		return nil, r.unexpected("a value")
	case word == "true", word == "false":
		return word == "true", nil
	case word == "null":
		return nil, nil
	case jsonNumber.MatchString(word):
		return json.Number(word), nil
	case strings.IndexByte(word, 0) >= 0:
		return nil, fmt.Errorf("it has a NUL byte")
	}
	return word, nil
}

func (r *reader) quoted() (any, error) {
	start := r.at
	for r.at++; r.at < len(r.text); r.at++ {
		switch r.text[r.at] {
		case '\\':
			r.at++
		case '"':
			r.at++
			var s string
			if err := json.Unmarshal([]byte(r.text[start:r.at]), &s); err != nil {
				return nil, fmt.Errorf("the text %s is not written as in JSON", clip(r.text[start:r.at]))
			}
			if strings.IndexByte(s, 0) >= 0 {
				return nil, fmt.Errorf("it has a NUL byte")
			}
			return s, nil
		}
	}
	return nil, fmt.Errorf("a text is not closed")
}

// word takes a logical operator that stands between blanks (or a parenthesis).
func (r *reader) word(w string) bool {
	start := r.at
	r.blanks()
	if r.letters(w) && r.at < len(r.text) && (r.text[r.at] == ' ' || r.text[r.at] == '(') {
		return true
	}
	r.at = start
	return false
}

func (r *reader) letters(w string) bool {
	end := r.at + len(w)
	if end > len(r.text) || !strings.EqualFold(r.text[r.at:end], w) {
		return false
	}
	r.at = end
	return true
}

func (r *reader) take(c byte) bool {
	if r.at < len(r.text) && r.text[r.at] == c {
		r.at++
		return true
	}
	return false
}

func (r *reader) run(in func(byte) bool) string {
	start := r.at
	for r.at < len(r.text) && in(r.text[r.at]) {
		r.at++
	}
	return r.text[start:r.at]
}

// blanks skips blanks and reports whether there was one.
func (r *reader) blanks() bool {
	start := r.at
	for r.take(' ') {
	}
	return r.at > start
}

func (r *reader) end() error {
	r.blanks()
	if r.at < len(r.text) {
		return r.unexpected("the end")
	}
	return nil
}

func (r *reader) unexpected(want string) error {
	if r.at >= len(r.text) {
		return fmt.Errorf("it ends where %s should be", want)
	}
	return fmt.Errorf("%s should be at %q", want, clip(r.text[r.at:]))
}
