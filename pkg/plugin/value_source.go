package plugin

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
)

// valueSource is where a secret value may come from, in the words of the command line: what
// it is for, and how it is passed on stdin and as a file.
type valueSource struct{ name, stdin, file string }

// secretValue returns the value of a flag that holds a secret: - is stdin, less
// one line end; @FILE is a file, unchanged; nothing is a prompt; anything else is
// the value, with a warning, because processes and shell histories show it.
func (e *Environment) secretValue(ctx context.Context, flag, argument, prompt string) (string, error) {
	source := valueSource{"--" + flag, "--" + flag + " -", "--" + flag + " @FILE"}
	if argument == "" {
		return e.promptedValue(ctx, source, prompt)
	}
	return e.passedValue(source, argument)
}

// promptedValue asks for a value.
func (e *Environment) promptedValue(ctx context.Context, source valueSource, prompt string) (string, error) {
	value, err := e.readHidden(ctx, prompt)
	return value, Hinted(err, "pass it with %s on stdin, or %s", source.stdin, source.file)
}

// passedValue returns what an argument says that is not a prompt.
func (e *Environment) passedValue(source valueSource, argument string) (string, error) {
	switch {
	case argument == "-":
		bytes, err := io.ReadAll(e.In)
		if err != nil {
			return "", fmt.Errorf("read %s from stdin: %w", source.name, err)
		}
		value := strings.TrimSuffix(string(bytes), "\n")
		return strings.TrimSuffix(value, "\r"), nil
	case strings.HasPrefix(argument, "@"):
		bytes, err := os.ReadFile(argument[1:])
		if err != nil {
			return "", fmt.Errorf("read %s: %w", source.name, err)
		}
		return string(bytes), nil
	default:
		e.warn("%s on the command line can be seen by others of this machine; use %s or %s", source.name, source.stdin, source.file)
		return argument, nil
	}
}
