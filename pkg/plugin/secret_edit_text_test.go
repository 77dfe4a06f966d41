package plugin

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func TestEditedTextOfValues(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"", `KEY: ""`},
		{"hunter2", `KEY: hunter2`},
		{"5", `KEY: "5"`},
		{"yes", `KEY: "yes"`},
		{"1e3", `KEY: "1e3"`},
		{"null", `KEY: "null"`},
		{"~", `KEY: "~"`},
		{"postgres://u:p@host:5432/db?x=y#z", `KEY: postgres://u:p@host:5432/db?x=y#z`},
		{`it's "so" \n`, `KEY: it's "so" \n`},
		{"a #b", `KEY: "a #b"`},
		{"a: b", `KEY: "a: b"`},
		{"*a", `KEY: "*a"`},
		{" a", `KEY: " a"`},
		{"a ", `KEY: "a "`},
		{"a\tb", `KEY: "a\tb"`},
		{"grün 🐘", `KEY: "grün 🐘"`},
		{"grün", `KEY: grün`},
		{"a\n", "KEY: |\n  a"},
		{"a\nb", "KEY: |-\n  a\n  b"},
		{"a\n\n  b: 🐘\n", "KEY: |\n  a\n\n    b: 🐘"},
		{"  a\nb\n", "KEY: |2\n    a\n  b"},
		{"a\n# b\n", "KEY: |\n  a\n  # b"},
		// What editors change on their own.
		{"a\r\nb\r\n", `KEY: "a\r\nb\r\n"`},
		{"a \nb", `KEY: "a \nb"`},
		{"a\n\n", `KEY: "a\n\n"`},
		{"\n", `KEY: "\n"`},
		{"a\u2028b\u0085\u00a0\ufeff", `KEY: "a\u2028b\u0085\u00a0\ufeff"`},
	} {
		if got := editedText(secret.Data{"KEY": []byte(c.value)}); got != c.want+"\n" {
			t.Errorf("%q: got\n%s\nwant\n%s", c.value, got, c.want)
		}
	}
}

