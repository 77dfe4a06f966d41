package plugin

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

// What a command says when it fails, and how it exits:
//
//   - A command returns errors, it never prints them. Main prints the cause as
//     "error: …" and what to do about it as "hint:  …", both on stderr. Further
//     lines are indented under the first.
//   - An error may know its hint (Hint() string) and its exit code (ExitCode()
//     int); the outermost one wins. Errors of the Kubernetes API get both in
//     apierror.go, so commands only add what they alone know.
//   - What cobra refuses before the command runs (flags, number of arguments,
//     unknown commands) is an error of usage.
//   - Stdout carries data only. Hints, notes, prompts and progress are on stderr.
const (
	// ExitDone: what was asked for is so.
	ExitDone = 0
	// ExitFailed: it is not.
	ExitFailed = 1
	// ExitUsage: the command was not understood, nothing was done.
	ExitUsage = 2
	// ExitDenied: a policy says no.
	ExitDenied = 3
	// ExitWaiting: someone or something else has to act first.
	ExitWaiting = 8
)

type hinter interface{ Hint() string }

type exitCoder interface{ ExitCode() int }

// hintedError is a cause with a hint.
type hintedError struct {
	error
	hint string
}

func (e *hintedError) Unwrap() error { return e.error }
func (e *hintedError) Hint() string  { return e.hint }

// Hinted returns err with a hint that says what to do about it. It returns nil
// for nil.
func Hinted(err error, hint string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hintedError{err, fmt.Sprintf(hint, args...)}
}

// codedError is a cause with an exit code.
type codedError struct {
	error
	code int
}

func (e *codedError) Unwrap() error { return e.error }
func (e *codedError) ExitCode() int { return e.code }

// withExitCode returns err with the exit code that it leads to.
func withExitCode(err error, code int) error { return &codedError{err, code} }

// Usagef returns an error of usage: exit code 2.
func Usagef(format string, args ...any) error {
	return withExitCode(fmt.Errorf(format, args...), ExitUsage)
}

// renamedError says in other words what its cause says.
type renamedError struct {
	text  string
	cause error
}

func (e *renamedError) Error() string { return e.text }
func (e *renamedError) Unwrap() error { return e.cause }

// errSilent fails without a word: the program that was run has said why.
var errSilent = errors.New("")

// runError marks an error that a command returned, as opposed to one of cobra.
type runError struct{ error }

func (e *runError) Unwrap() error { return e.error }

// asUsage turns an error of cobra into an error of usage.
func asUsage(err error, command *cobra.Command) error {
	err = withExitCode(err, ExitUsage)
	var known hinter
	if errors.As(err, &known) || command == nil {
		return err
	}
	return Hinted(err, "%s --help", command.CommandPath())
}

// report prints err and its hint on stderr and returns the exit code.
func (e *Environment) report(err error) int {
	explained := explain(err)
	printPrefixed(e.ErrOut, "error: ", explained.cause)
	printPrefixed(e.ErrOut, "hint:  ", explained.hint)
	return explained.code
}

// note prints something worth knowing on stderr.
func (e *Environment) note(format string, args ...any) {
	printPrefixed(e.ErrOut, "note:  ", fmt.Sprintf(format, args...))
}

// warn prints something that may turn out to be wrong on stderr.
func (e *Environment) warn(format string, args ...any) {
	printPrefixed(e.ErrOut, "warning: ", fmt.Sprintf(format, args...))
}

func printPrefixed(out io.Writer, prefix, text string) {
	text = strings.TrimSpace(text)
	if text == "" {
		return
	}
	indent := "\n" + strings.Repeat(" ", len(prefix))
	fmt.Fprintln(out, prefix+strings.ReplaceAll(text, "\n", indent))
}
