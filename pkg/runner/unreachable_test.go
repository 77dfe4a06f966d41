package runner_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/runner"
)

// TestUnreachableServer checks that a server which does not answer makes its resources
// fail, and leaves the credential of a user what it was: pods may start before their server
// is back. A change of the user that cannot be carried out meanwhile is done then.
func TestUnreachableServer(t *testing.T) {
	s := newSite(t)
	name := "away-" + s.id
	s.namespace(t, name)
	s.cluster(t, name, name, nil)
	if err := s.create(t, v1alpha1.KindDatabase, name, "orders", map[string]any{"clusterRef": map[string]any{"name": name}, "databaseName": "orders_" + s.id}); err != nil {
		t.Fatal(err)
	}
	user := func(login string) {
		t.Helper()
		if err := s.create(t, v1alpha1.KindDatabaseUser, name, login, map[string]any{"databaseRef": map[string]any{"name": "orders"}, "username": login + "_" + s.id}); err != nil {
			t.Fatal(err)
		}
	}
	user("api")
	w := s.start(t, s.admin, func(o *runner.Options) { o.Namespace = name })
	s.waitPhase(t, v1alpha1.KindDatabaseUser, name, "api", v1alpha1.PhaseReady)

	s.patch(t, v1alpha1.KindDBCluster, "", name, `{"spec":{"port":1}}`)
	user("late")
	s.waitPhase(t, v1alpha1.KindDatabaseUser, name, "api", v1alpha1.PhaseFailed)
	s.waitPhase(t, v1alpha1.KindDatabaseUser, name, "late", v1alpha1.PhaseFailed)
	for login, want := range map[string]string{"api": "Ready=False CredentialsReady=True", "late": "Ready=False CredentialsReady=False"} {
		object, err := s.get(t, v1alpha1.KindDatabaseUser, name, login)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("Ready=%s CredentialsReady=%s", statusOf(object, v1alpha1.ConditionReady), statusOf(object, v1alpha1.ConditionCredentialsReady)); got != want {
			t.Errorf("%s: %s, not %s", login, got, want)
		}
	}

	s.patch(t, v1alpha1.KindDBCluster, "", name, fmt.Sprintf(`{"spec":{"port":%d}}`, s.postgres.Port))
	for _, login := range []string{"api", "late"} {
		s.waitPhase(t, v1alpha1.KindDatabaseUser, name, login, v1alpha1.PhaseReady)
	}
	w.stop()
}

// TestUnreachableServerIsRemoved checks that a cluster that does not answer is no longer
// counted as such once it is gone.
func TestUnreachableServerIsRemoved(t *testing.T) {
	s := newSite(t)
	name := "removed-" + s.id
	s.namespace(t, name)
	s.cluster(t, name, name, map[string]any{"port": int64(1)})
	if err := s.create(t, v1alpha1.KindDatabase, name, "orders", map[string]any{"clusterRef": map[string]any{"name": name}, "databaseName": "orders_" + s.id}); err != nil {
		t.Fatal(err)
	}
	w := s.start(t, s.admin, func(o *runner.Options) { o.Namespace, o.MetricsListen = name, "127.0.0.1:0" })
	counted := func(want string) {
		t.Helper()
		eventually(t, want, func() error {
			if _, text := w.ask(t, "/metrics"); !strings.Contains(text, want+"\n") {
				return errors.New("it is not so")
			}
			return nil
		})
	}
	counted("dbtether_runner_unreachable_clusters 1")
	if err := s.admin.objects.Resource(v1alpha1.DBClusters).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	counted("dbtether_runner_unreachable_clusters 0")
	w.stop()
}
