package crash_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// rotating are the commands that replace a password, or end the login of one that was
// replaced.
var rotating = []command{
	{name: "user rotate", prepare: createRotatable("24h", "Alternate"), args: userRotate, over: "the rotation before this one is not over",
		writes: []string{"PATCH databaseusers", "POST secrets", "CREATE ROLE", "COMMENT", "GRANT ROLE", "ALTER ROLE", "COMMIT", "PATCH secrets", "PATCH databaseusers/status"},
		check:  checkAlternated},
	{name: "user rotate to the login before", asCreateRole: true, prepare: rotated("0s"), args: userRotate, anew: true,
		writes: []string{"PATCH databaseusers", "POST secrets", "ALTER ROLE", "PATCH secrets", "PATCH databaseusers/status"},
		check:  checkAlternatedBack},
	{name: "user rotate by force", prepare: rotated("24h"), args: func(s *site) []string { return append(userRotate(s), "--force") }, anew: true,
		writes: []string{"PATCH databaseusers", "POST secrets", "ALTER ROLE", "PATCH secrets", "PATCH databaseusers/status"},
		check:  checkForced},
	{name: "user rotate in place", gap: true, prepare: createRotatable("24h", "InPlace"), args: userRotate, anew: true,
		writes: []string{"PATCH databaseusers", "POST secrets", "ALTER ROLE", "PATCH secrets", "PATCH databaseusers/status"},
		check:  checkReplaced},
	{name: "user rotate of a Secret that is gone", prepare: withoutSecret, args: userRotate, over: "the rotation before this one is not over",
		writes: []string{"PATCH databaseusers", "POST secrets", "CREATE ROLE", "PATCH secrets", "PATCH databaseusers/status"},
		check:  checkAlternated},
	{name: "user rotate with a restart", prepare: withWorkloads("24h", "Alternate"), args: restarting, over: "the rotation before this one is not over",
		writes: []string{"PATCH databaseusers", "POST secrets", "CREATE ROLE", "PATCH secrets", "PATCH databaseusers/status", "PATCH deployments", "PATCH statefulsets"},
		check:  checkRestarted},
	{name: "reconcile of a rotation with a restart", gap: true, prepare: askedToRotate("24h", "InPlace"), args: reconcile,
		writes: []string{"POST secrets", "ALTER ROLE", "PATCH secrets", "PATCH databaseusers/status", "PATCH statefulsets"},
		check:  checkRestartedOne},
	{name: "user rotate of several Secrets", prepare: createPerDatabase("0s"), args: userRotate, anew: true,
		writes: []string{"POST secrets", "CREATE ROLE", "PATCH secrets"},
		check:  checkAlternatedPerDatabase},
	{name: "reconcile of an old login", prepare: rotatedOwner("0s"), args: reconcile,
		writes: []string{"ALTER ROLE", "REASSIGN OWNED", "DROP OWNED", "DROP ROLE", "PATCH databaseusers/status"},
		check:  checkOldLoginEnded},
	{name: "user delete of two logins", deletes: true, over: "not found", prepare: rotatedOwner("24h"),
		args:   userDelete,
		writes: []string{"DELETE databaseusers", "REASSIGN OWNED", "DROP ROLE", "DELETE secrets", "PATCH databaseusers"},
		check:  checkNoUser},
}

func userRotate(s *site) []string { return []string{"user", "rotate", s.user} }

// createRotatable creates a database and a user, who has a session open.
func createRotatable(gracePeriod, strategy string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		createDatabase(t, s)
		s.mustRun(t, "user", "create", s.user, "--database", s.database, "--privileges", "admin", "--rotation-strategy", strategy, "--grace-period", gracePeriod)
		s.session = s.login(t)
	}
}

func withoutSecret(t *testing.T, s *site) {
	createRotatable("24h", "Alternate")(t, s)
	if err := s.env.core.Secrets(s.name).Delete(t.Context(), s.secretName(), metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// rotated leaves a user with two logins, the first of which has a session open.
func rotated(gracePeriod string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		createRotatable(gracePeriod, "Alternate")(t, s)
		s.mustRun(t, userRotate(s)...)
	}
}

// rotatedOwner does the same, and the first login owns a table.
func rotatedOwner(gracePeriod string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		createRotatable(gracePeriod, "Alternate")(t, s)
		s.giveTable(t)
		s.mustRun(t, userRotate(s)...)
	}
}

// giveTable makes the user's first login the owner of a table with a row.
func (s *site) giveTable(t *testing.T) {
	t.Helper()
	s.execute(t, s.databaseName(), "SET ROLE "+s.databaseName()+"_owner", "CREATE TABLE app.kept AS SELECT 1 AS id", "RESET ROLE",
		"ALTER TABLE app.kept OWNER TO "+s.userName())
}

