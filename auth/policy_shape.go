package auth

import (
	"strings"

	"github.com/scimbridge/scimbridge/membership"
)

// The bounds of how a tenant's policies are built. Readers of Cedar, its
// validator and its evaluator call themselves for each level of a policy.
const (
	maxPolicyDepth     = 50    // brackets within brackets
	maxPolicyOperators = 2000  // of one policy: each can be a level
	maxPolicyUnary     = 4     // ! and - in a row, as Cedar's grammar has it
	maxPolicyCount     = 200   // of one text
	maxPolicyBrackets  = 20000 // of one text
)

// checkShape refuses a text that would be nested deeply, before it is parsed. It
// reads what does not have to be Cedar, once, and holds nothing of it.
func checkShape(text string) error {
	s := shapeReader{text: text, line: 1}
	for s.next() {
		if err := s.count(); err != nil {
			return err
		}
	}
	return nil
}

// shapeReader splits a text into words, strings and signs.
type shapeReader struct {
	text  string
	token string // a word or a sign; "" is a string
	line  int

	depth, unary, operators, policies, brackets int
}

// next reads a token; blanks and comments are none.
func (s *shapeReader) next() bool {
	for s.text != "" {
		switch c := s.text[0]; {
		case c == '\n':
			s.line++
			fallthrough
		case c == ' ', c == '\t', c == '\r':
			s.text = s.text[1:]
		case strings.HasPrefix(s.text, "//"):
			if end := strings.IndexByte(s.text, '\n'); end >= 0 {
				s.text = s.text[end:]
			} else {
				s.text = ""
			}
		case c == '"':
			s.skipString()
			s.token = ""
			return true
		default:
			n := wordLength(s.text)
			s.token, s.text = s.text[:n], s.text[n:]
			return true
		}
	}
	return false
}

// wordLength is the length of the word or sign at the beginning.
func wordLength(s string) int {
	for _, sign := range []string{"&&", "||", "==", "!=", "<=", ">="} {
		if strings.HasPrefix(s, sign) {
			return len(sign)
		}
	}
	for i := range len(s) {
		if c := s[i]; c != '_' && (c < '0' || '9' < c) && (c|0x20 < 'a' || 'z' < c|0x20) {
			return max(i, 1)
		}
	}
	return len(s)
}

func (s *shapeReader) skipString() {
	for i := 1; i < len(s.text); i++ {
		switch s.text[i] {
		case '\\':
			i++
		case '\n':
			s.line++
		case '"':
			s.text = s.text[i+1:]
			return
		}
	}
	s.text = ""
}

func (s *shapeReader) count() error {
	unary := 0
	switch s.token {
	case "(", "[", "{":
		s.brackets++
		if s.depth++; s.depth > maxPolicyDepth {
			return s.refused("brackets are nested deeper than %d", maxPolicyDepth)
		}
		if s.brackets > maxPolicyBrackets {
			return s.refused("the text has more than %d brackets", maxPolicyBrackets)
		}
	case ")", "]", "}":
		s.depth--
	case ";":
		s.operators = 0
		if s.policies++; s.policies > maxPolicyCount {
			return s.refused("one id holds at most %d policies", maxPolicyCount)
		}
	case "!", "-":
		unary = s.unary + 1
		if unary > maxPolicyUnary {
			return s.refused("more than %d signs in a row", maxPolicyUnary)
		}
		fallthrough
	case ".", "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "*", "in", "has", "like", "is", "if", "when", "unless":
		if s.operators++; s.operators > maxPolicyOperators {
			return s.refused("a policy has more than %d operators: make several of it", maxPolicyOperators)
		}
	}
	s.unary = unary
	return nil
}

func (s *shapeReader) refused(format string, limit int) error {
	return membership.Invalidf("cedar: line %d: "+format, s.line, limit)
}
