package postgres

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"
)

// contentReaders is how many databases are read at a time: as many sessions.
const contentReaders = 4

// observeContents reads what is inside the databases of the scope that exist and can be
// entered, several at a time. It returns the first error.
func (s *Server) observeContents(ctx context.Context, scope Scope, state *State) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex // guards state.Contents
	var readers sync.WaitGroup
	names := make(chan string)
	for range min(contentReaders, len(scope.Databases)) {
		readers.Go(func() {
			for name := range names {
				content, err := s.observeContent(ctx, name, scope, state.Databases[name].Template)
				if err != nil {
					cancel(err) // the first one stays the cause
					continue
				}
				mu.Lock()
				state.Contents[name] = content
				mu.Unlock()
			}
		})
	}
	for _, name := range scope.Databases {
		if db, exists := state.Databases[name]; exists && db.AllowConnections && !db.Barred {
			names <- name
		}
	}
	close(names)
	readers.Wait()
	return context.Cause(ctx)
}

// observeContent reads what is inside one database, in one round trip over a
// connection of its own. Of a template all relations are read: those of its copies.
func (s *Server) observeContent(ctx context.Context, database string, scope Scope, template bool) (Content, error) {
	conn, err := s.enter(ctx, database)
	if err != nil {
		return Content{}, err
	}
	defer conn.end()
	content := Content{Schemas: map[string]Schema{}, Extensions: map[string]InstalledExtension{}, Defaults: map[string]Grants{}, Owners: map[string]Owner{}}
	groups := GroupsOf(database)
	var batch pgx.Batch
	content.queueSchemas(&batch)
	content.queueExtensions(&batch)
	content.queueOwners(&batch)
	content.queueDefaults(&batch, groups)
	content.queueLacking(&batch, groups)
	content.queueDirect(&batch, scope.Logins)
	content.queueTables(&batch, scope.Tables[database])
	if template {
		content.queueRelations(&batch)
	}
	if err := conn.read(ctx, &batch); err != nil {
		return Content{}, fmt.Errorf("observe database %q: %w", database, readable(conn.cause(ctx, err)))
	}
	return content, nil
}

