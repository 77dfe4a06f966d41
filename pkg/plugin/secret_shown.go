package plugin

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shownText returns a value as one cell of a table: text as it is, quoted where it has
// other characters than printable ones, and of other bytes only that they are such.
func shownText(value []byte) string {
	text := string(value)
	switch {
	case !utf8.ValidString(text):
		return "<binary>"
	case text == "" || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) || strings.TrimSpace(text) != text:
		return strconv.Quote(text)
	default:
		return text
	}
}

// printable returns text of others, such as an annotation, so that a terminal shows it and
// does nothing else: what is not printable is escaped.
func printable(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	return strings.Trim(strconv.Quote(text), `"`)
}
