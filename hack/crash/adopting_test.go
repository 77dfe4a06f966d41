package crash_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// adopting are the commands that take over what dbtether did not make.
var adopting = []command{
	{name: "db create of a database that is there", prepare: createForeignDatabase,
		args:   func(s *site) []string { return append(dbCreate(s), "--adopt") },
		writes: []string{"POST databases", "POST databaseusers", "PATCH databases/status", "POST secrets", "CREATE ROLE", "COMMENT", "CREATE SCHEMA", "PATCH databaseusers/status"},
		check:  checkDatabaseAdopted},
	{name: "user create of a role that is there", prepare: createForeignRole, args: userAdopt,
		writes: []string{"POST databaseusers", "POST secrets", "COMMENT", "ALTER ROLE", "GRANT ROLE", "PATCH databaseusers/status"},
		check:  checkRoleAdopted},
	{name: "user create of a role and a Secret that are there", prepare: createForeignRoleAndSecret,
		args:   func(s *site) []string { return append(userAdopt(s), "--on-conflict", "Adopt") },
		writes: []string{"POST databaseusers", "POST secrets", "COMMENT", "GRANT ROLE", "PATCH secrets", "PATCH databaseusers/status"},
		check:  checkRoleAndSecretAdopted},
}

// foreignPassword is the one that the role had before.
const foreignPassword = "before-dbtether-7"

// createForeignDatabase makes a database as it stands before dbtether: its owner logs
// in, and has a table.
func createForeignDatabase(t *testing.T, s *site) {
	owner := s.name + "_legacy"
	s.execute(t, "postgres", fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", owner, foreignPassword), fmt.Sprintf("CREATE DATABASE %s OWNER %s", s.databaseName(), owner))
	s.execute(t, s.databaseName(), "SET ROLE "+owner, "CREATE TABLE public.legacy AS SELECT 1 AS id")
}

func checkDatabaseAdopted(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkSecrets(t)
	s.checkLogin(t, s.databaseName()+"_owner")
	db := s.list(t, v1alpha1.Databases)[0]
	if adopted, _, _ := unstructured.NestedBool(db.Object, "status", "adopted"); !adopted {
		t.Errorf("the status does not say that the database was adopted: %v", db.Object["status"])
	}
	s.asSuperuser(t, s.databaseName(), func(conn *pgx.Conn) {
		var rows int
		var public, schema bool
		err := conn.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM public.legacy),
			EXISTS (SELECT FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
				WHERE d.datname = current_database() AND a.grantee = 0 AND a.privilege_type = 'CONNECT'),
			to_regnamespace('app') IS NOT NULL`).Scan(&rows, &public, &schema)
		if err != nil {
			t.Fatal(err)
		}
		if rows != 1 || !public || !schema {
			t.Errorf("the table has %d rows; PUBLIC may connect as before: %t; the schema is there: %t", rows, public, schema)
		}
	})
}

// createForeignRole makes a database of ours and a login that is not, with a
// session.
func createForeignRole(t *testing.T, s *site) {
	createDatabase(t, s)
	s.execute(t, "postgres", fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", s.userName(), foreignPassword))
}

func userAdopt(s *site) []string {
	return []string{"user", "create", s.user, "--database", s.database, "--privileges", "readwrite", "--adopt"}
}

// checkRoleAdopted expects that the role has the password of its Secret.
func checkRoleAdopted(t *testing.T, s *site) {
	checkReadWrite(t, s)
	if string(s.secret(t, s.secretName()).Data["password"]) == foreignPassword {
		t.Error("the role kept a password that no Secret held")
	}
}

func createForeignRoleAndSecret(t *testing.T, s *site) {
	createForeignRole(t, s)
	held := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: s.secretName()},
		StringData: map[string]string{"username": s.userName(), "password": foreignPassword, "note": "kept since long"}}
	if _, err := s.env.core.Secrets(s.name).Create(t.Context(), held, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// checkRoleAndSecretAdopted expects that the password still holds, and that what the
// Secret held is its first revision.
func checkRoleAndSecretAdopted(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkServer(t, "_rw")
	s.checkLogin(t, s.userName())
	s.checkRevisions(t, s.secretName(), 2)
	live := s.secret(t, s.secretName())
	if string(live.Data["password"]) != foreignPassword || len(live.Data["note"]) > 0 {
		t.Errorf("the Secret has the keys %v, and the password is another: %t", keysOf(live), string(live.Data["password"]) != foreignPassword)
	}
	if string(s.revision(t, 1).Data["note"]) != "kept since long" {
		t.Errorf("the first revision has the keys %v: want those of the Secret that was taken over", keysOf(s.revision(t, 1)))
	}
}

func keysOf(s *corev1.Secret) []string { return slices.Sorted(maps.Keys(s.Data)) }
