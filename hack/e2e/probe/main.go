// Command probe is what runs in the pods of the end-to-end tests: an application
// that logs in to PostgreSQL with what its pod was given, a relay in front of a
// server outside the node, and what keeps a pod's namespaces.
//
//	probe                        wait for a signal: the container of a pod's sandbox
//	probe app                    log in with the variables, then wait
//	probe login environment      log in and say as whom
//	probe login files USER       the same, with the files of a binding
//	probe login libpq            the same, with libpq's service file
//	probe steady files USER      log in again and again, and say when it fails, or as whom
//	probe steady libpq           it does so now; both until a signal
//	probe relay LISTEN TARGET    pass TCP connections on
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "probe:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 0:
		<-ctx.Done()
		return nil
	case slices.Equal(args, []string{"app"}):
		if err := login(ctx, fromEnvironment); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	case slices.Equal(args, []string{"login", "environment"}):
		return login(ctx, fromEnvironment)
	case len(args) == 3 && args[0] == "login" && args[1] == "files":
		return login(ctx, func() (string, error) { return fromFiles(args[2]) })
	case slices.Equal(args, []string{"login", "libpq"}):
		return login(ctx, fromServiceFile)
	case len(args) == 3 && args[0] == "steady" && args[1] == "files":
		return steady(ctx, func() (string, error) { return fromFiles(args[2]) })
	case slices.Equal(args, []string{"steady", "libpq"}):
		return steady(ctx, fromServiceFile)
	case len(args) == 3 && args[0] == "relay":
		return relay(ctx, args[1], args[2])
	}
	return errors.New("arguments not understood: see the comment of its source")
}

// patience is how long a login may take: the network of a pod that has just started
// is not there at once.
const patience = 20 * time.Second
