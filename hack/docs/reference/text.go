// Package reference writes pages of Markdown about what can be looked up: the commands
// and their flags, the fields of the resources, the codes of what is refused.
package reference

import (
	"strings"
	"unicode"
)

// width is the widest line of a page, tables excepted.
const width = 120

// written says in a page who wrote it.
const written = "<!-- written by make generate from %s: change that, not this page -->\n"

// cell returns a text as it can stand in a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(strings.TrimSpace(text))
}

// code returns a text as code in a cell, empty for an empty one.
func code(text string) string {
	if text == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(text, "|", `\|`) + "`"
}

// prose returns a text in paragraphs of lines that are not too wide. Lines that are
// indented stay as they are, as a list or a code would.
func prose(text string) string {
	var paragraphs []string
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(paragraph, " ") || strings.Contains(paragraph, "\n ") {
			paragraphs = append(paragraphs, "```text\n"+paragraph+"\n```")
			continue
		}
		paragraphs = append(paragraphs, wrapped(strings.ReplaceAll(paragraph, "<", "&lt;")))
	}
	return strings.Join(paragraphs, "\n\n") + "\n"
}

func wrapped(text string) string {
	var lines []string
	var line string
	for word := range strings.FieldsSeq(text) {
		if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimPrefix(line+" "+word, " ")
	}
	return strings.Join(append(lines, line), "\n")
}

// sentence ends a text with a full stop.
func sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// Anchor returns where a heading is on its page, as GitHub makes it: "#" and the heading's
// letters, digits, dashes and underscores, with a dash for each space.
func Anchor(heading string) string {
	keep := func(r rune) rune {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			return r
		case r == ' ':
			return '-'
		}
		return -1
	}
	return "#" + strings.Map(keep, strings.ToLower(heading))
}
