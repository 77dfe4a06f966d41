package secretfile

import (
	"errors"
	"regexp"
	"strings"

	"github.com/joho/godotenv"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// plainEnv are values that every reader of .env files takes as they are.
var plainEnv = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]+$`)

// writeEnv returns a .env file. The library that reads such files is asked which quoting a
// value survives: single quotes know no escape, in double quotes a backslash or quote at the
// end is lost, and without quotes a value has no line ends.
func writeEnv(data secret.Data) ([]byte, error) {
	file, err := lines(Env, data, envLine)
	if err != nil {
		return nil, err
	}
	if read, err := godotenv.UnmarshalBytes(file); err != nil || !data.Equal(fromStrings(read)) {
		return nil, errors.New("write env: what was written is not what would be read")
	}
	return file, nil
}

func envLine(key string, value []byte) (text, why string) {
	if !carries(key+"=x\n", key, "x") {
		return "", "a name in a .env file has only letters, digits, _ and ."
	}
	for _, quoted := range envQuotings(string(value)) {
		if line := key + "=" + quoted + "\n"; carries(line, key, string(value)) {
			return line, ""
		}
	}
	return "", "its quotes, backslashes and line ends survive no quoting of a .env file"
}

// envQuotings returns ways to write the value, the most readable one first.
func envQuotings(value string) []string {
	var ways []string
	if plainEnv.MatchString(value) {
		ways = append(ways, value)
	}
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`, "\r", `\r`).Replace(value)
	return append(ways, "'"+value+"'", `"`+escaped+`"`, strings.ReplaceAll(value, "$", `\$`))
}

// carries reports whether the library reads exactly that from the line.
func carries(line, key, value string) bool {
	read, err := godotenv.Unmarshal(line)
	got, there := read[key]
	return err == nil && there && got == value && len(read) == 1
}

func fromStrings(values map[string]string) secret.Data {
	data := secret.Data{}
	for key, value := range values {
		data[key] = []byte(value)
	}
	return data
}
