package server

import (
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/scimbridge/scimbridge/membership"
)

// What the request log keeps of the texts of a request: names of attributes, ids and
// operators. A value becomes its kind.
const (
	kindText    = "(text)"
	kindAddress = "(address)"
	kindNumber  = "(number)"
	kindID      = "(id)"
	kindURL     = "(url)"
	kindTime    = "(time)"
	noName      = "(no name)"
)

// The longest texts that are kept, in bytes.
const (
	maxRedactedName  = 80
	maxRedactedText  = 500
	maxRedactedAgent = 200
)

// kindOf is the kind of a value.
func kindOf(s string) string {
	switch {
	case s == "":
		return ""
	case strings.ContainsRune(s, '@'):
		return kindAddress
	case isID(s):
		return kindID
	case strings.Contains(s, "://"):
		return kindURL
	case len(s) >= len("2006-01-02T") && strings.Trim(s, "0123456789-:.TZ+") == "" && strings.Count(s, "-") >= 2:
		return kindTime
	case strings.Trim(s, "0123456789+-. ()") == "":
		return kindNumber
	}
	return kindText
}

func isID(s string) bool {
	_, err := membership.ParseID(s)
	return err == nil
}

// nameLike reports whether a text can be the name of an attribute or a schema.
func nameLike(s string) bool {
	if s == "" || len(s) > maxRedactedName {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if letter := c|0x20 >= 'a' && c|0x20 <= 'z'; !letter && (c < '0' || c > '9') &&
			!strings.ContainsRune("$_-:.", rune(c)) {
			return false
		}
	}
	return s[0] > '9' || s[0] == '$' || s[0] == '.'
}

// attributes are those that a list of names may name.
var attributes = strings.Fields(`id externalid username name givenname familyname formatted middlename honorificprefix
	honorificsuffix displayname nickname profileurl title usertype preferredlanguage locale timezone active
		password emails
	phonenumbers ims photos addresses groups entitlements roles x509certificates meta schemas members employeenumber
	costcenter organization division department manager value type primary display created lastmodified location
	resourcetype version`)

// attributeOf is the first name of a path, in small letters, without its schema.
func attributeOf(path string) string {
	path = strings.ToLower(path)
	if strings.HasPrefix(path, "urn:") {
		path = path[strings.LastIndexByte(path, ':')+1:]
	}
	if i := strings.IndexAny(path, ".[ "); i >= 0 {
		path = path[:i]
	}
	return path
}

var (
	filterWords = []string{
		"eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", "pr", "and", "or", "not", "true", "false", "null",
	}
	comparisons = filterWords[:10]
	types       = []string{
		"work", "home", "other", "mobile", "fax", "pager", "direct", "indirect", "user", "group", "organization",
		"bearer",
	}
)

// redactedFilter is a filter, or the path of an operation, with kinds in the place of
// values. A name stands alone only in a path. named gets what is compared with eq.
func redactedFilter(s string, path bool, named func(attribute, value string)) string {
	if len(s) > 4*maxRedactedText {
		return kindText
	}
	tokens := filterTokens(s)
	var b strings.Builder
	last, operator := "", ""
	for i, t := range tokens {
		next := ""
		for _, n := range tokens[i+1:] {
			if n != " " {
				next = n
				break
			}
		}
		word := strings.ToLower(t)
		switch {
		case strings.ContainsAny(t, " []()") && len(t) == 1:
			b.WriteString(t)
		case t[0] == '"':
			value := strings.Trim(t, `"`)
			if operator == "eq" && named != nil {
				named(last, value)
			}
			b.WriteString(`"` + redactedOperand(last, value) + `"`)
		case slices.Contains(filterWords, word):
			b.WriteString(word)
			operator = word
		case nameLike(t) &&
			(slices.Contains(comparisons, strings.ToLower(next)) || path && (next == "[" || next == "")):
			b.WriteString(t)
			last = attributeOf(t)
		default:
			b.WriteString(kindOf(t))
		}
		if b.Len() > maxRedactedText {
			return b.String()[:maxRedactedText] + "…"
		}
	}
	return b.String()
}

