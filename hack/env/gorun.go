package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// endWithGoRun makes a dying `go run`, if we run under one, a SIGTERM to us: it
// passes no signal on, so a killed one would leave us, and the servers, behind.
func endWithGoRun() {
	if !builtByGoRun() {
		return
	}
	parent := os.Getppid()
	go func() {
		for os.Getppid() == parent {
			time.Sleep(500 * time.Millisecond)
		}
		_ = syscall.Kill(os.Getpid(), syscall.SIGTERM)
	}()
}

// builtByGoRun reports whether our executable is one that `go run` has made: it
// lies in a build folder or in the build cache.
func builtByGoRun() bool {
	path, err := os.Executable()
	return err == nil && strings.Contains(filepath.ToSlash(filepath.Dir(path)), "go-build")
}
