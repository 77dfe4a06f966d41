package crash_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

func checkAdmin(t *testing.T, s *site) { s.checkProvisioned(t, "_owner", s.databaseName()+"_owner") }

func checkReadWrite(t *testing.T, s *site) { s.checkProvisioned(t, "_rw", s.userName()) }

func checkLowered(t *testing.T, s *site) {
	s.checkProvisioned(t, "_ro", s.userName())
	s.checkSessionEnded(t)
}

// checkSessionEnded expects that the session which was open before has been ended.
func (s *site) checkSessionEnded(t *testing.T) {
	t.Helper()
	var acts string
	if err := s.session.QueryRow(t.Context(), "SELECT current_user").Scan(&acts); err == nil {
		t.Errorf("a session that was open before lives on, as %s", acts)
	}
}

// checkProvisioned expects a database, and a user who is a member of one group
// and acts as a role in it.
func (s *site) checkProvisioned(t *testing.T, group, acts string) {
	t.Helper()
	s.checkSecrets(t)
	s.checkLogin(t, acts)
	s.checkReady(t)
	s.checkServer(t, group)
}

// checkReady expects that every resource is Ready.
func (s *site) checkReady(t *testing.T) {
	t.Helper()
	for _, o := range append(s.list(t, v1alpha1.Databases), s.list(t, v1alpha1.DatabaseUsers)...) {
		if phase, _, _ := unstructured.NestedString(o.Object, "status", "phase"); phase != v1alpha1.PhaseReady {
			t.Errorf("%s is %q: %v", o.GetKind(), phase, o.Object["status"])
		}
	}
}

// checkSecrets expects the live Secret and one revision with the same content.
func (s *site) checkSecrets(t *testing.T) {
	t.Helper()
	s.checkRevisions(t, s.secretName(), 1)
}

// checkRevisions expects a live Secret and its revisions up to number, the last one
// with the same content.
func (s *site) checkRevisions(t *testing.T, name string, number int) {
	t.Helper()
	revisions := 0
	for _, other := range s.secrets(t) {
		if strings.HasPrefix(other.Name, name+".v") {
			revisions++
		}
	}
	live, newest := s.secret(t, name), s.secret(t, fmt.Sprintf("%s.v%d", name, number))
	if at := live.Annotations[v1alpha1.AnnotationRevision]; revisions != number || at != strconv.Itoa(number) {
		t.Errorf("%s has %d revisions, the live Secret is revision %s: want %d", name, revisions, at, number)
	}
	if !secret.Data(newest.Data).Equal(live.Data) {
		t.Errorf("%s and its newest revision differ", name)
	}
}

// secretName is the name of the user's Secret.
func (s *site) secretName() string { return s.user + "-credentials" }

