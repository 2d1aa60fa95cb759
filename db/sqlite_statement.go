package db

import (
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/scimbridge/scimbridge/membership"
)

// sqliteStatement is a query, and whether its lists hold one element each: then
// it is prepared for just that, as most are.
type sqliteStatement struct {
	text string
	one  bool
}

func (s sqliteStatement) expanded() string {
	// SQLite plans a statement anew for each value of a bare limit.
	text := sqliteWords.spell(strings.ReplaceAll(s.text, "limit $", "limit +$"))
	if s.one {
		return sqliteOne.expand(sqliteOneWords.spell(text))
	}
	return sqliteMany.expand(sqliteListWords.spell(text))
}

const inKeysSQLite = "in (select value from json_each(#))"

// sqliteOne is for lists that have one element each, which then is the argument.
var (
	sqliteOne = dialect{
		ids:  "(select # as id)",
		rows: "(select substr(#, 1, 16) as user_id, substr(#, 17, 16) as grant_id)",
		in:   "= #", inKeys: inKeysSQLite, index: "indexed by #",
	}
	sqliteMany = dialect{
		ids: "(select unhex(value) as id from json_each(#))",
		rows: `(with recursive n(i) as (select 1 union all select i + 32 from n where i + 32 < length(#))
			select substr(#, i, 16) as user_id, substr(#, i + 16, 16) as grant_id from n)`,
		in: "in (select unhex(value) from json_each(#))", inKeys: inKeysSQLite, index: "indexed by #",
	}
)

// oneEach reports whether every list among args has one element.
func oneEach(args []any) bool {
	for _, a := range args {
		switch a := a.(type) {
		case []membership.ID:
			if len(a) != 1 {
				return false
			}
		case memberRows:
			if len(a) != memberRowSize {
				return false
			}
		}
	}
	return true
}

// bind sets every parameter. What the statement does not ask for is left out.
func (p *sqlitePrepared) bind(args []any, one bool) error {
	for i, n := range p.args {
		if n >= len(args) {
			return fmt.Errorf("no argument for $%d", n+1)
		}
		if err := p.bindOne(i+1, args[n], one); err != nil {
			return fmt.Errorf("argument $%d: %w", n+1, err)
		}
	}
	return nil
}

func (p *sqlitePrepared) bindOne(i int, a any, one bool) error {
	switch a := a.(type) {
	case membership.ID:
		p.BindBytes(i, a[:])
	case string:
		p.BindText(i, a)
	case stamp:
		return p.bindOne(i, a.text(), one)
	case []membership.ID:
		if one {
			p.BindBytes(i, a[0][:])
		} else {
			text := hexArray(a)
			p.large = p.large || len(text) > largeArgument
			p.BindText(i, text)
		}
	case memberRows:
		p.large = p.large || len(a) > largeArgument
		p.BindBytes(i, a)
	case []string:
		p.BindText(i, jsonList(a))
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
		return p.bindOne(i, v, one)
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
