// Command demo shows dbtether at work for real: it brings up a Kubernetes API
// server and a PostgreSQL on loopback, registers the one with the other,
// provisions a database and users with the plugin itself, and logs in with what
// the Secrets say. Everything it started is stopped at the end.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/cast"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

func main() {
	recording := flag.String("cast", "", "file to which the demo is recorded, in asciinema's format")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := begin(ctx, *recording)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// begin runs the demo on this terminal, and records it where a file is given. A recording
// appears when it is whole.
func begin(ctx context.Context, recording string) error {
	if recording == "" {
		return run(ctx, terminal{os.Stdout})
	}
	var file bytes.Buffer
	recorder, err := cast.NewRecorder(&file, cast.Header{Width: 120, Height: 34, Title: "dbtether, from nothing to a login"}, 2*time.Second, time.Now)
	if err != nil {
		return err
	}
	if err := run(ctx, recorded{recorder, terminal{os.Stdout}}); err != nil {
		return err
	}
	return os.WriteFile(recording, file.Bytes(), 0o644)
}

// recorded is a terminal that is recorded.
type recorded struct {
	*cast.Recorder
	terminal terminal
}

func (r recorded) Write(text []byte) (int, error) {
	if n, err := r.Recorder.Write(text); err != nil {
		return n, err
	}
	return r.terminal.Write(text)
}

func (r recorded) Type(line string) error {
	return errors.Join(r.Recorder.Type(line), r.terminal.Type(line))
}

// shownPostgreSQL is the major version that README.md and the recording show. An installed
// server of another version would have other plans.
const shownPostgreSQL = 18

func run(ctx context.Context, screen screen) (err error) {
	started := time.Now()
	log := func(format string, a ...any) {
		fmt.Fprintf(os.Stderr, "%6.1fs  %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, a...))
	}
	log("bringing up PostgreSQL and a Kubernetes API server; the first time they are downloaded and built, which takes minutes")
	postgres, err := testenv.StartPostgreSQL(ctx, testenv.PostgreSQLOptions{Version: shownPostgreSQL, Log: log})
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
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	bin, err := build(ctx, kubernetes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(bin)) }()
	show := &show{ctx: ctx, root: root, screen: screen, environment: append(os.Environ(), "KUBECONFIG="+kubernetes.Kubeconfig, "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))}
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

// build makes a folder with the plugin, the webhook and kubectl.
func build(ctx context.Context, kubernetes *testenv.ControlPlane) (bin string, err error) {
	if bin, err = os.MkdirTemp("", "dbtether-demo-*"); err != nil {
		return "", err
	}
	err = errors.Join(testenv.Build(ctx, bin, "v0.1.0", "./cmd/..."), os.Symlink(kubernetes.Kubectl, filepath.Join(bin, "kubectl")))
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(bin))
	}
	return bin, nil
}
