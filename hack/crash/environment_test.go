package crash_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// environment is what all runs share: the servers, clients past the proxies, and a home
// with kubectl and the plugin.
type environment struct {
	home     testenv.Home
	kube     *rest.Config
	objects  dynamic.Interface
	core     corev1client.CoreV1Interface
	postgres *testenv.PostgreSQL
}

func newEnvironment(t *testing.T) *environment {
	t.Helper()
	return newEnvironmentOn(t, testenv.SharedControlPlane(t), testenv.SharedPostgreSQL(t, 18))
}

func newEnvironmentOn(t *testing.T, server *testenv.ControlPlane, postgres *testenv.PostgreSQL) *environment {
	t.Helper()
	e := &environment{postgres: postgres}
	var err error
	if e.home, err = server.NewHome(t.TempDir(), testenv.SharedPrograms(t, "")); err != nil {
		t.Fatal(err)
	}
	if e.kube, err = server.Config(); err != nil {
		t.Fatal(err)
	}
	if e.objects, err = dynamic.NewForConfig(e.kube); err != nil {
		t.Fatal(err)
	}
	if e.core, err = corev1client.NewForConfig(e.kube); err != nil {
		t.Fatal(err)
	}
	if err := server.Apply("crd/*.yaml"); err != nil {
		t.Fatal(err)
	}
	return e
}

// result is what a command came to.
type result struct {
	args           []string
	stdout, stderr string
	err            error
}

// String quotes everything, for messages of the test.
func (r result) String() string {
	return fmt.Sprintf("kubectl dbtether %s: %v\nstdout:\n%s\nstderr:\n%s", strings.Join(r.args, " "), r.err, r.stdout, r.stderr)
}

// run runs the plugin to its end.
func (s *site) run(t *testing.T, args ...string) result {
	t.Helper()
	return s.start(t, args, func(*os.Process) {})
}

func (s *site) mustRun(t *testing.T, args ...string) result {
	t.Helper()
	r := s.run(t, args...)
	if r.err != nil {
		t.Fatal(r)
	}
	return r
}

// start runs the plugin and tells of its process.
func (s *site) start(t *testing.T, args []string, started func(*os.Process)) result {
	t.Helper()
	cmd := s.home.Command("kubectl-dbtether", args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second // a plugin that outlives the process keeps its streams
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started(cmd.Process)
	overdue := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) }) // shows where it hangs
	err := cmd.Wait()
	overdue.Stop()
	return result{args: args, stdout: stdout.String(), stderr: stderr.String(), err: err}
}

// runAndKill runs the plugin, kills it at the point and returns its writes.
func (s *site) runAndKill(t *testing.T, point crash.Point, args ...string) []crash.Write {
	t.Helper()
	running := make(chan *os.Process, 1)
	died := s.journal.Watch(point, func() {
		if err := (<-running).Kill(); err != nil {
			t.Errorf("kill the plugin: %v", err)
		}
	})
	r := s.start(t, args, func(p *os.Process) { running <- p })
	var exit *exec.ExitError
	if !errors.As(r.err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the plugin was not killed at %+v, its writes are %v: %v", point, s.journal.Writes(), r)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	select {
	case <-died:
	case <-ctx.Done():
		t.Fatal("the process that was killed was not the one that had asked: its connection is still open")
	}
	writes := s.journal.Writes()
	s.journal.Watch(crash.Point{}, nil)
	return writes
}
