package crash_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// watchPoints are the writes at which a runner is killed: from its first ones, of the
// cluster's status, through those of the Database to those of the user. Two that work at
// the same time make theirs in no order, so there is no list to compare them with.
var watchPoints = []crash.Point{{Number: 1}, {Number: 2}, {Number: 4}, {Number: 8}, {Number: 13}, {Number: 19}, {Number: 25}, {Number: 30}, {Number: 33}, {Number: 36}, {Number: 38}}

// TestRunnerKilled kills a runner at a few of its writes, starts another one, and expects
// the state that one which nobody kills leads to.
func TestRunnerKilled(t *testing.T) {
	e := newEnvironment(t)
	clean := func(t *testing.T) string {
		s := newSite(t, e, false)
		applyResources(t, s)
		w := s.watch(t)
		s.waitReady(t)
		w.stop(t)
		s.checkTellsNoPassword(t, w)
		if writes := s.journal.Writes(); len(writes) < watchPoints[len(watchPoints)-1].Number {
			t.Errorf("there are fewer writes than points: %v", writes)
		}
		checkAdmin(t, s)
		return s.state(t)
	}(t)
	if t.Failed() {
		return
	}
	each(watchPoints, func(p crash.Point) {
		t.Run(fmt.Sprintf("at-write-%d", p.Number), func(t *testing.T) {
			s := newSite(t, e, false)
			applyResources(t, s)
			s.killWatching(t, p)
			w := s.watch(t)
			s.waitReady(t)
			w.stop(t)
			checkAdmin(t, s)
			s.checkSettled(t)
			if got := s.state(t); got != clean {
				t.Errorf("the state differs from that after a runner that was not killed:\n%s", diff(clean, got))
			}
		})
	})
}

// checkTellsNoPassword looks for each password that the site has in what a runner said, and
// in the Events that it wrote.
func (s *site) checkTellsNoPassword(t *testing.T, w *watcher) {
	t.Helper()
	list, err := s.env.core.Events(s.name).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	text := w.said(t)
	for i := range list.Items {
		text += list.Items[i].Message + "\n"
	}
	if !strings.Contains(text, `"action":"provisioned"`) || len(list.Items) == 0 {
		t.Errorf("the runner has told nothing:\n%s", text)
	}
	secrets := append(s.secrets(t), *s.secret(t, adminSecret))
	for i := range secrets {
		if password := string(secrets[i].Data["password"]); password == "" || strings.Contains(text, password) {
			t.Errorf("the runner tells the password of %s, or that is empty", secrets[i].Name)
		}
	}
}

// TestOneRunnerOfTwo starts two runners that ask for the lease: one works and the other
// stands by, until the first is killed, and then takes over.
func TestOneRunnerOfTwo(t *testing.T) {
	e := newEnvironmentOn(t, testenv.OwnControlPlane(t, testenv.ControlPlaneOptions{}), testenv.SharedPostgreSQL(t, 18))
	s := newSite(t, e, false)
	system := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: v1alpha1.SystemNamespace}}
	if _, err := e.core.Namespaces().Create(t.Context(), system, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	first := s.watch(t, "-A")
	holder := s.waitHolder(t, "")
	second := s.watch(t, "-A")
	testenv.Within(t, time.Minute, "the second knows that it is not the one", func() error {
		if !strings.Contains(second.said(t), `"msg":"leader"`) {
			return errors.New(second.said(t))
		}
		return nil
	})
	applyResources(t, s)
	s.waitReady(t)
	if said := second.said(t); strings.Contains(said, "reconciled") || strings.Contains(said, `"msg":"watching"`) {
		t.Errorf("both work:\n%s", said)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	s.session = s.login(t)
	s.patch(t, v1alpha1.DatabaseUsers, s.user, types.MergePatchType, `{"spec":{"privileges":"readonly"}}`)
	s.waitHolder(t, holder)
	s.waitReady(t)
	checkLowered(t, s)
	// Told to end, it gives the lease back: the next one need not wait until it is over.
	second.stop(t)
	if now := s.holder(t); now != "" {
		t.Errorf("the lease is still held by %q", now)
	}
	third := s.watch(t, "-A")
	s.waitHolder(t, "")
	third.stop(t)
}

// holder returns who holds the lease of runners; "" for nobody.
func (s *site) holder(t *testing.T) string {
	t.Helper()
	client, err := coordinationv1client.NewForConfig(s.env.kube)
	if err != nil {
		t.Fatal(err)
	}
	lease, err := client.Leases(v1alpha1.SystemNamespace).Get(context.WithoutCancel(t.Context()), "dbtether-runner", metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && lease.Spec.HolderIdentity == nil {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return *lease.Spec.HolderIdentity
}

// waitHolder waits until somebody else than before holds the lease.
func (s *site) waitHolder(t *testing.T, before string) string {
	t.Helper()
	var now string
	testenv.Within(t, time.Minute, "somebody holds the lease", func() error {
		if now = s.holder(t); now == "" || now == before {
			return fmt.Errorf("it is held by %q", now)
		}
		return nil
	})
	return now
}

// TestRunnerStopsInTheMiddle tells a runner to stop while it makes a database: it finishes
// that resource, begins no other, and the next one does the rest.
func TestRunnerStopsInTheMiddle(t *testing.T) {
	e := newEnvironment(t)
	s := newSite(t, e, false)
	applyResources(t, s)
	stopping := make(chan *watcher, 1)
	s.journal.Watch(crash.Point{}, nil)
	s.journal.Observe(func(write crash.Write) {
		if write.What != "CREATE DATABASE" {
			return
		}
		w := <-stopping
		if err := w.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	})
	w := s.watch(t)
	stopping <- w
	if err := w.Wait(); err != nil {
		t.Errorf("the runner does not end well: %v", err)
	}
	s.journal.Observe(nil)
	for _, one := range s.list(t, v1alpha1.Databases) {
		if phase, _, _ := unstructured.NestedString(one.Object, "status", "phase"); phase != v1alpha1.PhaseReady {
			t.Errorf("the database that it was making is %q", phase)
		}
	}
	for _, one := range s.list(t, v1alpha1.DatabaseUsers) {
		if phase, _, _ := unstructured.NestedString(one.Object, "status", "phase"); phase != "" {
			t.Errorf("the user whose turn had not come is %q", phase)
		}
	}
	next := s.watch(t)
	s.waitReady(t)
	next.stop(t)
	checkAdmin(t, s)
	s.checkSettled(t)
}
