package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// The text of secret edit: YAML of one KEY: value for each key, and nothing else.

// editedText returns the text of a content. The values must be UTF-8.
func editedText(data secret.Data) string {
	var text strings.Builder
	for _, key := range data.Keys() {
		text.WriteString(editedPair(key, string(data[key])))
	}
	return text.String()
}

// editedPair returns a key with its value in the first form that is read as just that.
func editedPair(key, value string) string {
	quoted := strconv.Quote(key)
	// Go's escapes are all escapes of YAML 1.2.2, section 5.7, too, with the same meaning.
	last := quoted + ": " + strconv.Quote(value) + "\n"
	for _, pair := range []string{key + ": " + asBlock(value), key + ": " + asWritten(value), key + ": " + strconv.Quote(value)} {
		pair += "\n"
		if got, err := parseEdited(pair); err == nil && len(got) == 1 && holdsSame(got, secret.Data{key: []byte(value)}, key) {
			return pair
		}
	}
	return last
}

// asBlock returns a value of several lines as a block; empty where an editor might change
// it on its own: many take spaces off the ends of lines, and empty lines off the end.
func asBlock(value string) string {
	lines := strings.Split(strings.TrimSuffix(value, "\n"), "\n")
	odd := func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }
	if !strings.Contains(value, "\n") || strings.ContainsFunc(value, odd) || lines[len(lines)-1] == "" {
		return ""
	}
	var block strings.Builder
	block.WriteByte('|')
	if strings.ContainsAny(value[:1], " \t\n") { // the indentation cannot be told by the first line
		block.WriteByte('2')
	}
	if !strings.HasSuffix(value, "\n") {
		block.WriteByte('-')
	}
	for _, line := range lines {
		if strings.TrimRight(line, " \t") != line {
			return ""
		}
		if block.WriteByte('\n'); line != "" {
			block.WriteString("  " + line)
		}
	}
	return block.String()
}

// asWritten returns a value without quotes; empty where other readers of YAML would not take
// it for text.
func asWritten(value string) string {
	var node yaml.Node
	err := node.Encode(value)
	if err != nil || node.Style != 0 || node.Tag != "!!str" || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return ""
	}
	return value
}

// textError says what is wrong with an edited text. No value is in it.
type textError struct {
	// line is that of the text, from 1; key is empty where it is not known.
	line     int
	key, why string
}

// Error implements error.
func (e *textError) Error() string {
	if e.key == "" {
		return fmt.Sprintf("line %d: %s", e.line, e.why)
	}
	return fmt.Sprintf("line %d: key %s %s", e.line, e.key, e.why)
}

// below returns the error of a text that stands below a header.
func (e *textError) below(header []string) *textError {
	return &textError{line: e.line + len(header), key: e.key, why: e.why}
}

