package secretfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func writeJSON(data secret.Data) ([]byte, error) {
	file, err := lines(JSON, data, func(key string, value []byte) (text, why string) {
		if !utf8.Valid(value) {
			return "", notText
		}
		return "  " + jsonString(key) + ": " + jsonString(string(value)) + ",\n", ""
	})
	if err != nil || len(file) == 0 {
		return []byte("{}\n"), err
	}
	return []byte("{\n" + strings.TrimSuffix(string(file), ",\n") + "\n}\n"), nil
}

// jsonString returns text, which is UTF-8, in quotes, with <, > and & as they are.
func jsonString(text string) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(fmt.Sprintf("encode a string: %v", err)) // a string and a buffer do not fail
	}
	return strings.TrimSuffix(b.String(), "\n")
}
