package promises

import "strings"

// Kinds of objects.
const (
	database = "database"
	schemaOf = "schema"
	table    = "table"
	view     = "view"
	sequence = "sequence"
	function = "function"
	server   = "server" // what lies outside of the database
)

// What a right needs beside the privileges of PostgreSQL.
const (
	owner   = "owner"   // the rights of the object's owner
	remover = "remover" // the rights of the object's owner, or of its schema's
	beyond  = "beyond"  // attributes or memberships that reach beyond the database
)

const (
	yes = true
	no  = false
)

// right is something that a user may do with an object, or may not.
type right struct {
	on        string // a kind of object
	needs     string // the privilege on it that has_…_privilege is asked for
	statement string
	readonly  bool
	readwrite bool
	admin     bool
}

// rights are the table of what each privilege means, in every schema of a database, for
// objects that exist and for those that are created later. A statement names {object} and its {schema}, the
// {database}, its {owner} group, the user's own {login}, the login of an {other} user,
// the {admin} that provisions, and another database, {elsewhere}.
var rights = []right{
	// CONNECT, USAGE on schemas, SELECT on tables, views and sequences
	{database, "CONNECT", "SELECT current_database()", yes, yes, yes},
	{schemaOf, "USAGE", "SELECT to_regclass('{schema}.nothing')", yes, yes, yes},
	{table, "SELECT", "SELECT * FROM {object}", yes, yes, yes},
	{view, "SELECT", "SELECT * FROM {object}", yes, yes, yes},
	{sequence, "SELECT", "SELECT last_value FROM {object}", yes, yes, yes},
	{function, "EXECUTE", "SELECT {object}(1)", yes, yes, yes}, // PostgreSQL's own default for PUBLIC

	// INSERT, UPDATE, DELETE; USAGE and UPDATE on sequences; TEMPORARY
	{table, "INSERT", "INSERT INTO {object} (note) VALUES ('new')", no, yes, yes},
	{table, "UPDATE", "UPDATE {object} SET note = 'changed'", no, yes, yes},
	{table, "DELETE", "DELETE FROM {object}", no, yes, yes},
	{view, "INSERT", "INSERT INTO {object} (note) VALUES ('new')", no, yes, yes},
	{view, "UPDATE", "UPDATE {object} SET note = 'changed'", no, yes, yes},
	{view, "DELETE", "DELETE FROM {object}", no, yes, yes},
	{sequence, "USAGE", "SELECT nextval('{object}')", no, yes, yes},
	{sequence, "UPDATE", "SELECT setval('{object}', 7)", no, yes, yes},
	{database, "TEMPORARY", "CREATE TEMPORARY TABLE fresh (id int)", no, yes, yes},

	// create, alter, drop objects and schemas
	{database, "CREATE", "CREATE SCHEMA fresh", no, no, yes},
	{schemaOf, "CREATE", "CREATE TABLE {schema}.fresh (id int)", no, no, yes},
	{schemaOf, "CREATE", "CREATE VIEW {schema}.fresh AS SELECT 1 AS id", no, no, yes},
	{schemaOf, "CREATE", "CREATE SEQUENCE {schema}.fresh", no, no, yes},
	{schemaOf, "CREATE", "CREATE FUNCTION {schema}.fresh() RETURNS int LANGUAGE sql AS 'SELECT 1'", no, no, yes},
	{schemaOf, "CREATE", "CREATE TYPE {schema}.fresh AS ENUM ('one')", no, no, yes},
	{schemaOf, owner, "ALTER SCHEMA {schema} RENAME TO fresh", no, no, yes},
	{schemaOf, owner, "DROP SCHEMA {schema} CASCADE", no, no, yes},
	{table, owner, "ALTER TABLE {object} ADD COLUMN fresh int", no, no, yes},
	{table, owner, "CREATE INDEX ON {object} (note)", no, no, yes},
	{table, remover, "DROP TABLE {object} CASCADE", no, no, yes},
	{view, owner, "CREATE OR REPLACE VIEW {object} AS SELECT 1 AS id, 'x'::text AS note", no, no, yes},
	{view, owner, "ALTER VIEW {object} RENAME TO fresh", no, no, yes},
	{view, remover, "DROP VIEW {object}", no, no, yes},
	{sequence, owner, "ALTER SEQUENCE {object} INCREMENT 2", no, no, yes},
	{sequence, remover, "DROP SEQUENCE {object}", no, no, yes},
	{function, owner, "ALTER FUNCTION {object}(int) STABLE", no, no, yes},
	{function, owner, "CREATE OR REPLACE FUNCTION {object}(i int) RETURNS int LANGUAGE sql AS 'SELECT 1'", no, no, yes},
	{function, remover, "DROP FUNCTION {object}(int)", no, no, yes},

	// TRUNCATE, REFERENCES, TRIGGER; trusted extensions; GRANT inside the database
	{table, "TRUNCATE", "TRUNCATE {object}", no, no, yes},
	{table, "REFERENCES", "CREATE TABLE public.fresh (id int REFERENCES {object})", no, no, yes},
	{table, "TRIGGER", "CREATE TRIGGER fresh BEFORE UPDATE ON {object} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()", no, no, yes},
	{database, "CREATE", "CREATE EXTENSION citext SCHEMA app", no, no, yes},
	{schemaOf, owner, "GRANT USAGE ON SCHEMA {schema} TO {other}", no, no, yes},
	{table, owner, "GRANT SELECT ON {object} TO {other}", no, no, yes},
	{view, owner, "GRANT SELECT ON {object} TO {other}", no, no, yes},
	{sequence, owner, "GRANT USAGE ON {object} TO {other}", no, no, yes},

	// drop the database, connect elsewhere, let PUBLIC in, touch roles
	{server, owner, "DROP DATABASE {database}", no, no, no},
	{server, owner, "ALTER DATABASE {database} RENAME TO fresh", no, no, no},
	{server, owner, "ALTER DATABASE {database} OWNER TO {login}", no, no, no},
	{server, owner, "ALTER DATABASE {database} SET work_mem = '1GB'", no, no, no},
	{server, owner, "ALTER DATABASE {database} CONNECTION LIMIT 1", no, no, no},
	{server, "CONNECT", "connect to {elsewhere}", no, no, no},
	{server, "CONNECT WITH GRANT OPTION", "GRANT CONNECT ON DATABASE {database} TO PUBLIC", no, no, no},
	{server, "CONNECT WITH GRANT OPTION", "GRANT CONNECT ON DATABASE {database} TO {other}", no, no, no},
	{server, beyond, "CREATE DATABASE fresh", no, no, no},
	{server, beyond, "CREATE ROLE fresh", no, no, no},
	{server, beyond, "ALTER ROLE {login} CREATEROLE", no, no, no},
	{server, beyond, "ALTER ROLE {other} PASSWORD 'known'", no, no, no},
	{server, beyond, "ALTER ROLE {owner} LOGIN", no, no, no},
	{server, beyond, "DROP ROLE {other}", no, no, no},
	{server, beyond, "GRANT {owner} TO {other}", no, no, no},
	{server, "", "GRANT {login} TO {other}", no, no, no}, // the catalog does not tell
	{server, beyond, "SET ROLE {admin}", no, no, no},
	{server, beyond, "SET ROLE {other}", no, no, no},
	{server, beyond, "SELECT rolpassword FROM pg_authid", no, no, no},
	{server, beyond, "SELECT pg_read_file('PG_VERSION')", no, no, no},
	{server, beyond, "COPY (SELECT 1) TO PROGRAM 'true'", no, no, no},
	{server, beyond, "CREATE EXTENSION pg_buffercache SCHEMA app", no, no, no},
}