func TestEditedTextIsSorted(t *testing.T) {
	got := editedText(secret.Data{"b": []byte("1\n"), "-": []byte("x"), "B": []byte("y"), "5": []byte("z"), "null": nil})
	if want := "-: x\n5: z\nB: \"y\"\nb: |\n  1\nnull: \"\"\n"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestTextIsTakenAsItIsWritten(t *testing.T) {
	for text, want := range map[string]string{
		"KEY: 5":                     "5",
		"KEY: 1e3":                   "1e3",
		"KEY: 0x1F":                  "0x1F",
		"KEY: 010":                   "010",
		"KEY: 1_000":                 "1_000",
		"KEY: 12:30:45":              "12:30:45",
		"KEY: 2001-01-01":            "2001-01-01",
		"KEY: yes":                   "yes",
		"KEY: True":                  "True",
		"KEY: null":                  "null",
		"KEY: ~":                     "~",
		"KEY: .inf":                  ".inf",
		"KEY: <<":                    "<<",
		"KEY:   a  b  ":              "a  b",
		`KEY: C:\dir\x`:              `C:\dir\x`,
		`KEY: a"b'c`:                 `a"b'c`,
		"KEY: a#b":                   "a#b",
		`KEY: ""`:                    "",
		`KEY: "a\nb\u00e9\x41" # x`:  "a\nb\u00e9A",
		`KEY: 'it''s' # x`:           "it's",
		"KEY: |\n a\n b\n\n":         "a\nb\n",
		"KEY: |-\n  a\n  b":          "a\nb",
		"KEY: |+\n  a\n\n":           "a\n\n",
		"KEY: |4\n      a\n    b":    "  a\nb\n",
		"KEY: >\n  a\n  b":           "a b\n",
		"KEY: |\r\n  a\r\n  b\r\n":   "a\nb\n",
		"KEY:\n  a":                  "a",
		`"KEY": a`:                   "a",
		"  KEY: a":                   "a",
		"KEY: a\n\n# note\n":         "a",
		"\n# note\n  # note\nKEY: a": "a",
	} {
		got, err := parseEdited(text)
		if err != nil || len(got) != 1 || string(got["KEY"]) != want {
			t.Errorf("%q: got %q, %v", text, got["KEY"], err)
		}
	}
	if got, err := parseEdited("# none\n{}\n# none\n"); err != nil || len(got) != 0 {
		t.Errorf("got %d keys, %v", len(got), err)
	}
}

func TestTextThatIsRefused(t *testing.T) {
	const key = `what stands before the colon is no key of a Secret, which has letters, digits, "-", "_" and "."`
	for text, want := range map[string]string{
		"KEY:":                               `line 1: key KEY has no value: write "" for an empty one, quote what begins with #, or delete the line`,
		"KEY: #hunter2":                      `line 1: key KEY has no value: write "" for an empty one, quote what begins with #, or delete the line`,
		"KEY: a #hunter2":                    `line 1: key KEY goes on with " #", where a comment begins: quote the value, or put the comment on a line of its own`,
		"KEY: *hunter2":                      "line 1: key KEY is not YAML: what begins with * must be quoted",
		"KEY: &hunter2 a":                    "line 1: key KEY begins with & or !: quote it",
		"KEY: !hunter2 a":                    "line 1: key KEY begins with & or !: quote it",
		"KEY: !!binary aHVudGVyMg==":         "line 1: key KEY begins with & or !: quote it",
		"KEY: {hunter2: a}":                  "line 1: key KEY is no text: quote what begins with [, {, * or -, or what has a colon at its end",
		"KEY: [hunter2]":                     "line 1: key KEY is no text: quote what begins with [, {, * or -, or what has a colon at its end",
		"KEY:\n  - hunter2":                  "line 1: key KEY is no text: quote what begins with [, {, * or -, or what has a colon at its end",
		"KEY:\n  hunter2: a":                 "line 1: key KEY is no text: quote what begins with [, {, * or -, or what has a colon at its end",
		"A: 1\nKEY: a: hunter2\nB: 2":        "line 2: key KEY is not YAML: mapping values are not allowed in this context",
		"A: 1\nKEY: @hunter2\nB: 2":          "line 2: key KEY is not YAML: found character that cannot start any token",
		"A: 1\nKEY: \"hunter2\nB: 2":         "line 2: key KEY is not YAML: found unexpected end of stream",
		"A: 1\nKEY: 'hunter's'\nB: 2":        "line 2: key KEY is not YAML: did not find expected key",
		"KEY: \"\\qhunter2\"":                "line 1: key KEY is not YAML: found unknown escape character",
		"KEY: |hunter2":                      "line 1: key KEY is not YAML: did not find expected comment or line break",
		"KEY: a\x01":                         "line 1: key KEY is not YAML: control characters are not allowed",
		"KEY: hunter\n  2":                   "line 1: key KEY goes on on the next line: write | after the colon, and all of its lines indented under it",
		"KEY: 'hunter\n  2'":                 "line 1: key KEY goes on on the next line: write | after the colon, and all of its lines indented under it",
		"KEY: \"hunter\\\n  2\"":             "line 1: key KEY goes on on the next line: write | after the colon, and all of its lines indented under it",
		"KEY: hunter\u20282":                 `line 1: has a character that breaks lines: write \r, \x85, \u2028 or \u2029 in double quotes`,
		"A: 1\nKEY: hunter\r2":               `line 2: has a character that breaks lines: write \r, \x85, \u2028 or \u2029 in double quotes`,
		"KEY: hunter\xff2":                   "line 1: is not UTF-8",
		"A: 1\nKEY: 2\n\nA: hunter2":         "line 4: key A is there twice",
		"A: 1\nhunter2\nB: 2":                "line 2: must be KEY: value on a line of its own",
		"KEY: |\n  a\nhunter2 = x: y":        "line 3: " + key,
		"hun/ter2: a":                        "line 1: " + key,
		": hunter2":                          "line 1: is not YAML: did not find expected key",
		"&hunter2 KEY: a":                    "line 1: " + key,
		"..hunter2: a":                       "line 1: " + key,
		"{KEY: hunter2}":                     "line 1: must be KEY: value on a line of its own",
		"- hunter2":                          "line 1: must be KEY: value on a line of its own",
		"KEY: a\n---\nB: hunter2":            "line 2: must be KEY: value on a line of its own",
		"KEY: a\n  B: hunter2":               "line 1: key KEY is not YAML: mapping values are not allowed in this context",
		"  KEY: a\n  B: hunter2":             "line 1: must be KEY: value on a line of its own",
		"{}\nKEY: hunter2":                   "line 1: {} is for a Secret without keys, and there are some",
		"# x\nKEY: hunter2\n{}":              "line 3: {} is for a Secret without keys, and there are some",
		"KEY: |\n  hunter2\n# note\n  again": "line 1: key KEY is not YAML: did not find expected key",
	} {
		_, err := parseEdited(text)
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// onSaving is what editors do to a text when they save it.
var onSaving = map[string]func(string) string{
	"nothing":             func(text string) string { return text },
	"lines of Windows":    func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
	"no last line end":    func(text string) string { return strings.TrimRight(text, "\n") },
	"one more line end":   func(text string) string { return text + "\n" },
	"no spaces at an end": trimmedLines,
}

func trimmedLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \t")
	}
	return strings.Join(lines, "\n")
}

// FuzzEditedText checks that a content is read back from its text as it was, whatever an
// editor does to the text when it saves it.
func FuzzEditedText(f *testing.F) {
	for _, value := range []string{"", "a", "5", "yes", " a", "a\n", "\na", "\n\n", " \n a", "a\tb\n\tc", "a\r\nb", "# a\nb", "- a\n", "? a", "---\n...\n", "a: b", `"`, "'", `\`, "%", "@", "`", "é\u0085\u2028", "\ufeffa", "🐘\n🐘", "\x7f", "\x01", "{}", "[", "!a", "&a", "*a", "|", ">", "a #", "a:", ":", "~", "<<", "=", "0o7", "2001-01-01"} {
		f.Add("KEY", value, "x")
		f.Add("5", "x", value)
		f.Add("-", value+"\n", value)
	}
	f.Fuzz(func(t *testing.T, key, value, next string) {
		if secret.CheckKey(key) != nil || !utf8.ValidString(value) || !utf8.ValidString(next) {
			return
		}
		data := secret.Data{key: []byte(value), "b": []byte(next)}
		text := editedText(data)
		for name, save := range onSaving {
			got, err := parseEdited(save(text))
			if err != nil || !got.Equal(data) {
				t.Errorf("%s: %q became %q, %v; text\n%s", name, data, got, err, text)
			}
		}
	})
}

// FuzzParseEdited checks that any text is refused, or stands for a content whose own text
// stands for the same.
func FuzzParseEdited(f *testing.F) {
	for _, text := range []string{"A: b\n", "A: |\n  b\n", "A: 'b'\nC: \"d\"\n", "A:\n  b\n", "A: *b\n", "? A\n", "{}", "{A: b}", "- a", "A: >-\n  b\n\n  c\n", "\t", "A: b # c", "---\nA: b", "%YAML 1.1", "\"A\": b", "'A': !!str b", "A: &x b"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		data, err := parseEdited(text)
		if err != nil {
			return
		}
		again, err := parseEdited(editedText(data))
		if err != nil || !again.Equal(data) {
			t.Errorf("%q is %q, and then %q, %v", text, data, again, err)
		}
	})
}
