package plugin

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// The exit codes of a shell for a command that it does not run (POSIX, "Shell Command
// Language", section "Exit Status for Commands").
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// findProgram returns the path of a command, which is sought in our PATH. Its errors have
// a shell's exit codes.
func findProgram(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	failed := func(cause error, code int, hint string, args ...any) (string, error) {
		return "", withExitCode(Hinted(fmt.Errorf("run %q: %w", name, cause), hint, args...), code)
	}
	var lookup *exec.Error
	if errors.As(err, &lookup) {
		err = lookup.Err
	}
	var stat *fs.PathError // which names it again
	if errors.As(err, &stat) {
		err = stat.Err
	}
	switch {
	case errors.Is(err, exec.ErrDot):
		return failed(errors.New("it is in the current directory, and PATH leads there"), exitNotFound, "write .%c%s if that is what you mean", filepath.Separator, name)
	case errors.Is(err, fs.ErrPermission):
		return failed(err, exitNotExecutable, "it is there, but not executable: chmod +x %s", name)
	case errors.Is(err, syscall.EISDIR):
		return failed(err, exitNotExecutable, "name a program in it")
	case errors.Is(err, exec.ErrNotFound) && !strings.ContainsRune(name, filepath.Separator):
		if file, found := inPath(name); found {
			return failed(fs.ErrPermission, exitNotExecutable, "it is there, but not executable: chmod +x %s", file)
		}
		return failed(errors.New("command not found"), exitNotFound, "PATH does not have it: install it, or write where it is")
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return failed(err, exitNotFound, "see whether the path is right")
	default:
		return failed(err, exitNotExecutable, "see whether the path is right")
	}
}

// inPath returns the first file of a name in PATH, executable or not.
func inPath(name string) (string, bool) {
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && name != "" { //nolint:gosec // whoever runs this names both
			return file, true
		}
	}
	return "", false
}

// explainExecution says why the system did not execute a command that was found: with the
// exit code that a shell has for it. Errors that say something else, and nil, stay.
func explainExecution(err error, command, environment []string) error {
	var number syscall.Errno
	if !errors.As(err, &number) {
		return err
	}
	name := command[0]
	err = fmt.Errorf("run %q: %w", name, err)
	switch number {
	case syscall.E2BIG:
		err = explainSize(name, command, environment)
	case syscall.ENOEXEC:
		err = Hinted(err, "of a script the first line has to name the interpreter, as #!/bin/sh does")
	case syscall.ENOENT:
		err = Hinted(err, "the file is there: see whether the interpreter is that its first line names")
	}
	return withExitCode(err, exitNotExecutable)
}

// explainSize says what of the arguments and the environment is too large (Linux manual,
// execve(2), "Limits on size of arguments and environment").
func explainSize(name string, command, environment []string) error {
	total := 0
	for _, text := range command {
		total += len(text) + 1
	}
	largest := ""
	for _, text := range environment {
		total += len(text) + 1
		if len(text) > len(largest) {
			largest = text
		}
	}
	if one := 32 * os.Getpagesize(); runtime.GOOS == "linux" && len(largest) >= one {
		variable, _, _ := strings.Cut(largest, "=")
		return Hinted(fmt.Errorf("run %q: variable %s has %d KiB, and Linux takes less than %d KiB of one", name, variable, len(largest)/1024, one/1024),
			"leave it out with --only, and hand it over as a file")
	}
	return Hinted(fmt.Errorf("run %q: arguments and environment have %d KiB, which is more than this system takes", name, total/1024),
		"choose variables with --only, or leave your own out with --pristine; getconf ARG_MAX says how much it takes")
}