// parseEdited returns the content that a text stands for. The error is a *textError.
func parseEdited(text string) (secret.Data, error) {
	// The last line may have no end: a block would lose it, too.
	lines := strings.Split(strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	for i, line := range lines {
		if why := unfit(line); why != "" {
			return nil, &textError{line: i + 1, why: why}
		}
	}
	data, none := secret.Data{}, 0
	for i := 0; i < len(lines); {
		if !begins(lines[i]) && blank(lines[i]) {
			i++
			continue
		}
		first := i
		for i++; i < len(lines) && !begins(lines[i]); {
			i++
		}
		key, value, err := parsePair(lines[first:i])
		if err != nil {
			return nil, err.below(lines[:first])
		}
		if key == "" {
			none = first + 1
			continue
		}
		if _, twice := data[key]; twice {
			return nil, &textError{line: first + 1, key: key, why: "is there twice"}
		}
		data[key] = []byte(value)
	}
	if none > 0 && len(data) > 0 {
		return nil, &textError{line: none, why: "{} is for a Secret without keys, and there are some"}
	}
	return data, nil
}

// begins reports whether a line begins a key: nothing else stands at its beginning, and
// what belongs to a value is indented.
func begins(line string) bool { return line != "" && !strings.ContainsAny(line[:1], " \t#") }

// unfit returns why YAML would not read a line as one line of text; empty: it would.
func unfit(line string) string {
	switch {
	case !utf8.ValidString(line):
		return "is not UTF-8"
	case strings.ContainsAny(line, "\r\u0085\u2028\u2029"):
		return `has a character that breaks lines: write \r, \x85, \u2028 or \u2029 in double quotes`
	default:
		return ""
	}
}

// parsePair reads one key and its value. The key is empty for {}. The line of the error
// is that of the key.
func parsePair(lines []string) (key, value string, err *textError) {
	begun, _, _ := strings.Cut(lines[0], ":")
	wrong := func(why string) (string, string, *textError) {
		if secret.CheckKey(begun) != nil || !strings.Contains(lines[0], ":") {
			begun = ""
		}
		return "", "", &textError{line: 1, key: begun, why: why}
	}
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader([]byte(strings.Join(lines, "\n") + "\n")))
	if err := decoder.Decode(&document); err != nil {
		return wrong("is not YAML: " + yamlReason(err))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return wrong("no second document may follow")
	}
	content := document.Content[0]
	switch {
	case content.Kind == yaml.MappingNode && len(content.Content) == 0:
		return "", "", nil
	case content.Kind != yaml.MappingNode || len(content.Content) != 2 || content.Style != 0:
		return wrong("must be KEY: value on a line of its own")
	}
	name, node := content.Content[0], content.Content[1]
	if secret.CheckKey(name.Value) != nil || name.Kind != yaml.ScalarNode || name.Anchor != "" || name.Style&yaml.TaggedStyle != 0 {
		begun = "" // it may be a piece of a value
		return wrong(`what stands before the colon is no key of a Secret, which has letters, digits, "-", "_" and "."`)
	}
	begun = name.Value
	if why := misread(node, lines); why != "" {
		return wrong(why)
	}
	return name.Value, node.Value, nil
}

// yamlReason returns what the YAML library says of a text, without what it quotes of it.
func yamlReason(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	if place, rest, found := strings.Cut(text, ": "); found && strings.HasPrefix(place, "line ") {
		text = rest // its count is of these lines, and off by one at times
	}
	if strings.HasPrefix(text, "unknown anchor") {
		return "what begins with * must be quoted"
	}
	return text
}

// misread returns why a value is not the text that it looks like; empty: it is.
func misread(node *yaml.Node, lines []string) string {
	switch {
	case node.Kind != yaml.ScalarNode:
		return "is no text: quote what begins with [, {, * or -, or what has a colon at its end"
	case node.Anchor != "" || node.Style&yaml.TaggedStyle != 0:
		return "begins with & or !: quote it"
	case node.Style == 0 && node.Value == "":
		return `has no value: write "" for an empty one, quote what begins with #, or delete the line`
	case node.Style == 0 && node.LineComment != "":
		return `goes on with " #", where a comment begins: quote the value, or put the comment on a line of its own`
	case node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 && !onOneLine(node, lines[node.Line-1]):
		return "goes on on the next line: write | after the colon, and all of its lines indented under it"
	default:
		return ""
	}
}

// onOneLine reports whether a value that is no block ends on the line where it begins.
func onOneLine(node *yaml.Node, line string) bool {
	begun := []rune(line)
	if node.Column > len(begun) {
		return false
	}
	begun = begun[node.Column-1:]
	switch node.Style {
	case yaml.DoubleQuotedStyle:
		for i := 1; i < len(begun); i++ {
			switch begun[i] {
			case '\\':
				i++
			case '"':
				return true
			}
		}
		return false
	case yaml.SingleQuotedStyle:
		return strings.HasPrefix(string(begun), "'"+strings.ReplaceAll(node.Value, "'", "''")+"'")
	default:
		return strings.TrimRight(string(begun), " \t") == node.Value
	}
}
