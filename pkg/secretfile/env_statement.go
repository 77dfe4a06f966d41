package secretfile

import (
	"bytes"
	"unicode"
	"unicode/utf8"
)

// statement is one KEY=value of a .env file.
type statement struct {
	key string
	// line is that of the key, from 1.
	line int
	// text reaches from the key, or the word export before it, to the end of the value.
	text []byte
	// quote is the one around the value, or 0.
	quote byte
	// value is what stands in the quotes, or the rest of the line.
	value []byte
}

// statements returns the statements of a .env file, as envLines returns it, by the
// grammar of github.com/joho/godotenv v1.5.1 (parser.go). It returns a *FileError for
// what is none, and for a quote that is not closed.
func statements(text []byte) ([]statement, error) {
	var found []statement
	line, rest := 1, text
	for {
		start := afterComments(rest)
		line += bytes.Count(rest[:start], []byte("\n"))
		rest = rest[start:]
		if len(rest) == 0 {
			return found, nil
		}
		s := statement{line: line}
		value, err := s.readKey(rest)
		if err != nil {
			return nil, err
		}
		end, err := s.readValue(value)
		if err != nil {
			return nil, err
		}
		s.text, s.value = rest[:len(rest)-len(value)+end], value[:end]
		if s.quote != 0 {
			s.value = value[1 : end-1]
		}
		line += bytes.Count(s.text, []byte("\n"))
		rest = rest[len(s.text):]
		found = append(found, s)
	}
}

// afterComments returns where the next statement begins; the length of text for none.
func afterComments(text []byte) int {
	at := 0
	for {
		next := bytes.IndexFunc(text[at:], func(c rune) bool { return !unicode.IsSpace(c) })
		if next < 0 {
			return len(text)
		}
		at += next
		if text[at] != '#' {
			return at
		}
		end := bytes.IndexByte(text[at:], '\n')
		if end < 0 {
			return len(text)
		}
		at += end
	}
}

// readKey sets the key and returns what follows its sign.
func (s *statement) readKey(text []byte) ([]byte, error) {
	if after, ok := bytes.CutPrefix(text, []byte("export")); ok {
		if first, _ := utf8.DecodeRune(after); isEnvSpace(first) {
			text = bytes.TrimLeftFunc(after, isEnvSpace)
		}
	}
	for i, c := range text {
		r := rune(c) // the library reads bytes as characters here
		switch {
		case c == '=' || c == ':':
			s.key = string(bytes.TrimRightFunc(text[:i], unicode.IsSpace))
			if s.key == "" {
				return nil, s.fail("give each value a key: KEY=value", "it has no key")
			}
			return bytes.TrimLeftFunc(text[i+1:], isEnvSpace), nil
		case c == '_' || c == '.' || isEnvSpace(r) || unicode.IsLetter(r) || unicode.IsNumber(r):
		case c == '\n':
			return nil, s.fail(perhapsQuotes, "it is no KEY=value")
		default:
			return nil, s.fail(perhapsQuotes, "it is no KEY=value: a key has only letters, digits, _ and .")
		}
	}
	return nil, s.fail("if the file was cut off, export it again", "it is no KEY=value")
}

const perhapsQuotes = "a value of several lines, or with quotes in it, stands in quotes of its own"

// readValue sets the quote and returns where the value ends in text.
func (s *statement) readValue(text []byte) (int, error) {
	if len(text) == 0 || text[0] != '"' && text[0] != '\'' {
		if end := bytes.IndexAny(text, "\n\r"); end >= 0 {
			return end, nil
		}
		return len(text), nil
	}
	s.quote = text[0]
	for i := 1; i < len(text); i++ {
		if text[i] == s.quote && text[i-1] != '\\' {
			return i + 1, nil
		}
	}
	return 0, s.fail(`close the quote, or export the file again if it was cut off; a \ before a quote keeps it open`, "the quote that begins here is not closed")
}

func (s *statement) fail(fix, why string) error {
	return &FileError{Format: Env, Line: s.line, Why: why, Fix: fix}
}

// isEnvSpace reports whether the library takes the character for a space within a line.
func isEnvSpace(r rune) bool {
	switch r {
	case '\t', '\v', '\f', '\r', ' ', 0x85, 0xA0:
		return true
	}
	return false
}
