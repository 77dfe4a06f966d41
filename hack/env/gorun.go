package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// endWithGoRun sends us a SIGTERM when the `go run` that we run under, if there is one,
// has ended.
func endWithGoRun() {
	if builtByGoRun() {
		testenv.EndWithParent(func() { _ = syscall.Kill(os.Getpid(), syscall.SIGTERM) })
	}
}

// builtByGoRun reports whether our executable is one that `go run` has made: it
// lies in a build folder or in the build cache.
func builtByGoRun() bool {
	path, err := os.Executable()
	return err == nil && strings.Contains(filepath.ToSlash(filepath.Dir(path)), "go-build")
}