func (c *Content) queueSchemas(batch *pgx.Batch) {
	batch.Queue(`SELECT n.nspname, o.rolname, acl.grantees, acl.privileges,
			EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_namespace'::regclass AND d.objid = n.oid AND d.deptype = 'e')
		FROM pg_catalog.pg_namespace n
		JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner,
		LATERAL (SELECT array_agg(coalesce(g.rolname, '')) AS grantees, array_agg(x.privilege_type) AS privileges
			FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) x
			LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee) acl
		WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var name string
			schema := Schema{Grants: Grants{}}
			var grantees, privileges []string
			err := rows.Scan(&name, &schema.Owner, &grantees, &privileges, &schema.Extension)
			for i, grantee := range grantees {
				schema.Grants.add(grantee, privileges[i])
			}
			c.Schemas[name] = schema
			return err
		})
	})
}

func (c *Content) queueExtensions(batch *pgx.Batch) {
	batch.Queue(`SELECT e.extname, n.nspname, e.extversion, o.rolname FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace
		JOIN pg_catalog.pg_roles o ON o.oid = e.extowner`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var name string
			var e InstalledExtension
			err := rows.Scan(&name, &e.Schema, &e.Version, &e.Owner)
			c.Extensions[name] = e
			return err
		})
	})
}

// ofNoExtension holds for a relation c that no extension brought: members of
// extensions are the extension's own affair.
const ofNoExtension = `NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
	WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`

// userRelations selects what can be granted on outside of the system's schemas.
const userRelations = `SELECT c.oid, n.nspname, c.relname, c.relkind = 'S' AS sequences, c.relowner, o.rolname AS owner, c.relacl, ` + ofNoExtension + ` AS plain
	FROM pg_catalog.pg_class c
	JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
	JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
	WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`

// queueOwners reads who owns schemas and relations.
func (c *Content) queueOwners(batch *pgx.Batch) {
	batch.Queue(`WITH relations AS (` + userRelations + `)
		SELECT o.rolname, o.rolsuper, bool_or(x.relations) FROM (
			SELECT DISTINCT relowner AS owner, true AS relations FROM relations WHERE plain
			UNION ALL
			SELECT nspowner, false FROM pg_catalog.pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema') x
		JOIN pg_catalog.pg_roles o ON o.oid = x.owner
		GROUP BY 1, 2`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var name string
			o := Owner{Defaults: map[string]Grants{}}
			err := rows.Scan(&name, &o.Superuser, &o.Relations)
			c.Owners[name] = o
			return err
		})
	})
}

// queueDefaults reads the default privileges of the owner group and of other owners
// that hold for the whole database (defaclnamespace 0; manual, "pg_default_acl").
func (c *Content) queueDefaults(batch *pgx.Batch, groups Groups) {
	kinds := map[string]string{"r": "TABLES", "S": "SEQUENCES", "n": "SCHEMAS"}
	batch.Queue(`SELECT o.rolname, d.defaclobjtype::text, coalesce(g.rolname, ''), x.privilege_type
		FROM pg_catalog.pg_default_acl d
		JOIN pg_catalog.pg_roles o ON o.oid = d.defaclrole,
		LATERAL aclexplode(d.defaclacl) x
		LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee
		WHERE d.defaclnamespace = 0`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var owner, kind, grantee, privilege string
			if err := rows.Scan(&owner, &kind, &grantee, &privilege); err != nil {
				return err
			}
			defaults := c.Owners[owner].Defaults
			if owner == groups.Owner {
				defaults = c.Defaults
			}
			if name := kinds[kind]; name != "" && defaults != nil {
				if defaults[name] == nil {
					defaults[name] = Grants{}
				}
				defaults[name].add(grantee, privilege)
			}
			return nil
		})
	})
}

// queueLacking reads which relations lack a privilege that a group should have, by
// their owner, and whether that is all the schema has. What an owner group owns it may
// use anyway.
func (c *Content) queueLacking(batch *pgx.Batch, groups Groups) {
	batch.Queue(`WITH wanted(sequences, grantee, privilege) AS (VALUES
			(false, $2::text, 'SELECT'), (false, $3::text, 'SELECT'), (false, $3, 'INSERT'), (false, $3, 'UPDATE'), (false, $3, 'DELETE'),
			(true, $2, 'SELECT'), (true, $3, 'SELECT'), (true, $3, 'USAGE'), (true, $3, 'UPDATE'),
			(false, $1::text, 'SELECT'), (false, $1, 'INSERT'), (false, $1, 'UPDATE'), (false, $1, 'DELETE'), (false, $1, 'TRUNCATE'),
			(false, $1, 'REFERENCES'), (false, $1, 'TRIGGER'), (true, $1, 'SELECT'), (true, $1, 'USAGE'), (true, $1, 'UPDATE')),
		relations AS (`+userRelations+`),
		totals AS (SELECT nspname, sequences, count(*) AS n FROM relations GROUP BY 1, 2),
		groups AS (SELECT oid, rolname FROM pg_catalog.pg_roles WHERE rolname IN ($1, $2, $3))
		SELECT r.owner, r.nspname, r.sequences, w.grantee, w.privilege, array_agg(r.relname::text ORDER BY r.relname), count(*) = max(t.n)
		FROM relations r
		JOIN wanted w USING (sequences)
		JOIN totals t USING (nspname, sequences)
		LEFT JOIN groups g ON g.rolname = w.grantee
		WHERE r.plain AND w.grantee <> r.owner
			AND NOT EXISTS (SELECT FROM aclexplode(coalesce(r.relacl, acldefault(CASE WHEN r.sequences THEN 's' ELSE 'r' END::"char", r.relowner))) x
				WHERE x.grantee = g.oid AND x.privilege_type = w.privilege)
		GROUP BY 1, 2, 3, 4, 5
		ORDER BY 1, 2, 3, 4, 5`, groups.Owner, groups.ReadOnly, groups.ReadWrite).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var l LackingGrant
			err := rows.Scan(&l.Owner, &l.Schema, &l.Sequences, &l.Grantee, &l.Privilege, &l.Relations, &l.All)
			c.Lacking = append(c.Lacking, l)
			return err
		})
	})
}

// queueRelations reads all relations, by their owner.
func (c *Content) queueRelations(batch *pgx.Batch) {
	batch.Queue(`WITH relations AS (` + userRelations + `),
		totals AS (SELECT nspname, sequences, count(*) AS n FROM relations GROUP BY 1, 2)
		SELECT r.owner, r.nspname, r.sequences, array_agg(r.relname::text ORDER BY r.relname), count(*) = max(t.n)
		FROM relations r
		JOIN totals t USING (nspname, sequences)
		WHERE r.plain
		GROUP BY 1, 2, 3
		ORDER BY 1, 2, 3`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var r Relations
			err := rows.Scan(&r.Owner, &r.Schema, &r.Sequences, &r.Names, &r.All)
			c.Relations = append(c.Relations, r)
			return err
		})
	})
}
