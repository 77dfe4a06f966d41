package promises

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// object is something that a user might use.
type object struct {
	kind string
	// schema is its own name for a schema; empty for a database and beyond.
	schema string
	// name is qualified with the schema.
	name string
	// ofLogin is whether a login owns it, and not the owner group of the database.
	ofLogin bool
}

// subject is a user in one of her databases.
type subject struct {
	site       *site
	login      string
	uri        string // of the Secret, leading to the database
	database   string
	elsewhere  string // a database to which she has no access
	other      string // the login of another user
	privileges string
}

// check tries every right on every object, as the user and by what the catalog says
// about her. It returns the exceptions that it met.
func (s subject) check(t *testing.T, objects []object) map[*exception]bool {
	t.Helper()
	met := map[*exception]bool{}
	for _, asItself := range s.sessions() {
		session := s.open(t, asItself)
		for _, cell := range s.cells(objects, asItself) {
			want, exception := cell.right.expected(s.privileges, cell.place)
			if exception != nil {
				met[exception] = true
			}
			session.try(t, cell, want)
		}
		session.close()
	}
	s.ask(t, objects)
	return met
}

// sessions lists in which roles the user can act: an admin acts as the owner group, and
// as herself after SET ROLE NONE.
func (s subject) sessions() (asItself []bool) {
	if s.privileges == "admin" {
		return []bool{false, true}
	}
	return []bool{true}
}

// cell is one right on one object.
type cell struct {
	right
	place place
	text  string // the statement, complete
}

// cells returns what is tried in a session. What the owner group may do with objects is
// tried as the group alone: that is how admins act.
func (s subject) cells(objects []object, asItself bool) []cell {
	var all []cell
	for _, right := range rights {
		for _, o := range objects {
			if right.on != o.kind || s.privileges == "admin" && asItself && o.kind != server {
				continue
			}
			all = append(all, cell{right, place{s.site.server.Version, s.site.super, o, asItself}, fill(right.statement, s.names(o))})
		}
	}
	return all
}

func (s subject) names(o object) map[string]string {
	admin := s.site.server.Admin
	if s.site.super {
		admin = s.site.server.Superuser
	}
	return map[string]string{"object": o.name, "schema": o.schema, "database": s.database, "owner": s.database + "_owner",
		"login": s.login, "other": s.other, "elsewhere": s.elsewhere, "admin": admin}
}

// wrong reports a cell that differs from the table.
func (s subject) wrong(t *testing.T, c cell, format string, args ...any) {
	t.Helper()
	_, exception := c.expected(s.privileges, c.place)
	why := ""
	if exception != nil {
		why = " (by way of exception: " + exception.why + ")"
	}
	t.Errorf("%s in database %s, %s on %s %s: %s: %s%s", s.privileges, s.database, s.login, c.on, c.place.object.name, c.text, fmt.Sprintf(format, args...), why)
}

// session is a session of the subject in which each attempt is rolled back.
type session struct {
	subject
	conn *pgx.Conn
	// ignored is whether the server said that a GRANT granted nothing.
	ignored bool
}

func (s subject) open(t *testing.T, asItself bool) *session {
	t.Helper()
	config, err := pgx.ParseConfig(s.uri)
	if err != nil {
		t.Fatal(err)
	}
	session := &session{subject: s}
	config.Database = s.database
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) {
		session.ignored = session.ignored || n.Code == "01006" || n.Code == "01007"
	}
	if session.conn, err = pgx.ConnectConfig(t.Context(), config); err != nil {
		t.Fatalf("log in as %s: %v", s.login, err)
	}
	if s.privileges == "admin" && asItself {
		must(t, session.conn, "SET ROLE NONE")
	}
	must(t, session.conn, "SET client_min_messages = notice")
	return session
}

func (s *session) close() { closeSession(s.conn) }

// try runs the statement of a cell, takes it back, and compares: what is refused must
// be refused for want of a privilege (42501), or granted nothing.
func (s *session) try(t *testing.T, c cell, want bool) {
	t.Helper()
	s.ignored = false
	err := s.attempt(t.Context(), c)
	var said *pgconn.PgError
	switch refused := errors.As(err, &said) && said.Code == "42501" || err == nil && s.ignored; {
	case err != nil && !refused:
		s.wrong(t, c, "%v", err)
	case refused == want:
		s.wrong(t, c, "it was tried, and %s", map[bool]string{true: "refused: " + fmt.Sprint(err), false: "done"}[refused])
	}
}

