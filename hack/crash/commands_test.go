package crash_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// command is a command of the plugin that writes.
type command struct {
	name string
	// asCreateRole runs it as an administrator with CREATEDB and CREATEROLE only.
	asCreateRole bool
	// prepare makes what the command needs.
	prepare func(*testing.T, *site)
	// args follow "kubectl dbtether".
	args func(*site) []string
	// writes are some of those that the proxies must see.
	writes []string
	// deletes is whether the credential ends.
	deletes bool
	// gap is whether there is a moment at which the password of the live Secret does not
	// work, but that of its newest revision does.
	gap bool
	// over is what a second run says when the first made all of its writes and the same
	// cannot be done twice; empty: it finds nothing to do. With anew a second run would do
	// something new, so none is made.
	over string
	anew bool
	// check looks at what the command led to.
	check func(*testing.T, *site)
}

var provisioning = []command{
	{name: "db create", prepare: nothing, args: dbCreate, writes: creating, check: checkAdmin},
	{name: "db create as CREATEROLE", asCreateRole: true, prepare: nothing, args: dbCreate, writes: creating, check: checkAdmin},
	{
		name:    "user create",
		prepare: createDatabase,
		args: func(s *site) []string {
			return []string{"user", "create", s.user, "--database", s.database, "--privileges", "readwrite"}
		},
		writes: []string{"POST databaseusers", "POST secrets", "CREATE ROLE", "COMMENT", "GRANT ROLE", "COMMIT", "PATCH databaseusers/status"},
		check:  checkReadWrite,
	},
	{name: "reconcile of new resources", prepare: applyResources, args: reconcile,
		writes: []string{"POST secrets", "CREATE ROLE", "CREATE DATABASE", "CREATE SCHEMA", "COMMIT", "PATCH databases/status"}, check: checkAdmin},
	{name: "reconcile of a lower privilege", prepare: lowerPrivilege, args: reconcile,
		writes: []string{"REVOKE ROLE", "GRANT ROLE", "ALTER ROLE", "COMMIT"}, check: checkLowered},
	{name: "user delete", deletes: true, over: "not found", prepare: createOwningUser,
		args:   userDelete,
		writes: []string{"DELETE databaseusers", "ALTER ROLE", "REASSIGN OWNED", "DROP OWNED", "DROP ROLE", "DELETE secrets", "PATCH databaseusers"},
		check:  checkNoUser},
	{name: "user delete as CREATEROLE", asCreateRole: true, deletes: true, over: "not found", prepare: createOwningUser,
		args:   userDelete,
		writes: []string{"DELETE databaseusers", "GRANT ROLE", "REASSIGN OWNED", "REVOKE ROLE", "DROP ROLE", "PATCH databaseusers"},
		check:  checkNoUser},
	{name: "db delete", deletes: true, over: "not found", prepare: createDeletable,
		args:   func(s *site) []string { return []string{"db", "delete", s.database, "--yes"} },
		writes: []string{"DELETE databases", "DROP DATABASE", "DROP ROLE", "PATCH databases"},
		check:  checkNothing},
}

var creating = []string{"POST databases", "POST databaseusers", "POST secrets", "CREATE ROLE", "COMMENT", "GRANT ROLE", "CREATE DATABASE",
	"REVOKE", "GRANT", "ALTER DATABASE", "CREATE SCHEMA", "CREATE EXTENSION", "ALTER DEFAULT PRIVILEGES", "COMMIT",
	"PATCH databases/status", "PATCH databaseusers/status"}

func nothing(*testing.T, *site) {}

// createDatabase creates the site's database, and no user of it.
func createDatabase(t *testing.T, s *site) {
	s.mustRun(t, "db", "create", s.database, "--cluster", s.name, "--schema", "app", "--extension", "pg_trgm")
}

func dbCreate(s *site) []string {
	return []string{"db", "create", s.database, "--cluster", s.name, "--user", s.user, "--schema", "app", "--extension", "pg_trgm"}
}

func userDelete(s *site) []string { return []string{"user", "delete", s.user, "--yes"} }

func reconcile(*site) []string { return []string{"reconcile"} }

func applyResources(t *testing.T, s *site) {
	s.create(t, v1alpha1.Databases, v1alpha1.KindDatabase, s.database, map[string]any{
		"clusterRef": map[string]any{"name": s.name}, "schemas": []any{"app"}, "extensions": []any{"pg_trgm"}})
	s.create(t, v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, s.user, map[string]any{
		"databaseRef": map[string]any{"name": s.database}, "privileges": "admin"})
}

// lowerPrivilege takes admin from a user who has a session open.
func lowerPrivilege(t *testing.T, s *site) {
	withSession(t, s)
	s.patch(t, v1alpha1.DatabaseUsers, s.user, types.MergePatchType, `{"spec":{"privileges":"readonly"}}`)
}

// createOwningUser creates a user whose login owns a table, instead of the owner group of
// its database: after SET ROLE NONE, or because somebody gave it the table.
func createOwningUser(t *testing.T, s *site) {
	s.mustRun(t, dbCreate(s)...)
	s.giveTable(t)
}

func createDeletable(t *testing.T, s *site) {
	s.mustRun(t, append(dbCreate(s), "--deletion-policy", "Delete")...)
	s.mustRun(t, userDelete(s)...)
	s.waitForNoSessions(t)
}
