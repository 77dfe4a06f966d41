package postgres

import "github.com/jackc/pgx/v5"

// selection restricts queries over the whole server to what a Scope names.
type selection struct {
	named bool // otherwise it restricts nothing
}

// queueSelection finds out once what the scope names, for the queries behind it in the
// batch: the OIDs stand in settings of ours that end with the batch. Had each query its
// own subquery, the server would spend most of an observation on planning them.
func (s Scope) queueSelection(batch *pgx.Batch) selection {
	if !s.Named {
		return selection{}
	}
	roles := append([]string{}, s.Logins...)
	databases := append(append([]string{}, s.Databases...), s.References...)
	for _, name := range databases {
		roles = append(roles, GroupsOf(name).all()...)
	}
	batch.Queue(namedObjects, databases, roles, append([]string{}, s.Markers...), append([]string{}, s.Databases...), append([]string{}, s.Logins...))
	return selection{named: true}
}

// where returns the condition that a column holds an OID of one of the sets of
// namedObjects.
func (s selection) where(column, set string) string {
	if !s.named {
		return "true"
	}
	return column + " IN (SELECT unnest(current_setting('dbtether." + set + "')::oid[]))"
}

// namedObjects leaves the sets of a selection in settings of the transaction. Its
// parameters are the names of databases, the names of roles, UIDs, the names of the
// databases that are read from the inside, and the names of logins.
//
// reached are the roles named, those that bear a UID, and those that they are members
// of, directly or not. The admin is not where this begins: it is a member of every
// group that it made.
//
// chosen are the databases named, those that bear a UID, the templates, and those where
// a reached role owns something or may do something.
//
// entered are the databases that are read from the inside, and those where one of the
// logins owns or holds something.
//
// named are the reached roles, the groups of the chosen databases and their owners, the
// admin, the bootstrap superuser, and whoever owns, was given or gave something in the
// entered databases: the plan may have to act as one of those.
const namedObjects = `WITH RECURSIVE
	marked AS (SELECT classoid, objoid AS oid FROM pg_catalog.pg_shdescription WHERE cardinality($3::text[]) > 0
		AND substring(split_part(description, E'\n', 1) FROM '^dbtether\.io: .*, uid ([0-9A-Za-z-]+)$') = ANY($3::text[])),
	reached(oid) AS (
		SELECT oid FROM pg_catalog.pg_roles WHERE rolname = ANY($2::text[]) AND rolname <> current_user
		UNION SELECT oid FROM marked WHERE classoid = 'pg_catalog.pg_authid'::regclass
		UNION SELECT am.roleid FROM reached JOIN pg_catalog.pg_auth_members am ON am.member = reached.oid),
	chosen(oid) AS (
		SELECT oid FROM pg_catalog.pg_database WHERE datname = ANY($1::text[]) OR datistemplate
		UNION SELECT oid FROM marked WHERE classoid = 'pg_catalog.pg_database'::regclass
		UNION SELECT CASE WHEN d.dbid <> 0 THEN d.dbid ELSE d.objid END
			FROM reached JOIN pg_catalog.pg_shdepend d ON d.refobjid = reached.oid AND d.refclassid = 'pg_catalog.pg_authid'::regclass
			WHERE d.dbid <> 0 OR d.classid = 'pg_catalog.pg_database'::regclass),
	entered(oid) AS (
		SELECT oid FROM pg_catalog.pg_database WHERE datname = ANY($4::text[])
		UNION SELECT d.dbid FROM pg_catalog.pg_roles r JOIN pg_catalog.pg_shdepend d ON d.refobjid = r.oid AND d.refclassid = 'pg_catalog.pg_authid'::regclass
			WHERE r.rolname = ANY($5::text[]) AND d.dbid <> 0),
	named(oid) AS (
		SELECT oid FROM reached
		UNION SELECT oid FROM pg_catalog.pg_roles WHERE oid = 10 OR rolname = current_user
		UNION SELECT d.datdba FROM chosen JOIN pg_catalog.pg_database d USING (oid)
		UNION SELECT r.oid FROM chosen JOIN pg_catalog.pg_database d USING (oid), unnest('{_owner,_rw,_ro}'::text[]) suffix,
			pg_catalog.pg_roles r WHERE r.rolname = d.datname || suffix
		UNION SELECT d.refobjid FROM entered JOIN pg_catalog.pg_shdepend d ON d.dbid = entered.oid AND d.refclassid = 'pg_catalog.pg_authid'::regclass)
	SELECT set_config('dbtether.reached', (SELECT coalesce(array_agg(oid), '{}')::text FROM reached), true),
		set_config('dbtether.chosen', (SELECT coalesce(array_agg(oid), '{}')::text FROM chosen), true),
		set_config('dbtether.named', (SELECT coalesce(array_agg(oid), '{}')::text FROM named), true)`
