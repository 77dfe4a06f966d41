package promises

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

var versions = []int{14, 15, 16, 17, 18}

// TestPrivileges holds every version, as a superuser and as an administrator with
// CREATEDB and CREATEROLE, to the table: for objects of every kind and schema, which
// exist before a user is provisioned or come after it, made by the first admin user, by
// another one, and by one who had done SET ROLE NONE.
func TestPrivileges(t *testing.T) {
	e := newEnvironment(t)
	var mu sync.Mutex
	met, sites := map[*exception]bool{}, 0
	t.Run("on", func(t *testing.T) {
		for _, version := range versions {
			t.Run(fmt.Sprint(version), func(t *testing.T) {
				t.Parallel()
				for kind, super := range kinds {
					t.Run(kind, func(t *testing.T) {
						m := &matrix{site: newSite(t, e, version, super), met: map[*exception]bool{}}
						m.run(t)
						mu.Lock()
						defer mu.Unlock()
						sites++
						for exception := range m.met {
							met[exception] = true
						}
					})
				}
			})
		}
	})
	for i := range exceptions {
		if all := len(versions) * len(kinds); sites == all && !met[&exceptions[i]] {
			t.Errorf("nothing meets the exception %q any more: take it from the table", exceptions[i].why)
		}
	}
}

// matrix is the test on one site. There are the databases main and second, the admin
// users maker and helper who fill them, and a stranger with a database of her own.
type matrix struct {
	*site
	made map[string][]object // by database
	met  map[*exception]bool
}

// guests is the namespace of a user of a database in another namespace.
func (m *matrix) guests() string { return m.name + "-guests" }

func (m *matrix) run(t *testing.T) {
	m.prepare(t)
	m.make(t, "before", "public", "app")
	m.provisionUsers(t)
	m.make(t, "after", "public", "app", "created_before")
	m.checkAll(t, false) // what was made as the owner group is there at once
	m.settle(t, m.name, m.guests())
	m.checkAll(t, true) // and the rest after the next run
	m.checkGuests(t)
	m.lower(t)
	m.checkGone(t)
}

// prepare provisions the databases, and the users who fill them.
func (m *matrix) prepare(t *testing.T) {
	t.Helper()
	m.made = map[string][]object{}
	m.namespace(t, m.guests())
	for _, name := range []string{"main", "second", "third"} {
		m.site.database(t, name, map[string]any{"schemas": []any{"app"}})
		m.made[name] = []object{{kind: database, name: m.in(name)}, {kind: server, name: "the server"}, schemaNamed("public", false), schemaNamed("app", false)}
	}
	m.patch(t, v1alpha1.KindDatabase, "main", `{"metadata":{"annotations":{"dbtether.io/allow-users-from":"`+m.guests()+`"}}}`)
	for _, maker := range []string{"maker", "helper"} {
		m.users(t, m.name, maker, map[string]string{"main": "admin", "second": "admin"})
	}
	m.user(t, "stranger", "third", "readwrite", nil)
	m.settle(t)
	m.checkWarning(t)
}

func schemaNamed(name string, ofLogin bool) object {
	return object{kind: schemaOf, schema: name, name: name, ofLogin: ofLogin}
}

// users creates a user of several databases; the first of them by name is the one that
// the Secret leads to.
func (m *matrix) users(t *testing.T, namespace, name string, databases map[string]string) {
	t.Helper()
	var refs []any
	for _, database := range slices.Sorted(maps.Keys(databases)) {
		refs = append(refs, map[string]any{"name": m.of(database), "namespace": m.name, "privileges": databases[database]})
	}
	m.create(t, v1alpha1.KindDatabaseUser, namespace, m.of(name), map[string]any{"databaseRefs": refs})
}

// checkWarning expects the one warning that there is about privileges: where PUBLIC may
// create in the schema public, whoever makes the database hears of it.
func (m *matrix) checkWarning(t *testing.T) {
	t.Helper()
	var db v1alpha1.Database
	m.get(t, v1alpha1.KindDatabase, "main", &db)
	warned := strings.Contains(db.Status.Message, "may create objects in schema public")
	if want := openPublic(place{m.server.Version, m.super, schemaNamed("public", false), true}); warned != want || !want && db.Status.Message != "provisioned" {
		t.Errorf("the status says %q", db.Status.Message)
	}
}

// make lets the makers fill schemas of the databases: those that are there, one that the
// maker creates, and one that the helper creates as itself.
func (m *matrix) make(t *testing.T, when string, schemas ...string) {
	t.Helper()
	created, own := "created_"+when, "own_"+when
	schemas = append(schemas, created)
	for _, name := range []string{"main", "second"} {
		m.made[name] = append(m.made[name], schemaNamed(created, false), schemaNamed(own, true))
		maker, helper := m.session(t, "maker", name), m.session(t, "helper", name)
		must(t, maker, "CREATE SCHEMA "+created)
		for _, schema := range schemas {
			m.fill(t, maker, name, schema, when+"_maker", false)
			m.fill(t, helper, name, schema, when+"_helper", false)
		}
		must(t, helper, "SET ROLE NONE", "CREATE SCHEMA "+own)
		for _, schema := range append(schemas, own) {
			m.fill(t, helper, name, schema, when+"_itself", true)
		}
		closeSession(maker)
		closeSession(helper)
	}
}

