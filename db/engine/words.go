package engine

import "strings"

// Words are what an engine writes for the words in braces of a query, each of its
// argument, which follows the word after a space:
//
//	{ids $n}           a derived table with one column, id, from a list of ids
//	{in $n}            a condition: is one of a list of ids; {in keys $n}: of texts;
//	                   {in numbers $n}: of numbers
//	{lookup t a on c}  joins the rows of the table t, with the alias a, that a condition
//	                   on what comes before selects by a key; {maybe t a on c}: or
//	                   none; {lookup t a by i on c}: by that index, on SQLite
//	{id $n}            an id, where nothing else says that it is one
//	{no id}            the zero id
//	{text x}           the text of an id
//	{id of x}          the id of a text, NULL if it is none
//	{fact x a.b}       a field of a JSON text, as text that sorts by its bytes
//	{each x}           a derived table with one column, value, of a JSON array
//	{quoted x}         a text as a JSON string
//	{nth $n i}         one id of a list of ids, the first with i = 0
//	{position $n}      the position of an event that is written now, in the tenant $n
//	{least position $n} below which no event is yet, and zero at most
//	{all events}       the table of events, where they are looked for by a position
//	{of user x $n}     a condition: the event x is of a user; {of group x $n}: of a group
//	{keys hold x}      whether an event has the keys by which these find it
//	{no table $n}      the number of a group or connection that is written now, in the
//	                   tenant $n
//	{stripe}           the row of a total that this transaction raises (link_totals.go)
//	{row id x}         the id of a row of the table x, as text; PostgreSQL only
//	{for update}       a row lock, and the weaker {for no key update} and {for key
//	                   share}; nothing on SQLite, which has one writer at a time
//	{::json}           the cast that makes a text JSON; SQLite needs none
//	{contains x $n}    a condition: the text x has the text $n inside
//	{mentions x $n}    the same of a JSON text with ASCII letters of any case and the
//	                   small letters $n; true as well where x has other letters,
//	                   escapes, or what is not shown
//	{index name}       the index to use, on SQLite: without statistics it takes any
//	                   condition on the tenant for a narrow one
//	{later x n}        the time x of a grant, n seconds later
//	{open g}           a condition: the grant g of the tenant $1 has no end, or one that
//	                   has not passed (the transaction sees to it that what has is noted)
type Words map[string]func(argument string) string

// Open is the word of that name. A grant without an end costs one look at a column.
var Open = Around(`(#.expires_at is null or (#.expires_at <= (select clock.passed_at from grant_clocks clock
	where clock.tenant_id = $1)) is not true)`)

// Always is a word without an argument, or one whose argument does not matter.
func Always(text string) func(string) string { return func(string) string { return text } }

// Around puts a text in the place of each # of a pattern.
func Around(pattern string) func(string) string {
	return func(x string) string { return strings.ReplaceAll(pattern, "#", x) }
}

// AroundTwo puts the two parts of an argument in the places of #1 and #2.
func AroundTwo(pattern string) func(string) string {
	return func(x string) string {
		a, b, _ := strings.Cut(x, " ")
		return strings.NewReplacer("#1", a, "#2", b).Replace(pattern)
	}
}

// Expand writes a query for an engine. Braces that hold no word, such as those of
// a JSON text, stay.
func (w Words) Expand(q string) string {
	i := strings.IndexByte(q, '{')
	if i < 0 {
		return q
	}
	var b strings.Builder
	b.Grow(2 * len(q))
	for ; i >= 0; i = strings.IndexByte(q, '{') {
		b.WriteString(q[:i])
		text, size := w.expandOne(q[i:])
		b.WriteString(text)
		q = q[i+size:]
	}
	b.WriteString(q)
	return b.String()
}

// expandOne writes what q begins with, a brace, and returns how much of q it is.
func (w Words) expandOne(q string) (text string, size int) {
	end := strings.IndexByte(q, '}')
	if end < 0 {
		return q[:1], 1
	}
	word, from := q[1:end], end // of its argument
	for {
		if write := w[word]; write != nil {
			return write(q[min(from+1, end):end]), end + 1
		}
		space := strings.LastIndexByte(word, ' ')
		if space < 0 {
			return q[:1], 1
		}
		word, from = word[:space], 1+space
	}
}
