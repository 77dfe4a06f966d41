// Command env brings up the servers that dbtether's tests and demos use: a
// Kubernetes control plane and PostgreSQL. Run it with --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	endWithGoRun()
	err := rootCommand().ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "Error: interrupted")
		return 130
	default:
		fmt.Fprintln(os.Stderr, "Error:", err)
		return 1
	}
}

// exitCode is the outcome of the command that `run` ran.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "env",
		Short: "Real servers for tests and demos: a Kubernetes API server with etcd, and PostgreSQL",
		Long: `Real servers for tests and demos: a Kubernetes API server with etcd, and PostgreSQL.
They listen on 127.0.0.1 only, keep their data in a temporary folder, and end
with this command, even if it is killed.

Kubernetes comes from $KUBEBUILDER_ASSETS, else from setup-envtest if that is on
PATH, else it is built with the go command as hack/controlplane pins it, or
hack/controlplane/oldest for --kubernetes oldest (minutes, once). PostgreSQL comes
from npm; --postgres any takes what the machine has.
Both are kept in .cache of the repository, or in $DBTETHER_CACHE.`,
		Example: `  go run ./hack/env up
  go run ./hack/env up --postgres 18,16
  go run ./hack/env run -- go test ./...
  go run ./hack/env run --postgres all -- bash`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(upCommand(), runCommand(), fetchCommand())
	return root
}

func upCommand() *cobra.Command {
	var wanted wantedServers
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Bring the servers up, say how to reach them, stop them at Ctrl-C or SIGTERM",
		Long: `Bring the servers up and say how to reach them. Progress goes to stderr, the
summary to stdout. Everything stops at Ctrl-C or SIGTERM.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return up(cmd.Context(), wanted, cmd.OutOrStdout(), newProgress(cmd.ErrOrStderr()))
		},
	}
	wanted.addFlags(cmd.Flags())
	return cmd
}

func runCommand() *cobra.Command {
	var wanted wantedServers
	cmd := &cobra.Command{
		Use:   "run [flags] -- COMMAND [ARGUMENT...]",
		Short: "Bring the servers up, run a command that uses them, stop them, exit with its code",
		Long: `Bring the servers up, run a command that uses them, stop them and exit with its
code. The command sees KUBECONFIG and DBTETHER_TESTENV: Go tests that use package
testenv then share these servers instead of starting their own.`,
		Example: `  go run ./hack/env run -- go test ./pkg/...
  go run ./hack/env run -- kubectl get namespaces`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runWith(cmd.Context(), wanted, args, newProgress(cmd.ErrOrStderr()))
		},
	}
	wanted.addFlags(cmd.Flags())
	// Flags after the command's name are the command's own.
	cmd.Flags().SetInterspersed(false)
	return cmd
}

func fetchCommand() *cobra.Command {
	var wanted wantedServers
	cmd := &cobra.Command{
		Use:   "fetch",
		Short: "Only download or build what the servers need, so that later runs start in seconds",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fetch(cmd.Context(), wanted, newProgress(cmd.ErrOrStderr()))
		},
	}
	wanted.addFlags(cmd.Flags())
	return cmd
}