// outside are the statements that PostgreSQL runs outside of a transaction only.
var outside = map[string]bool{"DROP DATABASE {database}": true, "CREATE DATABASE fresh": true}

func (s *session) attempt(ctx context.Context, c cell) error {
	switch {
	case c.statement == "connect to {elsewhere}":
		config := s.conn.Config().Copy()
		config.Database = s.elsewhere
		conn, err := pgx.ConnectConfig(ctx, config)
		if err == nil {
			closeSession(conn)
		}
		return err
	case outside[c.statement]:
		return errors.Join(s.conn.PgConn().Exec(ctx, "ROLLBACK").Close(), s.conn.PgConn().Exec(ctx, c.text).Close())
	default: // the attempt before it is taken back on the way
		return s.conn.PgConn().Exec(ctx, "ROLLBACK; BEGIN; "+c.text).Close()
	}
}

// ask compares what the catalog says about the user with the table.
func (s subject) ask(t *testing.T, objects []object) {
	t.Helper()
	conn := s.site.asSuperuser(t, s.database)
	defer closeSession(conn)
	asItself := s.privileges != "admin"
	asked := map[string]bool{}
	var cells []cell
	var batch pgx.Batch
	for _, c := range s.cells(objects, asItself) {
		question := c.question(s)
		if question != "" && !asked[question] {
			asked[question] = true
			cells = append(cells, c)
			batch.Queue("SELECT " + question)
		}
	}
	results := conn.SendBatch(t.Context(), &batch)
	for _, c := range cells {
		var has bool
		if err := results.QueryRow().Scan(&has); err != nil {
			t.Fatalf("%s: %v", c.question(s), err)
		}
		if want, _ := c.expected(s.privileges, c.place); has != want {
			s.wrong(t, c, "the catalog says %v to %s", has, c.question(s))
		}
	}
	if err := results.Close(); err != nil {
		t.Fatal(err)
	}
}

// questions ask the catalog for a privilege, by kind of object.
var questions = map[string]string{
	database: "has_database_privilege('{login}', '{database}', '{needs}')",
	schemaOf: "has_schema_privilege('{login}', '{object}', '{needs}')",
	table:    "has_table_privilege('{login}', '{object}', '{needs}')",
	view:     "has_table_privilege('{login}', '{object}', '{needs}')",
	sequence: "has_sequence_privilege('{login}', '{object}', '{needs}')",
	function: "has_function_privilege('{login}', '{object}(int)', '{needs}')",
	server:   "has_database_privilege('{login}', '{database}', '{needs}')",
}

// ownerships ask whether the user has the rights of an object's owner.
var ownerships = map[string]string{
	schemaOf: "SELECT nspowner FROM pg_namespace WHERE nspname = '{object}'",
	table:    "SELECT relowner FROM pg_class WHERE oid = '{object}'::regclass",
	view:     "SELECT relowner FROM pg_class WHERE oid = '{object}'::regclass",
	sequence: "SELECT relowner FROM pg_class WHERE oid = '{object}'::regclass",
	function: "SELECT proowner FROM pg_proc WHERE oid = '{object}'::regproc",
	server:   "SELECT datdba FROM pg_database WHERE datname = '{database}'",
}

// reaching asks whether anything of the user reaches beyond her databases.
const reaching = `EXISTS (SELECT FROM pg_roles r WHERE pg_has_role('{login}', r.oid, 'MEMBER') AND
	(r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication OR r.rolbypassrls OR r.rolname IN ('{admin}', '{other}') OR starts_with(r.rolname, 'pg_')))`

// question returns the expression that asks the catalog; empty where the catalog cannot tell.
func (c cell) question(s subject) string {
	names := s.names(c.place.object)
	names["needs"] = c.needs
	if c.statement == "connect to {elsewhere}" {
		names["database"] = s.elsewhere
	}
	switch c.needs {
	case "":
		return ""
	case owner:
		return fill("pg_has_role('{login}', ("+ownerships[c.on]+"), 'USAGE')", names)
	case remover:
		return fill("pg_has_role('{login}', ("+ownerships[c.on]+"), 'USAGE') OR pg_has_role('{login}', (SELECT nspowner FROM pg_namespace WHERE nspname = '{schema}'), 'USAGE')", names)
	case beyond:
		return fill(reaching, names)
	default:
		return fill(questions[c.on], names)
	}
}