// exception is a case in which PostgreSQL itself deviates from the table.
type exception struct {
	holds func(place) bool
	// on, needs and statement say which rights it is about; empty: any.
	on, needs, statement         string
	readonly, readwrite, isAdmin bool
	why                          string
}

// place is where a right is tried.
type place struct {
	version int
	super   bool
	object  object
	// asItself is whether the session acts as the login, and not as the owner group.
	asItself bool
}

// exceptions are the cells that differ from the table. Each must be as it is here: a server
// on which such a cell is as in the table fails the test, too.
var exceptions = []exception{
	{openPublic, schemaOf, "CREATE", "", yes, yes, yes,
		"before 15 the schema public belongs to the bootstrap superuser and lets PUBLIC create: an administrator who is none cannot end that"},
	{openPublic, schemaOf, owner, "", no, no, no, "nor can she give it to the owner group"},
	{ofLogin, "", owner, "", no, no, no, "what a user created after SET ROLE NONE stays hers: reconcile lets the others use it, and never changes an owner"},
	{ofLoginInItsOwn, "", remover, "", no, no, no, "the same: the owner of a schema may drop what is in it, and here that is she"},
	{before15, server, "", "GRANT {login} TO {other}", yes, yes, yes,
		"before 15 a session may grant the very role that it logged in as: who does shares her login, as with her password"},
}

func openPublic(p place) bool {
	return p.version < 15 && !p.super && p.object.kind == schemaOf && p.object.schema == "public"
}

func ofLogin(p place) bool { return p.object.ofLogin }

func ofLoginInItsOwn(p place) bool {
	return p.object.ofLogin && (strings.HasPrefix(p.object.schema, "own_") || p.object.schema == "public" && p.version < 15 && !p.super)
}

func before15(p place) bool { return p.version < 15 && p.asItself }

// expected returns whether a user with a privilege has a right, and the exception that
// decides it; nil: the table does.
func (r right) expected(privileges string, p place) (bool, *exception) {
	for i := range exceptions {
		e := &exceptions[i]
		if e.holds(p) && matches(e.on, r.on) && matches(e.needs, r.needs) && matches(e.statement, r.statement) {
			return column(privileges, e.readonly, e.readwrite, e.isAdmin), e
		}
	}
	return column(privileges, r.readonly, r.readwrite, r.admin), nil
}

func matches(wanted, is string) bool { return wanted == "" || wanted == is }

func column(privileges string, readonly, readwrite, admin bool) bool {
	switch privileges {
	case "readonly":
		return readonly
	case "readwrite":
		return readwrite
	default:
		return admin
	}
}

// fill puts names into a statement.
func fill(statement string, names map[string]string) string {
	for name, value := range names {
		statement = strings.ReplaceAll(statement, "{"+name+"}", value)
	}
	return statement
}