func (s *site) secret(t *testing.T, name string) *corev1.Secret {
	t.Helper()
	found, err := s.env.core.Secrets(s.name).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// login connects as an application would, with what is in its Secret.
func (s *site) login(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := connect(t.Context(), s.secret(t, s.secretName()), "")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func (s *site) checkLogin(t *testing.T, acts string) {
	t.Helper()
	s.checkLoginTo(t, s.secret(t, s.secretName()), s.databaseName(), s.userName(), acts)
}

// checkLoginTo expects that a Secret opens a database, for a login that acts as a role.
func (s *site) checkLoginTo(t *testing.T, from *corev1.Secret, database, login, acts string) {
	t.Helper()
	conn, err := connect(t.Context(), from, database)
	if err != nil {
		t.Errorf("secret %s: %v", from.Name, err)
		return
	}
	defer conn.Close(t.Context())
	var name, session, current string
	if err := conn.QueryRow(t.Context(), "SELECT current_database(), session_user, current_user").Scan(&name, &session, &current); err != nil {
		t.Fatal(err)
	}
	if name != database || session != login || current != acts {
		t.Errorf("secret %s opens %s to %s, who acts as %s: want %s, %s and %s", from.Name, name, session, current, database, login, acts)
	}
}

// checkServer expects that the database and its roles are marked, that nobody else
// may connect, and that the user is in its group only.
func (s *site) checkServer(t *testing.T, group string) {
	t.Helper()
	db, user := s.list(t, v1alpha1.Databases)[0], s.list(t, v1alpha1.DatabaseUsers)[0]
	args := pgx.NamedArgs{"db": s.databaseName(), "user": s.userName(), "group": s.databaseName() + group,
		"dbUID": "%, uid " + string(db.GetUID()), "userUID": "%, uid " + string(user.GetUID())}
	s.asSuperuser(t, s.databaseName(), func(conn *pgx.Conn) {
		for _, fact := range []struct{ what, query string }{
			{"the database is open", "SELECT datallowconn FROM pg_database WHERE datname = @db"},
			{"the database bears its marker", "SELECT shobj_description(oid, 'pg_database') LIKE @dbUID FROM pg_database WHERE datname = @db"},
			{"PUBLIC has no privilege on the database", `SELECT datacl IS NOT NULL AND NOT EXISTS (SELECT FROM aclexplode(datacl) WHERE grantee = 0)
				FROM pg_database WHERE datname = @db`},
			{"the three groups are there, marked, and cannot log in", `SELECT count(*) = 3 AND bool_and(NOT rolcanlogin AND shobj_description(oid, 'pg_authid') LIKE @dbUID)
				FROM pg_roles WHERE rolname IN (@db || '_owner', @db || '_rw', @db || '_ro')`},
			{"the login bears its marker", "SELECT rolcanlogin AND shobj_description(oid, 'pg_authid') LIKE @userUID FROM pg_roles WHERE rolname = @user"},
			{"the login is in one group", `SELECT coalesce(array_agg(roleid::regrole::text) = ARRAY[@group], false) FROM pg_auth_members WHERE member::regrole::text = @user`},
			{"schema and extension are there", "SELECT to_regnamespace('app') IS NOT NULL AND EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')"},
		} {
			var holds bool
			if err := conn.QueryRow(t.Context(), fact.query, args).Scan(&holds); err != nil {
				t.Errorf("%s: %v", fact.what, err)
			} else if !holds {
				t.Errorf("it does not hold that %s", fact.what)
			}
		}
	})
}

// checkNoUser expects that nothing is left of the user but her table.
func checkNoUser(t *testing.T, s *site) {
	if left := s.list(t, v1alpha1.DatabaseUsers); len(left) > 0 {
		t.Errorf("the DatabaseUser is still there, with finalizers %v", left[0].GetFinalizers())
	}
	for _, left := range s.secrets(t) {
		t.Errorf("secret %s is still there", left.Name)
	}
	s.checkLoginNames(t)
	s.checkTableKept(t)
}

// checkNothing expects that nothing of the site is left.
func checkNothing(t *testing.T, s *site) {
	for _, left := range append(s.list(t, v1alpha1.Databases), s.list(t, v1alpha1.DatabaseUsers)...) {
		t.Errorf("%s %s is still there, with finalizers %v", left.GetKind(), left.GetName(), left.GetFinalizers())
	}
	for _, left := range s.secrets(t) {
		t.Errorf("secret %s is still there", left.Name)
	}
	s.asSuperuser(t, "postgres", func(conn *pgx.Conn) {
		if left := s.query(t, conn, serverState); left != "" {
			t.Errorf("on the server are left:\n%s", left)
		}
	})
}

// checkSettled expects that reconcile finds nothing to do: no write to PostgreSQL,
// and none to Kubernetes but the time at which it checked the cluster.
func (s *site) checkSettled(t *testing.T) {
	t.Helper()
	s.journal.Watch(crash.Point{}, nil)
	r := s.mustRun(t, "reconcile", "-o", "json")
	for _, write := range s.journal.Writes() {
		if write.What != "PATCH dbclusters/status" {
			t.Errorf("reconcile was not needed and wrote to %s: %s", write.Server, write.What)
		}
	}
	var results []provision.Result
	if err := json.Unmarshal([]byte(r.stdout), &results); err != nil {
		t.Fatalf("%v: %v", err, r)
	}
	if slices.ContainsFunc(results, func(one provision.Result) bool { return one.Action != provision.ActionUnchanged || one.Statements != 0 }) {
		t.Errorf("reconcile had something to do: %+v", results)
	}
	if want := len(s.list(t, v1alpha1.Databases)) + len(s.list(t, v1alpha1.DatabaseUsers)); len(results) != want {
		t.Errorf("reconcile looked at %d resources, there are %d", len(results), want)
	}
}
