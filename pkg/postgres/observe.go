package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Scope says what Observe reads beyond the roles and databases of the whole server.
type Scope struct {
	// Databases whose inside is read, if they exist.
	Databases []string
	// Extensions whose availability is read.
	Extensions []string
	// Logins whose dependencies are read.
	Logins []string
}

// Observe reads the state of the server: seven queries in one round trip, and for
// each existing database of the scope one connection with one round trip.
func (s *Server) Observe(ctx context.Context, scope Scope) (State, error) {
	state := State{
		Roles: map[string]Role{}, Databases: map[string]DatabaseState{}, Members: map[string]map[string]Membership{},
		Settings: map[string]map[string][]string{}, Extensions: map[string]AvailableExtension{}, Contents: map[string]Content{},
	}
	var batch pgx.Batch
	state.queueServer(&batch)
	state.queueRoles(&batch)
	state.queueMembers(&batch, s.version)
	state.queueDatabases(&batch)
	state.queueSettings(&batch)
	state.queueExtensions(&batch, scope.Extensions)
	state.queueDependencies(&batch, scope.Logins)
	if err := s.conn.SendBatch(ctx, &batch).Close(); err != nil {
		return State{}, fmt.Errorf("observe cluster %q: %w", s.endpoint.Name, readable(err))
	}
	for _, name := range scope.Databases {
		db, exists := state.Databases[name]
		if !exists || !db.AllowConnections {
			continue
		}
		content, err := s.observeContent(ctx, name)
		if err != nil {
			return State{}, err
		}
		state.Contents[name] = content
	}
	return state, nil
}

func (s *State) queueServer(batch *pgx.Batch) {
	batch.Queue(`SELECT current_setting('server_version_num')::int, current_setting('server_version'), r.rolname,
			r.rolsuper, r.rolcreatedb, r.rolcreaterole, r.rolsuper OR pg_has_role(r.oid, 'pg_signal_backend', 'usage'),
			pg_is_in_recovery(), current_setting('default_transaction_read_only')::bool,
			(SELECT b.rolname FROM pg_catalog.pg_roles b WHERE b.oid = 10),
			coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)
		FROM pg_catalog.pg_roles r WHERE r.rolname = current_user`).QueryRow(func(row pgx.Row) error {
		v := &s.Server
		return row.Scan(&v.Version, &v.VersionText, &v.Admin, &v.Superuser, &v.CreateDB, &v.CreateRole,
			&v.SignalBackend, &v.InRecovery, &v.ReadOnly, &v.Bootstrap, &v.TLS)
	})
}

func (s *State) queueRoles(batch *pgx.Batch) {
	batch.Queue(`SELECT r.rolname, r.rolcanlogin, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb,
			r.rolreplication, r.rolbypassrls, r.rolconnlimit, coalesce(d.description, '')
		FROM pg_catalog.pg_roles r
		LEFT JOIN pg_catalog.pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::regclass`).
		Query(func(rows pgx.Rows) error {
			return each(rows, func() error {
				var r Role
				err := rows.Scan(&r.Name, &r.Login, &r.Superuser, &r.Inherit, &r.CreateRole, &r.CreateDB,
					&r.Replication, &r.BypassRLS, &r.ConnectionLimit, &r.Comment)
				s.Roles[r.Name] = r
				return err
			})
		})
}

// queueMembers reads pg_auth_members. Since PostgreSQL 16 a membership can be
// granted several times, by different grantors, each with its own options.
func (s *State) queueMembers(batch *pgx.Batch, version int) {
	options := "bool_or(m.rolinherit), true"
	if version >= 160000 {
		options = "bool_or(am.inherit_option), bool_or(am.set_option)"
	}
	batch.Queue(`SELECT g.rolname, m.rolname, bool_or(am.admin_option), ` + options + `
		FROM pg_catalog.pg_auth_members am
		JOIN pg_catalog.pg_roles g ON g.oid = am.roleid
		JOIN pg_catalog.pg_roles m ON m.oid = am.member
		GROUP BY 1, 2`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var group, member string
			var how Membership
			if err := rows.Scan(&group, &member, &how.Admin, &how.Inherit, &how.Set); err != nil {
				return err
			}
			if s.Members[group] == nil {
				s.Members[group] = map[string]Membership{}
			}
			s.Members[group][member] = how
			return nil
		})
	})
}

