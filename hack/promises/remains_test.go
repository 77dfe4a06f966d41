package promises

import (
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// lower makes two users readonly, and takes a database from a third. All of them have open
// sessions, own objects, and were granted privileges directly. Those who are readonly now must
// be just that for every object; of the third nothing may remain in the database.
func (m *matrix) lower(t *testing.T) {
	t.Helper()
	sessions := map[string]*pgx.Conn{"admin": m.session(t, "admin", "main"), "readwrite": m.session(t, "readwrite", "main"), "both": m.session(t, "both", "second")}
	m.leave(t, sessions["admin"], "main", "admin")
	m.leave(t, sessions["both"], "second", "both")
	for user, name := range map[string]string{"admin": "main", "readwrite": "main", "both": "second"} {
		m.give(t, user, name)
	}
	for _, user := range []string{"admin", "readwrite"} {
		m.patch(t, v1alpha1.KindDatabaseUser, user, `{"spec":{"privileges":"readonly"}}`)
	}
	m.patch(t, v1alpha1.KindDatabaseUser, "both", `{"spec":{"databaseRefs":[{"name":"`+m.of("main")+`","privileges":"readonly"}]}}`)
	m.settle(t, m.name, m.guests())
	for user, session := range sessions {
		m.checkSession(t, user, session)
		closeSession(session)
	}
	for _, user := range []string{"admin", "readwrite", "both"} {
		m.check(t, m.subject(t, user, "main", "readonly"), func(object) bool { return true })
	}
	m.checkNothingHeld(t, m.in("admin"), m.in("main"))
	m.checkNothingHeld(t, m.in("readwrite"), m.in("main"))
	m.checkNothingHeld(t, m.in("both"), m.in("second"))
	m.checkShutOut(t, "both", m.in("second"))
}

// leave lets an admin user create objects and default privileges as itself; afterwards its
// session acts as the owner group again.
func (m *matrix) leave(t *testing.T, session *pgx.Conn, name, user string) {
	t.Helper()
	mine := "own_" + user
	must(t, session, "SET ROLE NONE", "CREATE SCHEMA "+mine)
	from := len(m.made[name])
	m.fill(t, session, name, mine, "left", false) // it will be the owner group's
	m.fill(t, session, name, "app", "left", false)
	must(t, session, "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC", "ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT SELECT ON TABLES TO "+m.in("helper"),
		"GRANT SELECT ON "+m.made[name][from].name+" TO "+m.in("helper"), "RESET ROLE")
	m.made[name] = append(m.made[name], schemaNamed(mine, false))
}

// give lets the maker, and the helper with a grant option, grant a user privileges directly.
func (m *matrix) give(t *testing.T, user, name string) {
	t.Helper()
	login, helper := m.in(user), m.in("helper")
	maker := m.session(t, "maker", name)
	must(t, maker,
		"GRANT ALL ON app.before_maker_table, app.before_maker_sequence TO "+login,
		"GRANT UPDATE (note) ON app.after_maker_table TO "+login,
		"GRANT USAGE, CREATE ON SCHEMA app TO "+login,
		"GRANT EXECUTE ON FUNCTION app.before_maker_function(int) TO "+login,
		"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO "+login,
		"ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT DELETE ON TABLES TO "+login,
		"GRANT INSERT ON app.after_helper_table TO "+helper+" WITH GRANT OPTION")
	closeSession(maker)
	through := m.session(t, "helper", name)
	must(t, through, "SET ROLE NONE", "GRANT INSERT ON app.after_helper_table TO "+login, "GRANT INSERT ON app.after_itself_table TO "+login)
	closeSession(through)
}

// checkSession expects that a session which was open before has ended, or can do no more than
// a new one.
func (m *matrix) checkSession(t *testing.T, user string, session *pgx.Conn) {
	t.Helper()
	if session.Ping(t.Context()) != nil {
		return
	}
	if user != "readwrite" {
		t.Errorf("the session of %s lives on", user)
	}
	for _, statement := range []string{"INSERT INTO app.before_maker_table (note) VALUES ('late')", "DELETE FROM app.after_helper_table", "SELECT nextval('app.before_maker_sequence')",
		"CREATE TEMPORARY TABLE late (id int)"} {
		if _, err := session.Exec(t.Context(), statement); err == nil {
			t.Errorf("a session of %s from before can still do %s", user, statement)
		}
	}
}

// held lists what a role holds in the database that it is asked in: what it owns, every
// list of privileges that names it, and its settings.
const held = `
SELECT 'owns ' || classid::regclass || ' ' || objid FROM pg_shdepend WHERE refclassid = 'pg_authid'::regclass AND refobjid = to_regrole($1) AND deptype = 'o'
	AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
UNION ALL
SELECT what FROM (
	SELECT 'relation ' || oid::regclass AS what, relacl AS acl FROM pg_class
	UNION ALL SELECT 'column of ' || attrelid::regclass, attacl FROM pg_attribute
	UNION ALL SELECT 'schema ' || nspname, nspacl FROM pg_namespace
	UNION ALL SELECT 'function ' || oid::regprocedure, proacl FROM pg_proc
	UNION ALL SELECT 'type ' || oid::regtype, typacl FROM pg_type
	UNION ALL SELECT 'future ' || defaclobjtype::text, defaclacl FROM pg_default_acl
	UNION ALL SELECT 'database ' || datname, datacl FROM pg_database WHERE datname = current_database()
) AS lists, aclexplode(acl) AS entry WHERE entry.grantee = to_regrole($1)
UNION ALL
SELECT 'defaults of its own for ' || defaclobjtype::text FROM pg_default_acl WHERE defaclrole = to_regrole($1)
UNION ALL
SELECT 'setting ' || setconfig::text FROM pg_db_role_setting
	WHERE setrole = to_regrole($1) AND setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())`

// checkNothingHeld expects that a login holds nothing itself in a database.
func (m *matrix) checkNothingHeld(t *testing.T, login, name string) {
	t.Helper()
	if left := m.ask(t, name, held, login); len(left) > 0 {
		t.Errorf("%s still has in database %s: %q", login, name, left)
	}
}

// allowed lists what a role may do in the database that it is asked in, through itself,
// its groups or PUBLIC. Functions are left out: PUBLIC may execute them.
const allowed = `
SELECT 'database: ' || p FROM unnest('{CONNECT,TEMPORARY,CREATE}'::text[]) p WHERE has_database_privilege($1, current_database(), p)
UNION ALL
SELECT 'schema ' || nspname || ': ' || p FROM pg_namespace, unnest('{USAGE,CREATE}'::text[]) p
	WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' AND has_schema_privilege($1, oid, p)
UNION ALL
SELECT 'relation ' || c.oid::regclass || ': ' || p FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
	unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) p
	WHERE c.relkind IN ('r', 'v') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND (has_table_privilege($1, c.oid, p)
		OR p IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege($1, c.oid, p))
UNION ALL
SELECT 'sequence ' || c.oid::regclass || ': ' || p FROM pg_class c, unnest('{SELECT,USAGE,UPDATE}'::text[]) p
	WHERE c.relkind = 'S' AND has_sequence_privilege($1, c.oid, p)
UNION ALL
SELECT 'member of ' || rolname FROM pg_roles WHERE starts_with(rolname, current_database() || '_') AND pg_has_role($1, oid, 'MEMBER')
UNION ALL
SELECT 'session ' || pid FROM pg_stat_activity WHERE usename = $1 AND datname = current_database()`

// checkShutOut expects that a user may do nothing in a database that she had.
func (m *matrix) checkShutOut(t *testing.T, user, name string) {
	t.Helper()
	left := slices.DeleteFunc(m.ask(t, name, allowed, m.in(user)), func(what string) bool {
		open := openPublic(place{version: m.server.Version, super: m.super, object: schemaNamed("public", false)})
		return open && (what == "schema public: USAGE" || what == "schema public: CREATE") // PUBLIC's, and out of reach
	})
	if len(left) > 0 {
		t.Errorf("%s may still use in database %s: %q", user, name, left)
	}
	if conn, err := m.connect(t, m.in(user), m.password(t, user), name); err == nil {
		closeSession(conn)
		t.Errorf("%s can still connect to database %s", user, name)
	}
}

// checkGone deletes all resources and expects that nothing is left of them.
func (m *matrix) checkGone(t *testing.T) {
	t.Helper()
	for _, namespace := range []string{m.guests(), m.name} {
		for _, resource := range []string{v1alpha1.KindDatabaseUser, v1alpha1.KindDatabase} {
			client := m.objects.Resource(resources[resource]).Namespace(namespace)
			if err := client.DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	m.waitForNoSessions(t)
	m.settle(t, m.guests(), m.name)
	if left := m.ask(t, "postgres", `SELECT 'role ' || rolname FROM pg_roles WHERE starts_with(rolname, $1)
		UNION ALL SELECT 'database ' || datname FROM pg_database WHERE starts_with(datname, $1)`, m.name+"_"); len(left) > 0 {
		t.Errorf("on the server are left: %q", left)
	}
	secrets, err := m.core.Secrets("").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range secrets.Items {
		if (one.Namespace == m.name || one.Namespace == m.guests()) && one.Name != "admin" {
			t.Errorf("secret %s/%s is left", one.Namespace, one.Name)
		}
	}
}

// waitForNoSessions returns when the server has noticed the end of the sessions in the
// site's databases, which is a moment after their clients have.
func (s *site) waitForNoSessions(t *testing.T) {
	t.Helper()
	conn := s.asSuperuser(t, "postgres")
	defer closeSession(conn)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := lines(t, conn, "SELECT usename || ' in ' || datname FROM pg_stat_activity WHERE starts_with(datname, $1) AND usesysid IS NOT NULL", s.name)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("sessions stay: %q", left)
		}
	}
}