// fill creates one object of each kind.
func (m *matrix) fill(t *testing.T, conn *pgx.Conn, name, schema, prefix string, ofLogin bool) {
	t.Helper()
	var statements []string
	for _, made := range []struct{ kind, statement string }{
		{table, "CREATE TABLE {object} (id serial PRIMARY KEY, note text); INSERT INTO {object} (note) VALUES ('first')"},
		{view, "CREATE VIEW {object} AS SELECT id, note FROM {table}"},
		{sequence, "CREATE SEQUENCE {object}"},
		{function, "CREATE FUNCTION {object}(i int) RETURNS int LANGUAGE sql AS 'SELECT i'"},
	} {
		o := object{made.kind, schema, schema + "." + prefix + "_" + made.kind, ofLogin}
		m.made[name] = append(m.made[name], o)
		statements = append(statements, fill(made.statement, map[string]string{"object": o.name, "table": schema + "." + prefix + "_table"}))
	}
	must(t, conn, strings.Join(statements, "; "))
}

// session opens one of a user in one of her databases.
func (m *matrix) session(t *testing.T, user, name string) *pgx.Conn {
	t.Helper()
	conn, err := m.connect(t, m.in(user), m.password(t, user), m.in(name))
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// provisionUsers provisions those whom the table is about.
func (m *matrix) provisionUsers(t *testing.T) {
	t.Helper()
	for _, privileges := range []string{"readonly", "readwrite", "admin"} {
		m.user(t, privileges, "main", privileges, nil)
	}
	m.users(t, m.name, "both", map[string]string{"main": "readonly", "second": "admin"})
	m.users(t, m.guests(), "guest", map[string]string{"main": "readwrite"})
	m.settle(t, m.name, m.guests())
}

// checkAll checks every user on what the owner group owns, or on the rest.
func (m *matrix) checkAll(t *testing.T, ofLogin bool) {
	t.Helper()
	subjects := []subject{m.subject(t, "readonly", "main", "readonly"), m.subject(t, "readwrite", "main", "readwrite"), m.subject(t, "admin", "main", "admin"),
		m.subject(t, "both", "main", "readonly"), m.subject(t, "both", "second", "admin"), m.subject(t, "guest", "main", "readwrite")}
	for _, s := range subjects {
		m.check(t, s, func(o object) bool { return o.ofLogin == ofLogin })
	}
}

func (m *matrix) check(t *testing.T, s subject, among func(object) bool) {
	t.Helper()
	objects := slices.DeleteFunc(slices.Clone(m.made[strings.TrimPrefix(s.database, m.name+"_")]), func(o object) bool { return !among(o) })
	for exception := range s.check(t, objects) {
		m.met[exception] = true
	}
}

// subject returns a user with what is in her Secret.
func (m *matrix) subject(t *testing.T, user, name, privileges string) subject {
	t.Helper()
	namespace := m.name
	if user == "guest" {
		namespace = m.guests()
	}
	credential := m.credential(t, namespace, m.of(user)+"-credentials")
	return subject{site: m.site, login: credential["username"], uri: credential["uri"], database: m.in(name), elsewhere: m.in("third"),
		other: m.in("stranger"), privileges: privileges}
}

// checkGuests expects that a database in another namespace is there for those who have
// its consent, and that nobody gets more of it than may be shared.
func (m *matrix) checkGuests(t *testing.T) {
	t.Helper()
	m.users(t, m.guests(), "uninvited", map[string]string{"second": "readonly"})
	m.users(t, m.guests(), "greedy", map[string]string{"main": "admin"})
	results := m.reconcile(t, m.guests())
	for name, code := range map[string]string{"uninvited": "DATABASE-NOT-SHARED", "greedy": "ADMIN-NOT-SHARED"} {
		if r := results[name]; r.Action != provision.ActionFailed || !strings.Contains(r.Error, code) {
			t.Errorf("%s: %+v, want %s", name, r, code)
		}
		if roles := m.ask(t, "postgres", "SELECT rolname FROM pg_roles WHERE rolname = $1", m.in(name)); len(roles) > 0 {
			t.Errorf("%s has a login all the same", name)
		}
		if err := m.Kube.Resource(v1alpha1.DatabaseUsers).Namespace(m.guests()).Delete(t.Context(), m.of(name), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	}
	m.settle(t, m.guests())
	// A user of another database is no less outside.
	stranger := m.subject(t, "stranger", "third", "readwrite")
	for _, name := range []string{"main", "second"} {
		stranger.elsewhere, stranger.other = m.in(name), m.in("maker")
		m.check(t, stranger, func(object) bool { return true })
	}
}