// second is the name of the second of the user's two logins.
func (s *site) second() string { return s.userName() + v1alpha1.AlternateSuffix }

// checkAlternated expects that the Secret names the second login, that the first one
// works as before, and that its session lives.
func checkAlternated(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 2)
	s.checkLoginNames(t, s.userName(), s.second())
	owner := s.databaseName() + "_owner"
	s.checkLoginTo(t, s.secret(t, s.secretName()), s.databaseName(), s.second(), owner)
	s.checkLoginTo(t, s.revision(t, 1), s.databaseName(), s.userName(), owner)
	s.checkOldLogin(t, s.userName())
	if err := s.session.Ping(t.Context()); err != nil {
		t.Errorf("a session of the first login has ended: %v", err)
	}
}

// checkOldLogin expects that the status names the login that held before; empty: none.
func (s *site) checkOldLogin(t *testing.T, want string) {
	t.Helper()
	user := s.list(t, v1alpha1.DatabaseUsers)[0]
	if old, _, _ := unstructured.NestedString(user.Object, "status", "rotation", "oldUsername"); old != want {
		t.Errorf("the status names the old login %q: want %q", old, want)
	}
}

// checkAlternatedBack ends the second login, as the next run does when there is no
// grace period, and expects the first one with a password of its own.
func checkAlternatedBack(t *testing.T, s *site) {
	s.mustRun(t, reconcile(s)...)
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 3)
	s.checkLoginNames(t, s.userName())
	s.checkLoginTo(t, s.secret(t, s.secretName()), s.databaseName(), s.userName(), s.databaseName()+"_owner")
	s.checkRefused(t, s.revision(t, 1))
	s.checkRefused(t, s.revision(t, 2))
	s.checkOldLogin(t, "")
	s.checkSessionEnded(t)
}

// checkForced expects the first login with a password of its own, and that the second
// one works as long as its grace period lasts.
func checkForced(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 3)
	s.checkLoginNames(t, s.userName(), s.second())
	owner := s.databaseName() + "_owner"
	s.checkLoginTo(t, s.secret(t, s.secretName()), s.databaseName(), s.userName(), owner)
	s.checkLoginTo(t, s.revision(t, 2), s.databaseName(), s.second(), owner)
	s.checkRefused(t, s.revision(t, 1))
	s.checkOldLogin(t, s.second())
	s.checkSessionEnded(t)
}

// checkReplaced expects that the one login has another password.
func checkReplaced(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 2)
	s.checkLoginNames(t, s.userName())
	s.checkLogin(t, s.databaseName()+"_owner")
	s.checkRefused(t, s.revision(t, 1))
	s.checkSessionEnded(t)
}

// checkOldLoginEnded expects that the first login is gone, its session with it, and
// that its table is not.
func checkOldLoginEnded(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 2)
	s.checkLoginNames(t, s.second())
	s.checkLoginTo(t, s.secret(t, s.secretName()), s.databaseName(), s.second(), s.databaseName()+"_owner")
	s.checkRefused(t, s.revision(t, 1))
	s.checkOldLogin(t, "")
	s.checkSessionEnded(t)
	s.checkTableKept(t)
}

// checkTableKept expects that the table which the user owned belongs to its database's
// owner group.
func (s *site) checkTableKept(t *testing.T) {
	t.Helper()
	s.asSuperuser(t, s.databaseName(), func(conn *pgx.Conn) {
		var rows int
		var owner string
		err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM app.kept), (SELECT relowner::regrole::text FROM pg_class WHERE oid = 'app.kept'::regclass)`).Scan(&rows, &owner)
		if err != nil {
			t.Fatal(err)
		}
		if rows != 1 || owner != s.databaseName()+"_owner" {
			t.Errorf("the user's table has %d rows and belongs to %s", rows, owner)
		}
	})
}

// checkAlternatedPerDatabase ends the first login, and expects that each Secret names
// the second one.
func checkAlternatedPerDatabase(t *testing.T, s *site) {
	s.mustRun(t, reconcile(s)...)
	s.checkReady(t)
	s.checkLoginNames(t, s.second())
	for _, database := range []string{s.database, s.other()} {
		s.checkRevisions(t, s.secretNameFor(database), 2)
		s.checkLoginTo(t, s.secret(t, s.secretNameFor(database)), inPostgreSQL(database), s.second(), inPostgreSQL(database)+"_owner")
		s.checkRefused(t, s.secret(t, s.secretNameFor(database)+".v1"))
	}
	s.checkOldLogin(t, "")
}
