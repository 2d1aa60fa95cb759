package membership

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Changed are the names of what an event changed, in alphabetical order: those that it
// lists, or else those of the facts that are not the same before and after.
func (e Event) Changed() []string {
	var before, after map[string]json.RawMessage
	_ = json.Unmarshal(e.Before, &before) // none is an object without names
	_ = json.Unmarshal(e.After, &after)
	var listed []string
	if text, ok := after["changed"]; ok && json.Unmarshal(text, &listed) == nil {
		return listed
	}
	names := map[string]bool{}
	for name, value := range before {
		names[name] = !bytes.Equal(value, after[name])
	}
	for name, value := range after {
		names[name] = !bytes.Equal(value, before[name])
	}
	maps.DeleteFunc(names, func(_ string, differs bool) bool { return !differs })
	return slices.Sorted(maps.Keys(names))
}
