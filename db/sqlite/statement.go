package sqlite

import (
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/db/engine"
	"github.com/scimbridge/scimbridge/membership"
)

// statement is a query, and whether its lists hold one element each: then it is
// prepared for just that, as most are.
type statement struct {
	text   string
	single bool
}

func (s statement) expanded() string {
	// SQLite plans a statement anew for each value of a bare limit.
	text := strings.ReplaceAll(s.text, "limit $", "limit +$")
	if s.single {
		return singleWords.Expand(text)
	}
	return listWords.Expand(text)
}

// allSingle reports whether every list among args has one element.
func allSingle(args []any) bool {
	for _, a := range args {
		switch a := a.(type) {
		case []membership.ID:
			if len(a) != 1 {
				return false
			}
		case []string:
			if len(a) != 1 {
				return false
			}
		}
	}
	return true
}

// bind sets every parameter. What the statement does not ask for is left out.
func (p *prepared) bind(args []any, single bool) error {
	for i, n := range p.args {
		if n >= len(args) {
			return fmt.Errorf("no argument for $%d", n+1)
		}
		if err := p.bindOne(i+1, args[n], single); err != nil {
			return fmt.Errorf("argument $%d: %w", n+1, err)
		}
	}
	return nil
}

func (p *prepared) bindOne(i int, a any, single bool) error {
	switch a := a.(type) {
	case membership.ID:
		p.BindBytes(i, a[:])
	case string:
		p.BindText(i, a)
	case engine.Stamp:
		return p.bindOne(i, a.Text(), single)
	case engine.Micros:
		return p.bindOne(i, a.Number(), single)
	case []membership.ID:
		if single {
			p.BindBytes(i, a[0][:])
		} else {
			text := hexArray(a)
			p.large = p.large || len(text) > largeArgument
			p.BindText(i, text)
		}
	case []string:
		if single {
			p.BindText(i, a[0])
			break
		}
		text, err := textArray(a)
		if err != nil {
			return err
		}
		p.BindText(i, text)
	case []int64:
		p.BindText(i, numberArray(a))
	case nil:
		p.BindNull(i)
	case []byte:
		if a == nil {
			p.BindNull(i)
		} else {
			p.BindBytes(i, a)
		}
	case int:
		p.BindInt64(i, int64(a))
	case int64:
		p.BindInt64(i, a)
	case bool:
		p.BindBool(i, a)
	case float64:
		p.BindFloat(i, a)
	case time.Time:
		return errors.New("a time is a stamp here")
	default: // such as a type of its own that is a text
		v, err := driver.DefaultParameterConverter.ConvertValue(a)
		if err != nil {
			return err
		}
		return p.bindOne(i, v, single)
	}
	return nil
}

// hexArray is a JSON array of ids in hexadecimal, for json_each and unhex.
func hexArray(ids []membership.ID) string {
	b := make([]byte, 0, 2+35*len(ids))
	b = append(b, '[')
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '"')
		b = hex.AppendEncode(b, id[:])
		b = append(b, '"')
	}
	return string(append(b, ']'))
}

// textArray is a JSON array of texts, for json_each.
func textArray(texts []string) (string, error) {
	if len(texts) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(texts)
	return string(b), err
}

// numberArray is a JSON array of numbers, for json_each.
func numberArray(ns []int64) string {
	b := make([]byte, 0, 2+12*len(ns))
	b = append(b, '[')
	for i, n := range ns {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, n, 10)
	}
	return string(append(b, ']'))
}
