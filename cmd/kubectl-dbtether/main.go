// Command kubectl-dbtether is a kubectl plugin for PostgreSQL databases and
// users. Under the name kubectl_complete-dbtether it answers kubectl's requests
// for completions.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/pkg/plugin"
)

// version is set by the linker: -X main.version=v0.1.0.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// After the first signal the second has its default effect: it ends us.
	context.AfterFunc(ctx, stop)
	os.Exit(plugin.Main(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr, ownVersion()))
}

func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