// queueDatabases reads pg_database. Sessions are those of a role: DROP DATABASE ends
// autovacuum workers itself.
func (s *State) queueDatabases(batch *pgx.Batch) {
	batch.Queue(`SELECT d.datname, o.rolname, pg_encoding_to_char(d.encoding), d.datallowconn, d.datconnlimit,
			coalesce(c.description, ''),
			(SELECT count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid AND a.usesysid IS NOT NULL AND a.pid <> pg_backend_pid()),
			acl.grantees, acl.privileges
		FROM pg_catalog.pg_database d
		JOIN pg_catalog.pg_roles o ON o.oid = d.datdba
		LEFT JOIN pg_catalog.pg_shdescription c ON c.objoid = d.oid AND c.classoid = 'pg_catalog.pg_database'::regclass,
		LATERAL (SELECT array_agg(coalesce(g.rolname, '')) AS grantees, array_agg(x.privilege_type) AS privileges
			FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
			LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee) acl`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			d := DatabaseState{Grants: Grants{}}
			var grantees, privileges []string
			err := rows.Scan(&d.Name, &d.Owner, &d.Encoding, &d.AllowConnections, &d.ConnectionLimit, &d.Comment,
				&d.Sessions, &grantees, &privileges)
			for i, grantee := range grantees {
				d.Grants.add(grantee, privileges[i])
			}
			s.Databases[d.Name] = d
			return err
		})
	})
}

func (s *State) queueSettings(batch *pgx.Batch) {
	batch.Queue(`SELECT d.datname, r.rolname, s.setconfig
		FROM pg_catalog.pg_db_role_setting s
		JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
		JOIN pg_catalog.pg_roles r ON r.oid = s.setrole`).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var database, role string
			var settings []string
			if err := rows.Scan(&database, &role, &settings); err != nil {
				return err
			}
			if s.Settings[database] == nil {
				s.Settings[database] = map[string][]string{}
			}
			s.Settings[database][role] = settings
			return nil
		})
	})
}

func (s *State) queueExtensions(batch *pgx.Batch, names []string) {
	if names == nil {
		names = []string{}
	}
	batch.Queue(`SELECT e.name, v.trusted, coalesce(v.schema, '')
		FROM pg_catalog.pg_available_extensions e
		JOIN pg_catalog.pg_available_extension_versions v ON v.name = e.name AND v.version = e.default_version
		WHERE e.name = ANY($1)`, names).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var name string
			var e AvailableExtension
			err := rows.Scan(&name, &e.Trusted, &e.Schema)
			s.Extensions[name] = e
			return err
		})
	})
}

// queueDependencies reads pg_shdepend, which covers every database of the server
// (manual, "pg_shdepend").
func (s *State) queueDependencies(batch *pgx.Batch, logins []string) {
	if logins == nil {
		logins = []string{}
	}
	batch.Queue(`SELECT DISTINCT r.rolname, coalesce(d.datname, ''), dep.deptype = 'o'
		FROM pg_catalog.pg_shdepend dep
		JOIN pg_catalog.pg_roles r ON r.oid = dep.refobjid AND dep.refclassid = 'pg_catalog.pg_authid'::regclass
		LEFT JOIN pg_catalog.pg_database d ON d.oid = dep.dbid
		WHERE r.rolname = ANY($1)
		ORDER BY 1, 2, 3`, logins).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var dep Dependency
			err := rows.Scan(&dep.Role, &dep.Database, &dep.Owns)
			s.Dependencies = append(s.Dependencies, dep)
			return err
		})
	})
}

// each calls scan for every row.
func each(rows pgx.Rows, scan func() error) error {
	for rows.Next() {
		if err := scan(); err != nil {
			return err
		}
	}
	return rows.Err()
}
