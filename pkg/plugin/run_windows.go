package plugin

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"strings"
)

// execute runs a program and returns its exit code as an error, as Windows cannot replace
// a process. The console sends an interrupt to both: it is for the program to decide what
// comes of it.
func execute(ctx context.Context, env *Environment, program string, command, environment []string) error {
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	child := exec.CommandContext(context.WithoutCancel(ctx), program, command[1:]...)
	child.Env, child.Stdin, child.Stdout, child.Stderr = environment, env.In, env.Out, env.ErrOut
	err := child.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return withExitCode(errSilent, exit.ExitCode())
	}
	return err
}

// sameVariable reports whether two names are those of one variable.
func sameVariable(a, b string) bool { return strings.EqualFold(a, b) }
