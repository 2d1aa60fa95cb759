package db

import (
	"encoding/json"
	"fmt"
)

// jsonList is a list as a column keeps it: a JSON array as text.
func jsonList[T any](v []T) string {
	if len(v) == 0 {
		return "[]"
	}
	b, _ := json.Marshal(v) // lists of texts and of networks always can be
	return string(b)
}

// jsonInto reads such a column. An empty list is nil.
type jsonInto[T any] struct{ to *[]T }

// Scan implements sql.Scanner.
func (j jsonInto[T]) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return fmt.Errorf("cannot read a JSON array from %T", src)
	}
	*j.to = nil
	if string(text) == "[]" {
		return nil
	}
	return json.Unmarshal(text, j.to)
}
