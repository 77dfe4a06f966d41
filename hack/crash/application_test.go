package crash_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// grace is the grace period of these tests: longer than an application takes from
// reading a Secret to logging in with it.
const grace = 4 * time.Second

// application logs in again and again, each time with what credential returns.
type application struct {
	credential func(context.Context) (*corev1.Secret, error)

	stop func()
	mu   sync.Mutex // guards what follows
	// logins counts them by the name of the login.
	logins map[string]int
	// failures are the errors of logins that failed, but for those that took so long that the
	// machine may have stood still. failed is when the first login failed, of whatever kind.
	failures []error
	failed   time.Time
}

// start lets an application run until stop is called, or the test has ended.
func start(t *testing.T, credential func(context.Context) (*corev1.Secret, error)) *application {
	ctx, cancel := context.WithCancel(t.Context())
	a := &application{credential: credential, logins: map[string]int{}}
	ended := make(chan struct{})
	a.stop = sync.OnceFunc(func() {
		cancel()
		<-ended
	})
	t.Cleanup(a.stop)
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			a.once(ctx)
		}
	}()
	return a
}

func (a *application) once(ctx context.Context) {
	began := time.Now()
	with, err := a.credential(ctx)
	if err == nil {
		var name string
		conn, connectErr := connect(ctx, with, "")
		if err = connectErr; err == nil {
			err = conn.QueryRow(ctx, "SELECT session_user").Scan(&name)
			_ = conn.Close(ctx)
		}
		if err == nil {
			a.succeeded(name)
			return
		}
	}
	if ctx.Err() != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed.IsZero() {
		a.failed = time.Now()
	}
	if time.Since(began) < grace/2 { // a machine that stood still is no fault of the rotation
		a.failures = append(a.failures, err)
	}
}

func (a *application) succeeded(login string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.logins[login]++
}

// count returns how many logins there were.
func (a *application) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := 0
	for _, n := range a.logins {
		all += n
	}
	return all
}

// live reads the Secret each time, as an application does that has it as a file.
func (s *site) live(ctx context.Context) (*corev1.Secret, error) {
	return s.env.core.Secrets(s.name).Get(ctx, s.secretName(), metav1.GetOptions{})
}

// always returns the same credential, as an application has it in its environment.
func always(one *corev1.Secret) func(context.Context) (*corev1.Secret, error) {
	return func(context.Context) (*corev1.Secret, error) { return one, nil }
}

// TestApplicationThroughRotations rotates a password three times, and ends the old
// login each time, under an application that logs in all the time: it never fails.
// Another one, which keeps the first credential, works until the grace period is over.
func TestApplicationThroughRotations(t *testing.T) {
	s := newSite(t, newEnvironment(t), false)
	createRotatable(grace.String(), "Alternate")(t, s)
	reader, keeper := start(t, s.live), start(t, always(s.revision(t, 1)))
	for rotation := range 3 {
		waitFor(t, "some logins", func() bool { return reader.count() > 20*(rotation+1) })
		s.mustRun(t, userRotate(s)...)
		until := s.oldUntil(t)
		waitFor(t, "the end of the grace period", func() bool { return time.Now().After(until) })
		s.mustRun(t, "reconcile")
		s.checkOldLogin(t, "")
		if rotation > 0 {
			continue
		}
		waitFor(t, "the end of the first login", keeper.hasFailed)
		keeper.stop()
		if keeper.failed.Before(until) {
			t.Errorf("the first login ended at %s, before its grace period at %s: %v", keeper.failed, until, keeper.failures)
		}
	}
	reader.stop()
	t.Logf("%d logins: %v; the first credential opened %d sessions", reader.count(), reader.logins, keeper.count())
	if reader.count() <= 50 || len(reader.failures) > 0 || len(reader.logins) != 2 {
		t.Errorf("of the logins %v %d failed: %v", reader.logins, len(reader.failures), reader.failures)
	}
	s.checkReady(t)
	s.checkLoginNames(t, s.second())
	s.checkRevisions(t, s.secretName(), 4)
	s.checkSettled(t)
}

func (a *application) hasFailed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.failed.IsZero()
}

// waitFor returns when something is so, and ends the test if that takes a minute.
func waitFor(t *testing.T, what string, is func() bool) {
	t.Helper()
	testenv.Within(t, time.Minute, what, func() error {
		if !is() {
			return errors.New("there is no sign of it")
		}
		return nil
	})
}