// redactedOperand keeps ids of what has our ids, and words of a few lists.
func redactedOperand(attribute, value string) string {
	switch {
	case isID(value) && slices.Contains([]string{"id", "value", "members", "groups", "manager"}, attribute):
		return strings.ToLower(value)
	case attribute == "type" && slices.Contains(types, strings.ToLower(value)):
		return value
	}
	return kindOf(value)
}

// filterTokens are the texts in quotes, the brackets, the blanks and what is between.
func filterTokens(s string) (tokens []string) {
	for s != "" {
		end := 1
		switch {
		case s[0] == '"':
			for end < len(s) && s[end] != '"' {
				if s[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(s))
		case strings.IndexByte("[]() ", s[0]) < 0:
			if end = strings.IndexAny(s, `[]() "`); end < 0 {
				end = len(s)
			}
		}
		tokens, s = append(tokens, s[:end]), s[end:]
	}
	return tokens
}

// redactedQuery is the query of a request.
func redactedQuery(raw string, named func(attribute, value string)) string {
	if len(raw) > 16*maxRedactedText {
		return "(long)"
	}
	var parts []string
	for raw != "" && len(parts) < 20 {
		var part string
		part, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(part, "=")
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
		switch strings.ToLower(name) {
		case "filter":
			value = redactedFilter(value, false, named)
		case "attributes", "excludedattributes", "sortby":
			names := strings.Split(value, ",")
			for i, n := range names {
				if n = strings.TrimSpace(n); !nameLike(n) || !slices.Contains(attributes, attributeOf(n)) {
					n = "(name)"
				}
				names[i] = n
			}
			value = strings.Join(names[:min(len(names), 50)], ",")
		case "startindex", "count":
			if len(value) > 9 || strings.Trim(value, "0123456789-") != "" {
				value = kindText
			}
		case "sortorder":
			if value != "ascending" && value != "descending" {
				value = kindText
			}
		case "cursor":
			value = "(cursor)"
		default:
			name, value = "(parameter)", kindOf(value)
		}
		parts = append(parts, name+"="+value)
	}
	return strings.Join(parts, "&")
}

// words are those of paths.
var words = []string{
	"scim", "v2", "oauth2", "token", "Users", "Groups", "Bulk", "Me", "Schemas", "ResourceTypes",
	"ServiceProviderConfig",
	".search", "User", "Group",
}

// redactedPath is a path: the words that the doors know, and ids. operation is its
// template, below the door.
func redactedPath(path string) (redacted, operation string, users, groups []membership.ID) {
	var shown, template []string
	before := ""
	for i, s := range strings.Split(strings.Trim(path, "/"), "/") {
		if i > 6 {
			break
		}
		known := slices.IndexFunc(words, func(e string) bool { return strings.EqualFold(e, s) })
		id, err := membership.ParseID(s)
		switch {
		case known >= 0:
			shown, template = append(shown, s), append(template, words[known])
			before = words[known]
			continue
		case err == nil:
			shown, template = append(shown, id.String()), append(template, "{id}")
			switch before {
			case "Users":
				users = append(users, id)
			case "Groups":
				groups = append(groups, id)
			}
		case before == "Schemas" && strings.HasPrefix(s, "urn:ietf:params:scim:") && nameLike(s):
			shown, template = append(shown, s), append(template, "{id}")
		default:
			shown, template = append(shown, "(no id)"), append(template, "{id}")
		}
		before = ""
	}
	if len(template) >= 2 && template[0] == "scim" {
		template = template[2:]
	}
	return "/" + strings.Join(shown, "/"), "/" + strings.Join(template, "/"), users, groups
}

// redactedAgent is a User-Agent without what is no product.
func redactedAgent(s string) string {
	parts := strings.Fields(s[:min(len(s), 4*maxRedactedAgent)])
	for i, w := range parts {
		if strings.ContainsAny(w, "@=") || len(w) > 40 || !utf8.ValidString(w) {
			parts[i] = kindOf(w)
		}
	}
	s = strings.Join(parts, " ")
	return strings.ToValidUTF8(s[:min(len(s), maxRedactedAgent)], "")
}
