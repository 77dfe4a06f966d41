package inject

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// scanner walks through a text that json.Valid has accepted, so it checks no syntax. The
// strings that it returns share the memory of the text. That makes decoding a pod cheap: a
// decoder that fills structs allocates each string.
//
// As encoding/json does into an interface, it takes names as case-sensitive, the last of
// duplicate members, and null for an absent value.
type scanner struct {
	text string
	at   int
	// err names the first value of a wrong type. Such a value is skipped.
	err error
}

// object enters an object, unless the next value is null or has another type.
func (s *scanner) object(field string) bool { return s.enter('{', "an object", field) }

// array enters an array, unless the next value is null or has another type.
func (s *scanner) array(field string) bool { return s.enter('[', "an array", field) }

func (s *scanner) enter(bracket byte, kind, field string) bool {
	c := s.peek()
	if c == bracket {
		s.at++
		return true
	}
	if c != 'n' {
		s.fail(field, kind)
	}
	s.skip()
	return false
}

// more reports whether the entered object or array has another member or element,
// which the caller must then read or skip. At the end it leaves it.
func (s *scanner) more() bool {
	switch s.peek() {
	case ',':
		s.at++
		return true
	case '}', ']':
		s.at++
		return false
	default:
		return true
	}
}

// key reads the name of a member.
func (s *scanner) key() string {
	s.peek()
	key := s.quoted()
	s.peek()
	s.at++ // the colon
	return key
}

// string reads a string; null is the empty one.
func (s *scanner) string(field string) string {
	c := s.peek()
	if c == '"' {
		return s.quoted()
	}
	if c != 'n' {
		s.fail(field, "a string")
	}
	s.skip()
	return ""
}

// strings reads an object of strings; nil if it is null.
func (s *scanner) strings(field string) map[string]string {
	if !s.object(field) {
		return nil
	}
	values := map[string]string{}
	for s.more() {
		key := s.key()
		values[key] = s.string(field)
	}
	return values
}

// present skips the next value and reports whether it is something other than null.
func (s *scanner) present() bool {
	present := s.peek() != 'n'
	s.skip()
	return present
}

// literalText skips the next value and returns its JSON text.
func (s *scanner) literalText() string {
	s.peek()
	start := s.at
	s.skip()
	return s.text[start:s.at]
}

// true skips the next value and reports whether it is true.
func (s *scanner) true() bool {
	is := s.peek() == 't'
	s.skip()
	return is
}

// skip leaves the next value behind.
func (s *scanner) skip() {
	for depth := 0; ; {
		switch s.peek() {
		case '"':
			s.pass()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		case ',', ':':
			s.at++
		default:
			s.literal()
		}
		if depth == 0 {
			return
		}
	}
}

// literal skips a number, true, false or null.
func (s *scanner) literal() {
	for s.at < len(s.text) && !strings.ContainsRune(",:]} \t\r\n", rune(s.text[s.at])) {
		s.at++
	}
}

// quoted reads the string that begins here.
func (s *scanner) quoted() string {
	start := s.at
	escaped := s.pass()
	if body := s.text[start+1 : s.at-1]; !escaped && utf8.ValidString(body) {
		return body
	}
	var value string
	if err := json.Unmarshal([]byte(s.text[start:s.at]), &value); err != nil && s.err == nil {
		s.err = err
	}
	return value
}

// pass skips the string that begins here and reports whether it has escapes.
func (s *scanner) pass() (escaped bool) {
	for s.at++; s.text[s.at] != '"'; s.at++ {
		if s.text[s.at] == '\\' {
			escaped = true
			s.at++
		}
	}
	s.at++
	return escaped
}

// peek skips white space and returns the first byte of what follows; 0 at the end.
func (s *scanner) peek() byte {
	for s.at < len(s.text) {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) fail(field, kind string) {
	if s.err == nil {
		s.err = fmt.Errorf("%s is not %s", field, kind)
	}
}
