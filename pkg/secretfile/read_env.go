package secretfile

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/joho/godotenv"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// env reads a .env file. Its values are those that github.com/joho/godotenv reads. The
// statements are found here, too, because the library silently keeps the last of two equal
// keys and makes undefined variables empty. Where both do not find the same statements, the
// file is refused.
func (r *reader) env(text []byte) error {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	found, err := statements(envLines(text))
	if err != nil {
		return err
	}
	values, err := godotenv.UnmarshalBytes(text)
	if err != nil { // its message quotes the file
		return r.fail("", "it is not a .env file")
	}
	mark := notIn(text)
	data, lineOf := secret.Data{}, map[string]int{}
	for _, s := range found {
		if first, there := lineOf[s.key]; there {
			r.refuse("", s.key, "keep one of them", "it stands twice, in lines %d and %d", first, s.line)
			continue
		}
		r.damages(s)
		r.variables(s, mark, lineOf)
		lineOf[s.key] = s.line
		value, there := values[s.key]
		if !there {
			return &FileError{Format: Env, Line: s.line, Why: "its key is not found again"}
		}
		data[s.key] = []byte(value)
	}
	if len(r.refused) == 0 && len(values) != len(data) {
		return r.fail("", "it cannot be read with certainty")
	}
	r.add(r.name, data)
	return nil
}

// envLines returns the text with each \r\n replaced by \n, as the library does before it reads.
func envLines(text []byte) []byte {
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// droppedEscape matches a value with an escape of which the library only drops the backslash.
// Its author may have meant what the escape is in other tools, or no escape, as in a path.
var droppedEscape = regexp.MustCompile(`^(?:[^\\]|\\[^A-Za-mo-qs-z0-9])*\\[A-Za-mo-qs-z0-9]`)

// damages refuses a value that the library would cut: it also drops a quote that stands before
// the closing one, and keeps the backslash before it. It warns of backslashes that are dropped.
func (r *reader) damages(s statement) {
	if s.quote != 0 && len(s.value) > 0 && s.value[len(s.value)-1] == s.quote {
		r.refuse("", s.key, "put the value in quotes of the other kind", "its last quote in line %d would be lost, because another follows", s.line)
	}
	if s.quote == '"' && droppedEscape.Match(s.value) {
		r.warn("key %q: a backslash in line %d or after it is dropped, because the value is in double quotes", s.key, s.line)
	}
}

// reference matches what may be a variable in a value, as the library finds it.
var reference = regexp.MustCompile(`\$\(?(\{?)([A-Z0-9_]+)`)

// variables warns of the variables that the library replaces in a statement, and refuses the
// key where one is not defined before it. To find them, it lets the library read the statement
// alone, behind definitions of all names in it, whose values begin with mark. What looks like
// the name of a variable may be part of a password: it is told only where it stands in braces
// or is a key of the file.
func (r *reader) variables(s statement, mark string, defined map[string]int) {
	matches := reference.FindAllSubmatch(s.text, -1)
	if s.quote == '\'' || len(matches) == 0 {
		return
	}
	var prelude strings.Builder
	marks, braced := map[string]string{}, map[string]bool{}
	for _, match := range matches {
		name := string(match[2])
		braced[name] = braced[name] || len(match[1]) > 0
		if marks[name] == "" {
			marks[name] = fmt.Sprintf("%s%d\x02", mark, len(marks))
			prelude.WriteString(name + "='" + marks[name] + "'\n")
		}
	}
	values, err := godotenv.UnmarshalBytes(append([]byte(prelude.String()), s.text...))
	if err != nil {
		return // what is wrong with the statement is wrong with the file too
	}
	told := map[string]bool{}
	for _, match := range matches {
		name := string(match[2])
		if told[name] || !strings.Contains(values[s.key], marks[name]) {
			continue
		}
		told[name] = true
		line, there := defined[name]
		switch {
		case there:
			r.warn("key %q: $%s was replaced by the value of that key, in line %d", s.key, name, line)
		case braced[name]:
			r.refuse("", s.key, singleQuotes, "the variable %s is not defined before it in the file, and would become nothing", name)
		default:
			r.refuse("", s.key, singleQuotes, "a $ in line %d begins a variable that is not defined before it in the file, and would become nothing", s.line)
		}
	}
}

const singleQuotes = "put the value in single quotes, which keep $ as it is"

// notIn returns a string that does not occur in text.
func notIn(text []byte) string {
	for i := 0; ; i++ {
		if found := fmt.Sprintf("\x02%d.", i); !bytes.Contains(text, []byte(found)) {
			return found
		}
	}
}
