package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// problems lists the demands that an answer does not meet.
func (d Demands) problems(res response, vars variables) ([]string, error) {
	var out []string
	if len(d.Status) > 0 && !slices.Contains(d.Status, res.status) {
		wanted := strings.Trim(strings.ReplaceAll(fmt.Sprint(d.Status), " ", " or "), "[]")
		line := fmt.Sprintf("status %d, wanted %s", res.status, wanted)
		if res.text != "" {
			line += ": " + strings.Join(strings.Fields(shorten(res.text, 300)), " ")
		}
		out = append(out, line)
	}
	// expand fills in the variables. Where one was never captured, that is a
	// finding, and all that is left to ask is whether there is a value at all.
	expand := func(want json.RawMessage) (json.RawMessage, error) {
		expanded, err := vars.json(want)
		var gone missing
		if errors.As(err, &gone) {
			out = append(out, gone.Error())
			return json.RawMessage(`{"exists":true}`), nil
		}
		return expanded, err
	}
	for _, f := range d.Headers {
		want, err := expand(f.Value)
		if err != nil {
			return nil, err
		}
		var v any = nothing{}
		if value, ok := res.header[strings.ToLower(f.Name)]; ok {
			v = value
		}
		wrong, err := check(v, want, res.header)
		if err != nil {
			return nil, err
		}
		if wrong != "" {
			out = append(out, "header "+f.Name+": "+wrong)
		}
	}
	for _, f := range d.JSON {
		if res.json == any(nothing{}) && !mayBeAbsent(f.Value) {
			out = append(out, f.Name+": no JSON body")
			break
		}
		want, err := expand(f.Value)
		if err != nil {
			return nil, err
		}
		v, err := find(res.json, f.Name)
		if err != nil {
			return nil, err
		}
		wrong, err := check(v, want, res.json)
		if err != nil {
			return nil, err
		}
		if wrong != "" {
			out = append(out, f.Name+": "+wrong)
		}
	}
	return out, nil
}

func mayBeAbsent(want json.RawMessage) bool {
	var w struct {
		EmptyOrAbsent bool `json:"emptyOrAbsent"`
	}
	return json.Unmarshal(want, &w) == nil && w.EmptyOrAbsent
}
