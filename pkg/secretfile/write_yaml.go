package secretfile

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// plainYAML are words that no version of YAML takes for anything else, but for those
// of yamlWords.
var plainYAML = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_./+=-]*$`)

// yamlWords are booleans and nulls of YAML 1.1 (yaml.org/type/bool.html, null.html),
// which kubectl reads.
var yamlWords = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null"}

func writeYAML(data secret.Data) ([]byte, error) {
	file, err := lines(YAML, data, func(key string, value []byte) (text, why string) {
		if !utf8.Valid(value) {
			return "", notText
		}
		return yamlWord(key) + ": " + yamlString(string(value)) + "\n", ""
	})
	if err != nil || len(file) == 0 {
		return []byte("{}\n"), err
	}
	return file, nil
}

// yamlWord returns text without quotes where that means the same.
func yamlWord(text string) string {
	if plainYAML.MatchString(text) && !slices.Contains(yamlWords, strings.ToLower(text)) {
		return text
	}
	return yamlString(text)
}

// yamlString returns text, which is UTF-8, in double quotes, with an escape for all that
// a reader could change or refuse: controls, line ends of Unicode, byte order marks,
// spaces other than the usual one (YAML 1.2.2, section 5.7).
func yamlString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case unicode.IsPrint(r): // of the spaces, this is the usual one only
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
