package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// runWith runs a command beside the servers. Its error is the command's exitCode,
// if that is not 0.
func runWith(ctx context.Context, wanted wantedServers, args []string, progress *progress) error {
	s, err := start(ctx, wanted, progress)
	if err != nil {
		return err
	}
	log := progress.subject("command")
	log("%s", strings.Join(args, " "))
	code, err := runCommandWith(args, s.environment())
	if err == nil {
		log("exit code %d", code)
	}
	if err := errors.Join(err, s.stop()); err != nil {
		return err
	}
	if code != 0 {
		return exitCode(code)
	}
	return nil
}

// runCommandWith runs a command in our place: our stdio, our terminal, our
// signals. A command that died by a signal has the exit code of a shell's.
func runCommandWith(args, environment []string) (code int, err error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(), environment...)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(signals)
	release, err := testenv.StartBound(cmd, syscall.SIGKILL)
	if err != nil {
		return 127, err
	}
	ended := make(chan struct{})
	go forward(signals, cmd.Process, ended)
	err = cmd.Wait()
	release()
	close(ended)
	var failed *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case !errors.As(err, &failed):
		return 1, fmt.Errorf("run %q: %w", args[0], err)
	case failed.Sys().(syscall.WaitStatus).Signaled():
		return 128 + int(failed.Sys().(syscall.WaitStatus).Signal()), nil
	default:
		return failed.ExitCode(), nil
	}
}

// forward passes signals on until the command has ended. An interrupt from a
// terminal has reached the command already, as part of the same foreground
// group; a second one would tell it to hurry.
func forward(signals <-chan os.Signal, process *os.Process, ended <-chan struct{}) {
	onTerminal := term.IsTerminal(int(os.Stdin.Fd()))
	for {
		select {
		case <-ended:
			return
		case received := <-signals:
			if received != os.Interrupt || !onTerminal {
				_ = process.Signal(received)
			}
		}
	}
}
