package replay

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"
)

// matchers compare a found value (or nothing{}) with what the file wants. A
// want of the wrong type matches nothing.
var matchers = map[string]func(v, want any) bool{
	"exists":        func(v, want any) bool { return any(v != any(nothing{})) == want },
	"length":        func(v, want any) bool { n, ok := length(v); return ok && any(n) == want },
	"minLength":     func(v, want any) bool { list, ok := v.([]any); return ok && atLeast(float64(len(list)), want) },
	"min":           func(v, want any) bool { n, ok := v.(float64); return ok && atLeast(n, want) },
	"type":          func(v, want any) bool { return any(typeOf(v)) == want },
	"contains":      contains,
	"notContains":   func(v, want any) bool { return !contains(v, want) },
	"containsAll":   containsAll,
	"startsWith":    func(v, want any) bool { return folded(v, want, strings.HasPrefix) },
	"ci":            func(v, want any) bool { return folded(v, want, func(a, b string) bool { return a == b }) },
	"oneOf":         func(v, want any) bool { list, _ := want.([]any); return has(list, v) },
	"not":           func(v, want any) bool { return !same(v, want) },
	"matches":       matches,
	"set":           sameSet,
	"emptyOrAbsent": func(v, want any) bool { return any(empty(v)) == want },
	"noNulls":       func(v, want any) bool { return any(!hasNull(v)) == want },
}

// check compares the value at a pointer with what is wanted there: a literal, or
// an object of matchers that must all hold. It returns what is wrong, or "". An
// error means that the conversation itself makes no sense.
func check(v any, want json.RawMessage, doc any) (string, error) {
	if !bytes.HasPrefix(want, []byte("{")) {
		w, err := decode(want)
		if err != nil || same(v, w) {
			return "", err
		}
		return fmt.Sprintf("%s instead of %s", brief(v), brief(w)), nil
	}
	var wanted Fields
	if err := json.Unmarshal(want, &wanted); err != nil {
		return "", err
	}
	for _, f := range wanted {
		w, err := decode(f.Value)
		if err != nil {
			return "", err
		}
		if f.Name == "sameAs" {
			other, err := find(doc, text(w))
			if err != nil {
				return "", err
			}
			if !same(v, other) {
				return fmt.Sprintf("%s is not %s (%s)", brief(v), text(w), brief(other)), nil
			}
			continue
		}
		matcher, ok := matchers[f.Name]
		if !ok {
			return "", fmt.Errorf("unknown matcher %s", f.Name)
		}
		if !matcher(v, w) {
			return fmt.Sprintf("%s fails %s %s", brief(v), f.Name, brief(w)), nil
		}
	}
	return "", nil
}

func decode(doc json.RawMessage) (any, error) {
	var v any
	err := json.Unmarshal(doc, &v)
	return v, err
}

// same is deep equality of JSON values; numbers are float64, so 1 and 1.0 agree.
func same(a, b any) bool { return reflect.DeepEqual(a, b) }

func has(list []any, v any) bool {
	return slices.ContainsFunc(list, func(x any) bool { return same(x, v) })
}

// length counts a string in UTF-16 units, the way the recordings were judged.
func length(v any) (float64, bool) {
	switch v := v.(type) {
	case []any:
		return float64(len(v)), true
	case string:
		return float64(len(utf16.Encode([]rune(v)))), true
	case nothing:
		return 0, true
	}
	return 0, false
}

func atLeast(n float64, want any) bool {
	w, ok := want.(float64)
	return ok && n >= w
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case nothing:
		return "undefined"
	case []any:
		return "array"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	}
	return "object"
}

func contains(v, want any) bool {
	if list, ok := v.([]any); ok {
		return has(list, want)
	}
	s, ok := v.(string)
	part, text := want.(string)
	return ok && text && strings.Contains(s, part)
}

func containsAll(v, want any) bool {
	list, ok := v.([]any)
	all, listed := want.([]any)
	return ok && listed && !slices.ContainsFunc(all, func(x any) bool { return !has(list, x) })
}

func folded(v, want any, agree func(a, b string) bool) bool {
	a, ok := v.(string)
	b, text := want.(string)
	return ok && text && agree(strings.ToLower(a), strings.ToLower(b))
}

func matches(v, want any) bool {
	s, ok := v.(string)
	pattern, text := want.(string)
	if !ok || !text {
		return false
	}
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(s)
}

func sameSet(v, want any) bool {
	list, ok := v.([]any)
	all, listed := want.([]any)
	byText := func(a, b any) int { return strings.Compare(text(a), text(b)) }
	return ok && listed && slices.EqualFunc(
		slices.SortedFunc(slices.Values(list), byText),
		slices.SortedFunc(slices.Values(all), byText), same)
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil, nothing:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

func hasNull(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case []any:
		return slices.ContainsFunc(v, hasNull)
	case map[string]any:
		for _, x := range v {
			if hasNull(x) {
				return true
			}
		}
	}
	return false
}

// brief is a value as JSON, short enough for one line of a report.
func brief(v any) string {
	if v == any(nothing{}) {
		return "nothing"
	}
	var out bytes.Buffer
	if err := encode(&out, v); err != nil {
		return fmt.Sprint(v)
	}
	return shorten(out.String(), 160)
}

func shorten(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit-3]) + "..."
	}
	return s
}
