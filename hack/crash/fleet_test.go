package crash_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// fleet is some databases of a site, each with some users, who all have privileges on
// one table of it beside those that their group has.
type fleet struct {
	*site
	databases int
	users     []string
}

// createFleet creates the resources, as kubectl apply does.
func (s *site) createFleet(t *testing.T, databases, users int) *fleet {
	t.Helper()
	f := &fleet{site: s, databases: databases}
	for i := range databases {
		s.create(t, v1alpha1.Databases, v1alpha1.KindDatabase, f.databaseOf(i), map[string]any{
			"clusterRef": map[string]any{"name": s.name}, "schemas": []any{"app"}, "deletionPolicy": "Delete"})
		for j := range users {
			name := fmt.Sprintf("%s-u%d-%d", s.name, i, j)
			s.create(t, v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, name, map[string]any{
				"databaseRef": map[string]any{"name": f.databaseOf(i)}, "privileges": []string{"admin", "readwrite", "readonly"}[j%3],
				"additionalGrants": []any{map[string]any{"tables": []any{"app.kept"}, "privileges": []any{"TRUNCATE", "REFERENCES"}}}})
			f.users = append(f.users, name)
		}
	}
	return f
}

func (f *fleet) databaseOf(i int) string { return fmt.Sprintf("%s-d%d", f.name, i) }

// secretOf returns the live Secret of a user.
func (f *fleet) secretOf(t *testing.T, user string) *corev1.Secret {
	t.Helper()
	return f.secret(t, user+"-credentials")
}

// delete deletes resources as kubectl does, which leaves the rest to reconcile.
func (f *fleet) delete(t *testing.T, resource schema.GroupVersionResource, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := f.env.objects.Resource(resource).Namespace(f.name).Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// check expects that all is Ready and settled, that each user's password works, and
// that there is nothing on the server which no resource asks for.
func (f *fleet) check(t *testing.T) {
	t.Helper()
	f.checkReady(t)
	roles := 0
	for _, user := range f.users {
		conn, err := connect(t.Context(), f.secretOf(t, user), "")
		if err != nil {
			t.Errorf("%s: %v", user, err)
			continue
		}
		conn.Close(t.Context())
		roles += len(f.names(t, "SELECT rolname FROM pg_roles WHERE rolname = $1 OR rolname = $1 || '_b'", inPostgreSQL(user)))
	}
	all := f.names(t, "SELECT rolname FROM pg_roles WHERE starts_with(rolname, $1)", f.name)
	if want := roles + 3*f.databases; len(all) != want {
		t.Errorf("there are %d roles, want %d: %v", len(all), want, all)
	}
	f.checkWhole(t)
	f.checkSettled(t)
}

// checkWhole expects that no login is there without a password or a mark.
func (f *fleet) checkWhole(t *testing.T) {
	t.Helper()
	half := f.names(t, `SELECT rolname FROM pg_authid WHERE starts_with(rolname, $1) AND rolcanlogin
		AND (rolpassword IS NULL OR shobj_description(oid, 'pg_authid') IS NULL)`, f.name)
	if len(half) > 0 {
		t.Errorf("these logins have no password or no mark: %v", half)
	}
}

// TestTwoReconcilesOfEverything runs reconcile -A twice at the same time, over what is
// new, what has changed, and what is being deleted. The oldest server is the one that
// fails where two sessions change the privileges on one table at once.
func TestTwoReconcilesOfEverything(t *testing.T) {
	s := newSite(t, newEnvironmentOn(t, testenv.OwnControlPlane(t, testenv.ControlPlaneOptions{}), testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{Version: 14})), false)
	f := s.createFleet(t, 2, 10)
	f.reconcileTwice(t)
	f.check(t)
	f.createTables(t)
	s.mustRun(t, "reconcile")

	for i, user := range f.users {
		switch i % 4 {
		case 0:
			f.patch(t, v1alpha1.DatabaseUsers, user, types.MergePatchType, `{"metadata":{"annotations":{"dbtether.io/rotate":"now"}},"spec":{"rotation":{"gracePeriod":"24h"}}}`)
		case 1:
			f.patch(t, v1alpha1.DatabaseUsers, user, types.MergePatchType, `{"spec":{"privileges":"admin","additionalGrants":null}}`)
		}
	}
	var gone, left []string
	for i, user := range f.users {
		if i%4 > 1 {
			gone = append(gone, user)
		} else {
			left = append(left, user)
		}
	}
	f.delete(t, v1alpha1.DatabaseUsers, gone...)
	f.users = left
	f.reconcileTwice(t)
	f.check(t)

	f.delete(t, v1alpha1.DatabaseUsers, f.users...)
	for i := range f.databases {
		f.delete(t, v1alpha1.Databases, f.databaseOf(i))
	}
	f.reconcileTwice(t)
	checkNothing(t, s)
}

// reconcileTwice runs two at the same time and expects that neither fails.
func (f *fleet) reconcileTwice(t *testing.T) {
	t.Helper()
	each([]int{1, 2}, func(int) {
		if r := f.run(t, "reconcile", "-A"); r.err != nil || strings.Contains(r.stderr, "error:") {
			t.Error(r)
		}
	})
	f.asSuperuser(t, "postgres", func(conn *pgx.Conn) {
		var locks int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").Scan(&locks); err != nil || locks > 0 {
			t.Errorf("%d locks are held after both have ended: %v", locks, err)
		}
	})
}
