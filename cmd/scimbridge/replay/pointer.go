package replay

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// nothing is what a pointer finds where the document has no such member. It is
// not null: providers and servers tell the two apart.
type nothing struct{}

// segment is one step of a pointer: what it makes of a value, and whether it
// fans out over a list.
type segment struct {
	each bool // [*]: the rest of the pointer is read from every item
	pick func(v any) any
}

var segmentForms = []struct {
	form *regexp.Regexp
	make func(m []string) segment
}{
	{regexp.MustCompile(`^\.([A-Za-z0-9_$-]+)`), member},
	{regexp.MustCompile(`^\[(\d+)\]`), item},
	{regexp.MustCompile(`^\[\*\]`), func([]string) segment { return segment{each: true} }},
	{regexp.MustCompile(`^\['([^']+)'\]`), member},
	{regexp.MustCompile(`^\[\?([A-Za-z0-9_$]+)=([^\]]*)\]`), first},
}

// parsePointer reads $.a.b[0]['urn:x'].c, [?type=work] and [*].
func parsePointer(pointer string) ([]segment, error) {
	rest, ok := strings.CutPrefix(pointer, "$")
	if !ok {
		return nil, fmt.Errorf("pointer must begin with $: %s", pointer)
	}
	var segments []segment
next:
	for rest != "" {
		for _, f := range segmentForms {
			if m := f.form.FindStringSubmatch(rest); m != nil {
				segments = append(segments, f.make(m))
				rest = rest[len(m[0]):]
				continue next
			}
		}
		return nil, fmt.Errorf("cannot read pointer %s at %s", pointer, rest)
	}
	return segments, nil
}

func member(m []string) segment {
	return segment{pick: func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			if val, ok := v[m[1]]; ok {
				return val
			}
		case []any:
			if m[1] == "length" { // $.Resources.length, as a script would ask
				return float64(len(v))
			}
		}
		return nothing{}
	}}
}

func item(m []string) segment {
	return segment{pick: func(v any) any {
		list, _ := v.([]any)
		if i, err := strconv.Atoi(m[1]); err == nil && i < len(list) {
			return list[i]
		}
		return nothing{}
	}}
}

// first is the first object of a list with that text in that member.
func first(m []string) segment {
	return segment{pick: func(v any) any {
		list, _ := v.([]any)
		for _, x := range list {
			if object, ok := x.(map[string]any); ok {
				if val, ok := object[m[1]]; ok && text(val) == m[2] {
					return object
				}
			}
		}
		return nothing{}
	}}
}

// find returns the value in doc at the pointer, or nothing{}. Behind [*] it is
// a list of what every item has there.
func find(doc any, pointer string) (any, error) {
	segments, err := parsePointer(pointer)
	if err != nil {
		return nil, err
	}
	return walk(doc, segments), nil
}

func walk(v any, segments []segment) any {
	if len(segments) == 0 {
		return v
	}
	head, rest := segments[0], segments[1:]
	if !head.each {
		return walk(head.pick(v), rest)
	}
	list, _ := v.([]any)
	found := []any{}
	for _, x := range list {
		if val := walk(x, rest); val != any(nothing{}) {
			found = append(found, val)
		}
	}
	return found
}
