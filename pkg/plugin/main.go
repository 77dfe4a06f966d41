package plugin

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"

	"k8s.io/cli-runtime/pkg/genericiooptions"
)

// completer is the name under which kubectl asks a plugin for completions.
const completer = "kubectl_complete-dbtether"

// Main runs the command that args, which begin with the name of the program,
// ask for. It prints an error and its hint on stderr and returns the exit code;
// errors.go lists the codes. It ends early when ctx is cancelled.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, version string) int {
	streams := genericiooptions.IOStreams{In: stdin, Out: stdout, ErrOut: stderr}
	env := NewEnvironment(streams, version)
	root := New(env)
	root.SetArgs(arguments(args))
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)

	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return ExitDone
	}
	var ran *runError
	switch {
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		err = withExitCode(errors.New("interrupted"), explain(err).code)
	case !errors.As(err, &ran):
		err = asUsage(err, command)
	}
	return env.report(err)
}

// arguments returns what follows the program's name; where that name is the
// completer's, the arguments of cobra's completion command.
func arguments(args []string) []string {
	if len(args) == 0 {
		return nil
	}
	name := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	if name == completer {
		return append([]string{"__complete"}, args[1:]...)
	}
	return args[1:]
}
