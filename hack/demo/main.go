// Command demo shows dbtether at work for real: it brings up a Kubernetes API
// server and a PostgreSQL on loopback, registers the one with the other,
// provisions a database and users with the plugin itself, and logs in with what
// the Secrets say. Everything it started is stopped at the end.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) (err error) {
	started := time.Now()
	log := func(format string, a ...any) {
		fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, a...))
	}
	log("bringing up PostgreSQL and a Kubernetes API server; the first time they are downloaded and built, which takes minutes")
	postgres, err := testenv.StartPostgreSQL(ctx, testenv.PostgreSQLOptions{Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, postgres.Stop()) }()
	kubernetes, err := testenv.StartControlPlane(ctx, testenv.ControlPlaneOptions{Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, kubernetes.Stop()) }()
	log("building the plugin and the webhook")
	bin, root, err := build(ctx, kubernetes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(bin)) }()
	show := &show{ctx: ctx, root: root, environment: append(os.Environ(), "KUBECONFIG="+kubernetes.Kubeconfig, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))}
	webhook, err := kubernetes.StartWebhook(filepath.Join(bin, "webhook"))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, webhook.Stop()) }()
	show.install(webhook.URL)
	if err := show.story(postgres); err != nil {
		return err
	}
	log("done; stopping both servers")
	return nil
}

// build builds the plugin and the webhook into a temporary folder, with a kubectl
// beside them, and returns that folder and the repository's.
func build(ctx context.Context, kubernetes *testenv.ControlPlane) (bin, root string, err error) {
	if root, err = testenv.Root(); err != nil {
		return "", "", err
	}
	if bin, err = os.MkdirTemp("", "dbtether-demo-*"); err != nil {
		return "", "", err
	}
	compile := exec.CommandContext(ctx, "go", "build", "-o", bin+string(filepath.Separator), "./cmd/...")
	compile.Dir = root
	if out, err := compile.CombinedOutput(); err != nil {
		return "", "", errors.Join(fmt.Errorf("build: %w\n%s", err, out), os.RemoveAll(bin))
	}
	return bin, root, os.Symlink(kubernetes.Kubectl, filepath.Join(bin, "kubectl"))
}
