package crash_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// watcher is a runner: a process of its own, which does not end by itself.
type watcher struct {
	*exec.Cmd
	log *os.File
}

// watch starts a runner of the site's namespace.
func (s *site) watch(t *testing.T, args ...string) *watcher {
	t.Helper()
	log, err := os.CreateTemp(t.TempDir(), "runner-*.log")
	if err != nil {
		t.Fatal(err)
	}
	args = append([]string{"reconcile", "--watch", "--metrics-listen="}, args...)
	w := &watcher{s.home.Command("kubectl-dbtether", args...), log}
	w.Stdout, w.Stderr = log, log
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if w.ProcessState == nil {
			_ = w.Process.Kill()
			_ = w.Wait()
		}
		if t.Failed() {
			t.Logf("a runner said:\n%s", w.said(t))
		}
	})
	return w
}

func (w *watcher) said(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(w.log.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// stop ends the runner as Kubernetes does, and expects that it ends well and in time.
func (w *watcher) stop(t *testing.T) {
	t.Helper()
	if err := w.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(30*time.Second, func() { _ = w.Process.Signal(syscall.SIGQUIT) })
	defer overdue.Stop()
	if err := w.Wait(); err != nil {
		t.Errorf("the runner does not end well: %v", err)
	}
}

// waitReady waits until the site's database and user are Ready, as they are specified now.
func (s *site) waitReady(t *testing.T) {
	t.Helper()
	testenv.Within(t, time.Minute, "the user is ready", func() error {
		for resource, name := range map[schema.GroupVersionResource]string{v1alpha1.Databases: s.database, v1alpha1.DatabaseUsers: s.user} {
			object, err := s.env.objects.Resource(resource).Namespace(s.name).Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				return err
			}
			phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
			observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
			if phase != v1alpha1.PhaseReady || observed != object.GetGeneration() {
				message, _, _ := unstructured.NestedString(object.Object, "status", "message")
				return fmt.Errorf("%s is %q: %s", object.GetKind(), phase, message)
			}
		}
		return nil
	})
}

// killWatching starts a runner that is killed at a point.
func (s *site) killWatching(t *testing.T, point crash.Point) {
	t.Helper()
	running := make(chan *os.Process, 1)
	died := s.journal.Watch(point, func() { _ = (<-running).Kill() })
	w := s.watch(t)
	running <- w.Process
	ended := make(chan error, 1)
	go func() { ended <- w.Wait() }()
	select {
	case err := <-ended:
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("the runner was not killed: %v, its writes are %v", err, s.journal.Writes())
		}
	case <-time.After(time.Minute):
		t.Fatalf("the runner has not come to write %d, its writes are %v", point.Number, s.journal.Writes())
	}
	select {
	case <-died:
	case <-time.After(10 * time.Second):
		t.Fatal("the process that was killed was not the one that had asked: its connection is still open")
	}
	s.journal.Watch(crash.Point{}, nil)
}
