package promises

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// obstacle keeps PostgreSQL from dropping what a resource stands for.
type obstacle struct {
	what, kind, name string
	put, take        func(t *testing.T, s *site)
	says             string // what the status has to say
	blocks           bool   // whether it is seen before anything is tried
}

// TestFinalizerGoesAlthoughDropFailed: the resource was let go, and the database or the
// login stayed behind with nobody to know of it.
func TestFinalizerGoesAlthoughDropFailed(t *testing.T) {
	onSites(t, func(t *testing.T, s *site) {
		var session *pgx.Conn
		unmanaged := s.in("unmanaged")
		for _, o := range []obstacle{
			{"an open session", v1alpha1.KindDatabase, "orders",
				func(t *testing.T, s *site) { session = s.asSuperuser(t, s.in("orders")) },
				func(_ *testing.T, _ *site) { closeSession(session) }, "1 session(s) are connected to database", true},
			{"a user", v1alpha1.KindDatabase, "orders",
				func(t *testing.T, s *site) { s.user(t, "app", "orders", "admin", nil); s.settle(t) },
				func(t *testing.T, s *site) { s.delete(t, v1alpha1.KindDatabaseUser, "app") }, "is used by databaseuser(s)", true},
			{"a failing statement", v1alpha1.KindDatabase, "orders",
				func(t *testing.T, s *site) { s.do(t, "postgres", "ALTER DATABASE "+s.in("orders")+" IS_TEMPLATE true") },
				func(t *testing.T, s *site) {
					s.do(t, "postgres", "ALTER DATABASE "+s.in("orders")+" IS_TEMPLATE false")
				}, "cannot drop a template database", false},
			{"an owned table", v1alpha1.KindDatabaseUser, "app",
				func(t *testing.T, s *site) {
					s.user(t, "app", "orders", "admin", nil)
					s.settle(t)
					s.do(t, "postgres", "CREATE DATABASE "+unmanaged)
					s.do(t, unmanaged, "CREATE TABLE theirs (id int)", "ALTER TABLE theirs OWNER TO "+s.in("app"))
				},
				func(t *testing.T, s *site) { s.do(t, unmanaged, "DROP TABLE theirs") }, "owns objects in database", true},
		} {
			t.Run(strings.ReplaceAll(o.what, " ", "-"), func(t *testing.T) { s.stays(t, o) })
		}
	})
}

// stays deletes a resource while the obstacle is there, and expects that the resource
// stays, and says why; when the obstacle is gone, so is the resource.
func (s *site) stays(t *testing.T, o obstacle) {
	s.database(t, "orders", nil)
	s.settle(t)
	o.put(t, s)
	s.delete(t, o.kind, o.name)
	for range 2 { // it stays at a second look, too
		result := s.reconcile(t)[o.name]
		if result.Action != provision.ActionFailed || !strings.Contains(result.Error, o.says) {
			t.Errorf("got %+v, want %q", result, o.says)
		}
		object, err := s.objects.Resource(resources[o.kind]).Namespace(s.name).Get(t.Context(), s.of(o.name), metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
		message, _, _ := unstructured.NestedString(object.Object, "status", "message")
		if len(object.GetFinalizers()) != 1 || phase != v1alpha1.PhaseDeleting || !strings.Contains(message, o.says) || isTrue(object, v1alpha1.ConditionDeletionBlocked) != o.blocks {
			t.Errorf("finalizers %q, status %v", object.GetFinalizers(), object.Object["status"])
		}
	}
	if left := s.left(t, o.name); len(left) != 1 {
		t.Errorf("left on the server is %q", left)
	}
	o.take(t, s)
	s.waitForNoSessions(t)
	for name, r := range s.reconcile(t) {
		if r.Action == provision.ActionFailed {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if left := s.left(t, o.name); len(left) != 0 {
		t.Errorf("left on the server is %q", left)
	}
	if _, err := s.objects.Resource(resources[o.kind]).Namespace(s.name).Get(t.Context(), s.of(o.name), metav1.GetOptions{}); err == nil {
		t.Error("the resource is still there")
	}
}

// delete deletes a resource as kubectl delete would, and returns at once.
func (s *site) delete(t *testing.T, kind, name string) {
	t.Helper()
	if err := s.objects.Resource(resources[kind]).Namespace(s.name).Delete(t.Context(), s.of(name), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// left lists the databases and logins of a name.
func (s *site) left(t *testing.T, name string) []string {
	t.Helper()
	return s.ask(t, "postgres", "SELECT 'database ' || datname FROM pg_database WHERE datname = $1 UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname = $1", s.in(name))
}
