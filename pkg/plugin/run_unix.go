//go:build unix

package plugin

import (
	"context"
	"os/signal"
	"syscall"
)

// execute replaces this process by a program: it returns only an error. The process group
// and the terminal stay. Go opens everything with O_CLOEXEC, so that nothing of ours is
// open in the program.
func execute(ctx context.Context, _ *Environment, program string, command, environment []string) error {
	// Signals that are caught have their default effect after an exec (POSIX, execve). They
	// have it from here on, so that none that arrives before is lost in our channel. Those
	// that were ignored when we began stay so, as nohup wants it.
	signal.Reset()
	if err := ctx.Err(); err != nil {
		return err
	}
	return syscall.Exec(program, command, environment)
}

// sameVariable reports whether two names are those of one variable.
func sameVariable(a, b string) bool { return a == b }
