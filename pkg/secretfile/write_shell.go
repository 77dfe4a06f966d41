package secretfile

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// shellName is a name (POSIX.1-2024, Base Definitions, section 3.216).
var shellName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// writeShell returns a script that exports the keys. Within single quotes nothing has a
// meaning but the quote that ends them (POSIX.1-2024, Shell Command Language, section
// 2.2.2).
func writeShell(data secret.Data) ([]byte, error) {
	return lines(Shell, data, func(key string, value []byte) (text, why string) {
		switch {
		case !shellName.MatchString(key):
			return "", "the name of a shell variable has only letters, digits and _, and begins with no digit"
		case bytes.IndexByte(value, 0) >= 0:
			return "", "it holds a NUL byte, which no shell variable can"
		}
		return "export " + key + "='" + strings.ReplaceAll(string(value), "'", `'\''`) + "'\n", ""
	})
}
