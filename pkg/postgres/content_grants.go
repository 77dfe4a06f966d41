package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// observeElsewhere reads what the logins hold themselves in databases of ours that
// are not in the scope. In a settled state there are none.
func (s *Server) observeElsewhere(ctx context.Context, state *State, scope Scope) error {
	for _, dep := range state.Dependencies {
		_, read := state.Elsewhere[dep.Database]
		owner, marked := ParseMarker(state.Roles[GroupsOf(dep.Database).Owner].Comment)
		have := state.Databases[dep.Database]
		if dep.Owns || read || slices.Contains(scope.Databases, dep.Database) || !have.AllowConnections || have.Barred ||
			!marked || !owner.isGroup() {
			continue
		}
		direct, err := s.observeDirect(ctx, dep.Database, scope.Logins)
		if err != nil {
			return err
		}
		if state.Elsewhere == nil {
			state.Elsewhere = map[string][]DirectGrant{}
		}
		state.Elsewhere[dep.Database] = direct
	}
	return nil
}

// observeDirect reads what the logins hold themselves in a database.
func (s *Server) observeDirect(ctx context.Context, database string, logins []string) ([]DirectGrant, error) {
	conn, err := s.enter(ctx, database)
	if err != nil {
		return nil, err
	}
	defer conn.end()
	var batch pgx.Batch
	var content Content
	content.queueDirect(&batch, logins)
	if err := conn.read(ctx, &batch); err != nil {
		return nil, fmt.Errorf("observe database %q: %w", database, readable(conn.cause(ctx, err)))
	}
	return content.Direct, nil
}

// queueDirect reads what the logins hold themselves on objects of the database. Its
// part of pg_shdepend says where to look (manual, "pg_shdepend", deptype a).
func (c *Content) queueDirect(batch *pgx.Batch, logins []string) {
	if len(logins) == 0 {
		return
	}
	batch.Queue(`WITH held AS (
			SELECT d.classid::regclass AS class, d.objid, d.objsubid, l.oid AS login, l.rolname
			FROM pg_catalog.pg_shdepend d
			JOIN pg_catalog.pg_roles l ON l.oid = d.refobjid
			WHERE d.refclassid = 'pg_catalog.pg_authid'::regclass AND d.deptype = 'a' AND l.rolname = ANY($1)
			AND d.dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
		SELECT h.rolname, o.kind, o.schema, o.name, o.part, own.rolname, gr.rolname, x.privilege_type,
			coalesce((SELECT max(CASE WHEN y.is_grantable THEN 2 ELSE 1 END) FROM aclexplode(o.acl) y
				WHERE y.grantee = x.grantor AND y.privilege_type = x.privilege_type), 0)
		FROM held h, LATERAL (
			SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, n.nspname::text, c.relname::text, '', c.relowner, c.relacl
				FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
				WHERE h.class = 'pg_catalog.pg_class'::regclass AND h.objsubid = 0 AND c.oid = h.objid
			UNION ALL SELECT 'COLUMN', n.nspname, c.relname, a.attname, c.relowner, a.attacl
				FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
				WHERE h.class = 'pg_catalog.pg_class'::regclass AND h.objsubid <> 0 AND a.attrelid = h.objid AND a.attnum = h.objsubid
			UNION ALL SELECT 'SCHEMA', '', n.nspname, '', n.nspowner, n.nspacl
				FROM pg_catalog.pg_namespace n WHERE h.class = 'pg_catalog.pg_namespace'::regclass AND n.oid = h.objid
			UNION ALL SELECT 'ROUTINE', n.nspname, p.oid::regprocedure::text, '', p.proowner, p.proacl
				FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
				WHERE h.class = 'pg_catalog.pg_proc'::regclass AND p.oid = h.objid
			UNION ALL SELECT 'TYPE', n.nspname, t.typname, '', t.typowner, t.typacl
				FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
				WHERE h.class = 'pg_catalog.pg_type'::regclass AND t.oid = h.objid
			UNION ALL SELECT 'LANGUAGE', '', l.lanname, '', l.lanowner, l.lanacl
				FROM pg_catalog.pg_language l WHERE h.class = 'pg_catalog.pg_language'::regclass AND l.oid = h.objid
			UNION ALL SELECT 'FOREIGN DATA WRAPPER', '', f.fdwname, '', f.fdwowner, f.fdwacl
				FROM pg_catalog.pg_foreign_data_wrapper f WHERE h.class = 'pg_catalog.pg_foreign_data_wrapper'::regclass AND f.oid = h.objid
			UNION ALL SELECT 'FOREIGN SERVER', '', s.srvname, '', s.srvowner, s.srvacl
				FROM pg_catalog.pg_foreign_server s WHERE h.class = 'pg_catalog.pg_foreign_server'::regclass AND s.oid = h.objid
			UNION ALL SELECT 'LARGE OBJECT', '', m.oid::text, '', m.lomowner, m.lomacl
				FROM pg_catalog.pg_largeobject_metadata m WHERE h.class = 'pg_catalog.pg_largeobject'::regclass AND m.oid = h.objid
			UNION ALL SELECT 'DEFAULT', coalesce(n.nspname, ''), CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
					WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' WHEN 'L' THEN 'LARGE OBJECTS' END, '', d.defaclrole, d.defaclacl
				FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace
				WHERE h.class = 'pg_catalog.pg_default_acl'::regclass AND d.oid = h.objid
		) AS o(kind, schema, name, part, owner, acl)
		CROSS JOIN LATERAL aclexplode(o.acl) x
		JOIN pg_catalog.pg_roles own ON own.oid = o.owner
		JOIN pg_catalog.pg_roles gr ON gr.oid = x.grantor
		WHERE x.grantee = h.login AND o.owner <> h.login
		ORDER BY 1, 2, 3, 4, 5, 7, 8`, logins).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var d DirectGrant
			err := rows.Scan(&d.Login, &d.Kind, &d.Schema, &d.Name, &d.Column, &d.Owner, &d.Grantor, &d.Privilege, &d.Keeps)
			c.Direct = append(c.Direct, d)
			return err
		})
	})
}

// queueTables reads who owns the tables, those of them that exist. Views count.
func (c *Content) queueTables(batch *pgx.Batch, tables [][2]string) {
	c.Tables = map[[2]string]string{}
	if len(tables) == 0 {
		return
	}
	schemas, names := make([]string, len(tables)), make([]string, len(tables))
	for i, t := range tables {
		schemas[i], names[i] = t[0], t[1]
	}
	batch.Queue(`SELECT n.nspname, c.relname, o.rolname
		FROM unnest($1::text[], $2::text[]) AS wanted(schema, name)
		JOIN pg_catalog.pg_namespace n ON n.nspname = wanted.schema
		JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name AND c.relkind IN ('r', 'v', 'm', 'f', 'p')
		JOIN pg_catalog.pg_roles o ON o.oid = c.relowner`, schemas, names).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var schema, name, owner string
			err := rows.Scan(&schema, &name, &owner)
			c.Tables[[2]string{schema, name}] = owner
			return err
		})
	})
}