// rotation returns the user's status.rotation.
func (s *site) rotation(t *testing.T) v1alpha1.RotationStatus {
	t.Helper()
	var status v1alpha1.RotationStatus
	found, _, _ := unstructured.NestedMap(s.list(t, v1alpha1.DatabaseUsers)[0].Object, "status", "rotation")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found, &status); err != nil {
		t.Fatal(err)
	}
	return status
}

// oldUntil returns when the old login may end.
func (s *site) oldUntil(t *testing.T) time.Time {
	t.Helper()
	until := s.rotation(t).OldUntil
	if until == nil {
		t.Fatal("the status does not say how long the old login lives")
	}
	return until.Time
}

// TestOldLoginLivesWhileAPodHoldsIt checks that reconcile does not end a login that a
// running pod has in its environment, says which pod that is, and ends the login and
// its sessions when the pod is gone.
func TestOldLoginLivesWhileAPodHoldsIt(t *testing.T) {
	s := newSite(t, newEnvironment(t), false)
	createRotatable("1s", "Alternate")(t, s)
	s.createPod(t, "holds", s.user+"@1:env", corev1.PodRunning)
	s.createPod(t, "reads-files", s.user+"@1:files", corev1.PodRunning)
	s.createPod(t, "has-ended", s.user+"@1:env", corev1.PodSucceeded)
	s.createPod(t, "is-of-another", "another@1:env", corev1.PodRunning)
	keeper := start(t, always(s.revision(t, 1)))
	s.mustRun(t, userRotate(s)...)
	s.createPod(t, "is-newer", s.user+"@2:env+files", corev1.PodRunning)
	until := s.oldUntil(t)
	waitFor(t, "the end of the grace period", func() bool { return time.Now().After(until) })

	for range 2 {
		s.mustRun(t, "reconcile")
		if held := s.rotation(t).HeldBy; !slices.Equal(held, []string{s.name + "/holds"}) {
			t.Errorf("the status says that the old login is held by %v", held)
		}
		s.checkLoginNames(t, s.userName(), s.second())
	}
	before := keeper.count()
	waitFor(t, "a login after the grace period", func() bool { return keeper.count() > before })
	keeper.stop()
	if len(keeper.failures) > 0 {
		t.Errorf("the pod's login failed: %v", keeper.failures)
	}
	if err := s.session.Ping(t.Context()); err != nil {
		t.Errorf("the pod's session has ended: %v", err)
	}
	s.checkSettled(t)

	s.deletePod(t, "holds")
	s.mustRun(t, "reconcile")
	s.checkReady(t)
	s.checkLoginNames(t, s.second())
	s.checkOldLogin(t, "")
	s.checkRefused(t, s.revision(t, 1))
	s.checkSessionEnded(t)
	if held := s.rotation(t).HeldBy; len(held) > 0 {
		t.Errorf("the status still says that %v hold a login", held)
	}
	s.checkSettled(t)
}

// createPod creates a pod as it stands after it was injected. There is no kubelet: its
// phase is written.
func (s *site) createPod(t *testing.T, name, injected string, phase corev1.PodPhase) {
	t.Helper()
	pods := s.env.core.Pods(s.name)
	pod, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{v1alpha1.AnnotationInjected: injected}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "example.com/app"}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = pods.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
	})
	pod.Status.Phase = phase
	if _, err := pods.UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (s *site) deletePod(t *testing.T, name string) {
	t.Helper()
	if err := s.env.core.Pods(s.name).Delete(t.Context(), name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)}); err != nil {
		t.Fatal(err)
	}
}

// TestGracePeriodCountsFromTheSwitch kills a rotation after its revision is written and
// completes it later: the old login has its whole grace period from then on.
func TestGracePeriodCountsFromTheSwitch(t *testing.T) {
	s := newSite(t, newEnvironment(t), false)
	createRotatable("24h", "Alternate")(t, s)
	const staged = 2 // the annotation is the first write
	writes := s.runAndKill(t, crash.Point{Number: staged}, userRotate(s)...)
	if last := writes[len(writes)-1].What; last != "POST secrets" {
		t.Fatalf("the rotation was killed after %s", last)
	}
	made := s.revision(t, 2).CreationTimestamp.Time
	waitFor(t, "the next seconds", func() bool { return time.Since(made) > 2*time.Second })
	completed := time.Now().Truncate(time.Second) // as precise as the status is
	s.mustRun(t, userRotate(s)...)
	checkAlternated(t, s)
	if until := s.oldUntil(t); until.Before(completed.Add(24 * time.Hour)) {
		t.Errorf("the old login may end at %s, a day after the revision was written and not after %s", until, completed)
	}
	s.checkSettled(t)
}
