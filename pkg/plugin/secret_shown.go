package plugin

import (
	"fmt"
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

// listed joins names that a message shows, at most twelve of them.
func listed(names []string) string { return shortList(names, 12) }

// shortList joins names, at most so many, and says how many more there are; 0: all of them.
func shortList(names []string, most int) string {
	if most == 0 || len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
