package crash_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/dynamic"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// environment is what all runs share: the servers and the built plugin.
type environment struct {
	dir      string // holds kubectl and the plugin, and is their home
	kube     *rest.Config
	objects  dynamic.Interface
	core     corev1client.CoreV1Interface
	postgres *testenv.PostgreSQL
}

func newEnvironment(t *testing.T) *environment {
	t.Helper()
	return newEnvironmentOn(t, testenv.SharedControlPlane(t), testenv.SharedPostgreSQL(t, 18))
}

// newOwnControlPlane starts an API server that nobody else uses, for what concerns
// everything on it.
func newOwnControlPlane(t *testing.T) *testenv.ControlPlane {
	t.Helper()
	server, err := testenv.StartControlPlane(t.Context(), testenv.ControlPlaneOptions{Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

// newOwnPostgreSQL starts a server that nobody else uses.
func newOwnPostgreSQL(t *testing.T, version int) *testenv.PostgreSQL {
	t.Helper()
	server, err := testenv.StartPostgreSQL(t.Context(), testenv.PostgreSQLOptions{Version: version, Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	return server
}

func newEnvironmentOn(t *testing.T, server *testenv.ControlPlane, postgres *testenv.PostgreSQL) *environment {
	t.Helper()
	e := &environment{dir: t.TempDir(), postgres: postgres}
	var err error
	if e.kube, err = clientcmd.BuildConfigFromFlags("", server.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	e.kube.QPS = -1
	if e.objects, err = dynamic.NewForConfig(e.kube); err != nil {
		t.Fatal(err)
	}
	if e.core, err = corev1client.NewForConfig(e.kube); err != nil {
		t.Fatal(err)
	}
	e.install(t, server)
	return e
}

func (e *environment) install(t *testing.T, server *testenv.ControlPlane) {
	t.Helper()
	plugin, err := built.plugin()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(plugin, filepath.Join(e.dir, "kubectl-dbtether")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(server.Kubectl, filepath.Join(e.dir, "kubectl")); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"kubectl dbtether crds | kubectl apply --server-side -f -",
		"kubectl wait --for=condition=Established --timeout=60s crd/dbclusters.dbtether.io crd/databases.dbtether.io crd/databaseusers.dbtether.io",
	} {
		command := e.command(server.Kubeconfig, "sh", "-c", line)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
	}
}

// built is the plugin, which is built once for all tests of the process, as the servers
// are started once.
var built = newBuild()

type build struct {
	plugin func() (string, error)
	remove func() error
}

func newBuild() build {
	var dir string
	return build{
		plugin: sync.OnceValues(func() (string, error) {
			root, err := testenv.Root()
			if err != nil {
				return "", err
			}
			if dir, err = os.MkdirTemp("", "dbtether-crash-"); err != nil {
				return "", err
			}
			plugin := filepath.Join(dir, "kubectl-dbtether")
			cmd := exec.Command("go", "build", "-o", plugin, "./cmd/kubectl-dbtether")
			cmd.Dir = root
			if out, err := cmd.CombinedOutput(); err != nil {
				return "", fmt.Errorf("build the plugin: %w\n%s", err, out)
			}
			return plugin, nil
		}),
		remove: func() error { return os.RemoveAll(dir) },
	}
}

// command returns a program that finds kubectl, the plugin and nothing of the
// person who runs the tests.
func (e *environment) command(kubeconfig, name string, args ...string) *exec.Cmd {
	path := e.dir + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd := exec.Command(name, args...)
	cmd.Env = []string{"PATH=" + path, "HOME=" + e.dir, "KUBECONFIG=" + kubeconfig}
	return cmd
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
	cmd := s.env.command(s.kubeconfig, filepath.Join(s.env.dir, "kubectl-dbtether"), args...)
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
