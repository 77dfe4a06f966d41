package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	typed "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

const (
	// loadClients create pods that are not stored, each at most so often a second: for
	// what the API server asks of the webhook it makes no difference whether a pod is
	// stored. One more client creates pods that start.
	loadClients = 4
	loadRate    = 15
	// leastLoad is how many a second there have to be, on a machine with other work.
	leastLoad = 3
)

// load is pods that ask for a credential, created all the time.
type load struct {
	site    *site
	asked   atomic.Int64 // answered as they are to be
	started atomic.Int64 // pods that have run and logged in

	mutex    sync.Mutex
	failures []string
	counted  string // failed reviews, as the API server counts them
}

// startLoad goes on until the test ends.
func (s *site) startLoad(t *testing.T) *load {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal([]byte(read(t, "load.yaml")), &pod); err != nil {
		t.Fatal(err)
	}
	l := &load{site: s, counted: s.failedReviews(t)}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for i := range loadClients + 1 {
		mine := *config
		mine.QPS, mine.Burst = loadRate, loadRate
		client, err := kubernetes.NewForConfig(&mine)
		if err != nil {
			t.Fatal(err)
		}
		create := l.tryOne
		if i == loadClients {
			create = l.runOne
		}
		running.Go(func() {
			for ctx.Err() == nil {
				if err := create(ctx, client.CoreV1().Pods(pod.Namespace), pod.DeepCopy()); err != nil && ctx.Err() == nil {
					l.fail(err)
				}
			}
		})
	}
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return l
}

// patience bounds one creation: the API server gives up on a webhook much sooner.
const patience = 30 * time.Second

func (l *load) tryOne(ctx context.Context, pods typed.PodInterface, pod *corev1.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	created, err := pods.Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return err
	}
	l.asked.Add(1)
	return injected(created)
}

// runOne creates a pod that logs in and ends, and removes it.
func (l *load) runOne(ctx context.Context, pods typed.PodInterface, pod *corev1.Pod) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	created, err := pods.Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	err = injected(created)
	if err == nil {
		err = wait.PollUntilContextCancel(ctx, 500*time.Millisecond, true, func(ctx context.Context) (bool, error) {
			now, err := pods.Get(ctx, created.Name, metav1.GetOptions{})
			if err == nil && now.Status.Phase == corev1.PodFailed {
				said, _ := pods.GetLogs(created.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
				err = fmt.Errorf("it failed: %s", said)
			}
			return err == nil && now.Status.Phase == corev1.PodSucceeded, err
		})
	}
	if err == nil {
		l.started.Add(1)
	}
	now := int64(0)
	removed := pods.Delete(context.WithoutCancel(ctx), created.Name, metav1.DeleteOptions{GracePeriodSeconds: &now})
	if err = errors.Join(err, removed); err != nil {
		return fmt.Errorf("pod %q: %w", created.Name, err)
	}
	return nil
}

// injected returns an error unless the pod was given what it asks for.
func injected(pod *corev1.Pod) error {
	if got := pod.Annotations["dbtether.io/injected"]; !strings.HasPrefix(got, "orders-api@") {
		return fmt.Errorf("a pod was given %q", got)
	}
	return nil
}

// failed returns the failures since it was called before.
func (l *load) failed() []string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	failures := l.failures
	l.failures = nil
	return failures
}

func (l *load) fail(err error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.failures = append(l.failures, time.Now().Format("15:04:05.000 ")+err.Error())
}

// exception is what may go wrong with a few pods during a change.
type exception struct {
	why      string
	refusals []string // what those that are refused are told
	unasked  bool     // the API server counts reviews that failed
}

// drain is a fault of the version that hack/history/commit.txt names. It can go when that,
// or the last tag, is a later version.
var drain = &exception{why: "the version before closes connections on which a review may be on its way", unasked: true,
	refusals: []string{": EOF", ": write: broken pipe", ": connection reset by peer", "NOT-INJECTED: "}}

// fewest is how many pods an exception may be about.
const fewest = 5

// during does something, and fails the test where pods fail meanwhile, or where the API
// server counts a review that did, but for the exception.
func (l *load) during(t *testing.T, but *exception, do func(*testing.T)) {
	t.Helper()
	began, asked, started := time.Now(), l.asked.Load(), l.started.Load()
	do(t)
	if t.Failed() || t.Skipped() {
		return
	}
	// What is on its way still counts, and what is told to nobody yet.
	time.Sleep(3 * time.Second)
	asked, started = l.asked.Load()-asked, l.started.Load()-started
	t.Logf("in %.0f s %d pods were asked about and %d have run", time.Since(began).Seconds(), asked, started)
	if asked < int64(leastLoad*time.Since(began).Seconds()) {
		t.Error("that is no load")
	}
	failures := l.failed()
	if excused := but.of(failures); len(excused) > 0 && len(excused) <= fewest {
		t.Logf("%d pods were refused because %s, the first of them:\n%s", len(excused), but.why, excused[0])
		failures = slices.DeleteFunc(failures, func(said string) bool { return slices.Contains(excused, said) })
	}
	if len(failures) > 0 {
		t.Errorf("%d failed, the first of them:\n%s", len(failures), strings.Join(failures[:min(5, len(failures))], "\n"))
	}
	counted := l.site.failedReviews(t)
	switch {
	case counted == l.counted:
	case but != nil && but.unasked:
		t.Logf("the API server counts reviews that failed, because %s:\n%s", but.why, counted)
	default:
		t.Errorf("the API server counts reviews that failed:\n%sbefore:\n%s", counted, l.counted)
	}
	l.counted = counted
}

// of returns those of the failures that the exception is about.
func (e *exception) of(failures []string) []string {
	if e == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(failures), func(said string) bool {
		return !slices.ContainsFunc(e.refusals, func(refusal string) bool { return strings.Contains(said, refusal) })
	})
}

// failedReviews returns what the API server counts of reviews that it could not have done.
func (s *site) failedReviews(t *testing.T) string {
	t.Helper()
	failed, err := testenv.FailedReviews(s.kubectl(t, "get", "--raw", "/metrics"))
	if err != nil {
		t.Fatal(err)
	}
	return failed
}
