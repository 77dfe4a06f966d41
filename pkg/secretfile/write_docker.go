package secretfile

import (
	"bufio"
	"bytes"
	"unicode/utf8"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// writeDocker returns a file for docker's --env-file. That is read line by line, takes
// each value as it stands after the first =, and knows no quotes and no escapes
// (docker/cli, package kvfile).
func writeDocker(data secret.Data) ([]byte, error) {
	return lines(Docker, data, func(key string, value []byte) (text, why string) {
		line := key + "=" + string(value) + "\n"
		switch {
		case bytes.IndexByte(value, '\n') >= 0:
			return "", "it has several lines, and docker reads each as another variable"
		case bytes.HasSuffix(value, []byte("\r")):
			return "", "it ends with a carriage return, which docker drops"
		case bytes.IndexByte(value, 0) >= 0:
			return "", "it holds a NUL byte, which no environment variable can"
		case !utf8.Valid(value):
			return "", notText
		case len(line) > bufio.MaxScanTokenSize:
			return "", "it is longer than the lines that docker reads, which end at 65536 bytes"
		}
		return line, ""
	})
}
