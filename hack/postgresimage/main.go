// Command postgresimage writes an image with the name of Docker's postgres:18, for nodes
// that reach no registry: the server of hack/testenv, psql of this machine, and the
// libraries of this machine that both need. It is for the end-to-end tests only.
//
//	go run ./hack/postgresimage --out bin/e2e
//
// It writes postgres.tar, an archive that `ctr images import` and `docker load` take.
// Where there is no psql, or where the server's libraries are not to be had, it writes
// postgres.missing instead, which says so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// reference is the name that a node looks for when a pod says postgres:18.
const reference = "docker.io/library/postgres:18"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "postgresimage:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("postgresimage", flag.ContinueOnError)
	out := flags.String("out", "", "`folder` to write to")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *out == "" {
		return errors.New("usage: postgresimage --out FOLDER")
	}
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	archive, missing := filepath.Join(*out, "postgres.tar"), filepath.Join(*out, "postgres.missing")
	if err := errors.Join(os.MkdirAll(*out, 0o755), remove(archive), remove(missing)); err != nil {
		return err
	}
	c, err := collect(ctx, root)
	if errors.Is(err, errMissing) {
		fmt.Fprintln(os.Stderr, "postgresimage:", err)
		return os.WriteFile(missing, []byte(err.Error()+"\n"), 0o644)
	}
	if err != nil {
		return err
	}
	return c.write(archive)
}

func remove(file string) error {
	if err := os.Remove(file); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
