package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// observeContent reads what is inside one database, in one round trip over a
// connection of its own.
func (s *Server) observeContent(ctx context.Context, database string) (Content, error) {
	conn, err := s.endpoint.connect(ctx, s.login, database)
	if err != nil {
		return Content{}, err
	}
	defer conn.end()
	content := Content{Schemas: map[string]Schema{}, Extensions: map[string]string{}, Defaults: map[string]Grants{}}
	groups := GroupsOf(database)
	var batch pgx.Batch
	content.queueSchemas(&batch)
	content.queueExtensions(&batch)
	content.queueDefaults(&batch, groups)
	content.queueLacking(&batch, groups)
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		return Content{}, fmt.Errorf("observe database %q: %w", database, readable(err))
	}
	return content, nil
}

func (c *Content) queueSchemas(batch *pgx.Batch) {
	batch.Queue(`SELECT n.nspname, o.rolname, acl.grantees, acl.privileges
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
			err := rows.Scan(&name, &schema.Owner, &grantees, &privileges)
			for i, grantee := range grantees {
				schema.Grants.add(grantee, privileges[i])
			}
			c.Schemas[name] = schema
			return err
		})
	})
}

func (c *Content) queueExtensions(batch *pgx.Batch) {
	batch.Queue(`SELECT e.extname, n.nspname FROM pg_catalog.pg_extension e
		JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var name, schema string
			err := rows.Scan(&name, &schema)
			c.Extensions[name] = schema
			return err
		})
	})
}

// queueDefaults reads the default privileges of the owner group that hold for the
// whole database (defaclnamespace 0; manual, "pg_default_acl").
func (c *Content) queueDefaults(batch *pgx.Batch, groups Groups) {
	kinds := map[string]string{"r": "TABLES", "S": "SEQUENCES", "n": "SCHEMAS"}
	batch.Queue(`SELECT d.defaclobjtype::text, coalesce(g.rolname, ''), x.privilege_type
		FROM pg_catalog.pg_default_acl d
		JOIN pg_catalog.pg_roles o ON o.oid = d.defaclrole,
		LATERAL aclexplode(d.defaclacl) x
		LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee
		WHERE d.defaclnamespace = 0 AND o.rolname = $1`, groups.Owner).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var kind, grantee, privilege string
			if err := rows.Scan(&kind, &grantee, &privilege); err != nil {
				return err
			}
			if name := kinds[kind]; name != "" {
				if c.Defaults[name] == nil {
					c.Defaults[name] = Grants{}
				}
				c.Defaults[name].add(grantee, privilege)
			}
			return nil
		})
	})
}

// queueLacking reads which relations of the owner group lack a privilege that
// their group should have, and whether that is all the schema has. Members of
// extensions are the extension's own affair.
func (c *Content) queueLacking(batch *pgx.Batch, groups Groups) {
	batch.Queue(`WITH wanted(sequences, grantee, privilege) AS (VALUES
			(false, $2::text, 'SELECT'), (false, $3::text, 'SELECT'), (false, $3, 'INSERT'), (false, $3, 'UPDATE'), (false, $3, 'DELETE'),
			(true, $2, 'SELECT'), (true, $3, 'SELECT'), (true, $3, 'USAGE'), (true, $3, 'UPDATE')),
		relations AS (
			SELECT c.oid, n.nspname, c.relname, c.relkind = 'S' AS sequences, c.relowner, o.rolname = $1 AS ours,
				c.relacl
			FROM pg_catalog.pg_class c
			JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
			WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),
		ours AS (
			SELECT * FROM relations r WHERE r.ours AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
				WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = r.oid AND d.deptype = 'e')),
		totals AS (SELECT nspname, sequences, count(*) AS n FROM relations GROUP BY 1, 2)
		SELECT r.nspname, r.sequences, w.grantee, w.privilege, array_agg(r.relname::text ORDER BY r.relname), count(*) = max(t.n)
		FROM ours r
		JOIN wanted w USING (sequences)
		JOIN totals t USING (nspname, sequences)
		JOIN pg_catalog.pg_roles g ON g.rolname = w.grantee
		WHERE NOT EXISTS (SELECT FROM aclexplode(coalesce(r.relacl, acldefault(CASE WHEN r.sequences THEN 's' ELSE 'r' END::"char", r.relowner))) x
			WHERE x.grantee = g.oid AND x.privilege_type = w.privilege)
		GROUP BY 1, 2, 3, 4
		ORDER BY 1, 2, 3, 4`, groups.Owner, groups.ReadOnly, groups.ReadWrite).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var l LackingGrant
			err := rows.Scan(&l.Schema, &l.Sequences, &l.Grantee, &l.Privilege, &l.Relations, &l.All)
			c.Lacking = append(c.Lacking, l)
			return err
		})
	})
}
