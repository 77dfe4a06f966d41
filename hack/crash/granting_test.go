package crash_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// granting are the commands that change what a user may do.
var granting = []command{
	{name: "user create for several databases", asCreateRole: true, prepare: createTwoDatabases, args: userCreatePerDatabase("24h"),
		writes: []string{"POST databaseusers", "POST secrets", "CREATE ROLE", "GRANT ROLE", "COMMIT", "PATCH databaseusers/status"},
		check:  checkPerDatabase},
	{name: "user grant of a database", asCreateRole: true, prepare: grantable, args: grantOther("readwrite"), writes: []string{"PATCH databaseusers", "POST secrets", "GRANT ROLE", "PATCH secrets", "PATCH databaseusers/status"},
		check: checkGranted},
	{name: "user grant of a table", prepare: grantable, args: func(s *site) []string {
		return []string{"user", "grant", s.user, "--table", "app.kept", "--on-table", "INSERT,UPDATE"}
	}, writes: []string{"PATCH databaseusers", "GRANT", "PATCH databaseusers/status"},
		check: checkTableGranted},
	{name: "user grant of a lower privilege", prepare: withSession, args: func(s *site) []string {
		return []string{"user", "grant", s.user, "--privileges", "readonly"}
	}, writes: []string{"PATCH databaseusers", "REVOKE ROLE", "GRANT ROLE", "ALTER ROLE", "PATCH databaseusers/status"},
		check: checkLowered},
	{name: "user revoke of a database", asCreateRole: true, prepare: revocable, args: revokeOther, writes: []string{"PATCH databaseusers", "POST secrets", "REVOKE ROLE", "REASSIGN OWNED", "DROP OWNED", "ALTER ROLE", "PATCH secrets", "PATCH databaseusers/status"},
		over: "has no database", check: checkRevoked},
	{name: "user revoke of a table", prepare: tableRevocable, args: func(s *site) []string {
		return []string{"user", "revoke", s.user, "--table", "app.kept", "--on-table", "UPDATE"}
	}, writes: []string{"PATCH databaseusers", "REVOKE", "PATCH databaseusers/status"},
		over: "was not granted UPDATE", check: checkTableRevoked},
}

// other is the name of a second Database.
func (s *site) other() string { return s.name + "-more" }

// inPostgreSQL returns the name that a Database has in PostgreSQL.
func inPostgreSQL(database string) string { return strings.ReplaceAll(database, "-", "_") }

func (s *site) secretNameFor(database string) string { return s.user + "-" + database + "-credentials" }

func createTwoDatabases(t *testing.T, s *site) {
	createDatabase(t, s)
	s.mustRun(t, "db", "create", s.other(), "--cluster", s.name, "--schema", "app")
}

func userCreatePerDatabase(gracePeriod string) func(*site) []string {
	return func(s *site) []string {
		return []string{"user", "create", s.user, "--database", s.database, "--database", s.other(), "--privileges", "admin", "--secret-per-database",
			"--grace-period", gracePeriod}
	}
}

func createPerDatabase(gracePeriod string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		createTwoDatabases(t, s)
		s.mustRun(t, userCreatePerDatabase(gracePeriod)(s)...)
	}
}

func checkPerDatabase(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkLoginNames(t, s.userName())
	for _, database := range []string{s.database, s.other()} {
		s.checkRevisions(t, s.secretNameFor(database), 1)
		s.checkLoginTo(t, s.secret(t, s.secretNameFor(database)), inPostgreSQL(database), s.userName(), inPostgreSQL(database)+"_owner")
	}
	if have := len(s.secrets(t)); have != 4 {
		t.Errorf("there are %d Secrets, want two and a revision of each", have)
	}
}

// grantable creates two databases with a table, and a user who reads one of them.
func grantable(t *testing.T, s *site) {
	createTwoDatabases(t, s)
	s.createTables(t)
	s.mustRun(t, "user", "create", s.user, "--database", s.database)
}

// createTables makes a table in each database, as its owner group.
func (s *site) createTables(t *testing.T) {
	t.Helper()
	for _, database := range s.databases(t) {
		s.execute(t, database, "SET ROLE "+database+"_owner", "CREATE TABLE app.kept AS SELECT 1 AS id")
	}
}

func checkGranted(t *testing.T, s *site) {
	checkGrantedOther(t, s)
	s.checkMay(t, s.databaseName(), "SELECT")
}

func checkGrantedOther(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 2)
	live := s.secret(t, s.secretName())
	s.checkLoginTo(t, live, s.databaseName(), s.userName(), s.userName())
	s.checkLoginTo(t, live, inPostgreSQL(s.other()), s.userName(), s.userName())
	s.checkMay(t, inPostgreSQL(s.other()), "SELECT", "INSERT", "UPDATE", "DELETE")
}

// checkMay expects that the user has these privileges on the table of a database, of
// those that tables have.
func (s *site) checkMay(t *testing.T, database string, want ...string) {
	t.Helper()
	var have []string
	s.asSuperuser(t, database, func(conn *pgx.Conn) {
		rows, err := conn.Query(t.Context(), `SELECT privilege FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) privilege
			WHERE has_table_privilege($1, 'app.kept', privilege)`, s.userName())
		if err != nil {
			t.Fatal(err)
		}
		if have, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			t.Fatal(err)
		}
	})
	if strings.Join(have, " ") != strings.Join(want, " ") {
		t.Errorf("on the table of %s the user has %v: want %v", database, have, want)
	}
}

func checkTableGranted(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkSecrets(t)
	s.checkLogin(t, s.userName())
	s.checkMay(t, s.databaseName(), "SELECT", "INSERT", "UPDATE")
}

func withSession(t *testing.T, s *site) {
	s.mustRun(t, dbCreate(s)...)
	s.session = s.login(t)
}

// revocable creates a user of two databases, who has a session open in the second and
// owns a table there.
func revocable(t *testing.T, s *site) {
	createTwoDatabases(t, s)
	s.createTables(t)
	s.mustRun(t, "user", "create", s.user, "--database", s.database, "--database", s.other(), "--privileges", "admin")
	s.execute(t, inPostgreSQL(s.other()), "ALTER TABLE app.kept OWNER TO "+s.userName())
	var err error
	if s.session, err = connect(t.Context(), s.secret(t, s.secretName()), inPostgreSQL(s.other())); err != nil {
		t.Fatal(err)
	}
}

func checkRevoked(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 2)
	s.checkLogin(t, s.databaseName()+"_owner")
	s.checkSessionEnded(t)
	s.checkMay(t, inPostgreSQL(s.other()))
	if conn, err := connect(t.Context(), s.secret(t, s.secretName()), inPostgreSQL(s.other())); err == nil {
		conn.Close(t.Context())
		t.Error("the user still enters the database that was taken from it")
	}
}

func tableRevocable(t *testing.T, s *site) {
	grantable(t, s)
	s.mustRun(t, "user", "grant", s.user, "--table", "app.kept", "--on-table", "INSERT,UPDATE")
}

func checkTableRevoked(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkSecrets(t)
	s.checkMay(t, s.databaseName(), "SELECT", "INSERT")
}
