package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Scope says what Observe reads.
type Scope struct {
	// Named restricts what is read of roles, memberships, databases and settings to what
	// a run for a few of thousands needs: the Databases and References with their groups,
	// the Logins, what bears one of the Markers, every role that one of those is a member
	// of, the databases where one of those owns something or may do something, whoever
	// owns or holds something in the Databases, the templates, and the admin. Otherwise all
	// are read.
	Named bool
	// Databases are read from the inside too, if they exist.
	Databases []string
	// References are databases that are not read from the inside.
	References []string
	// Markers are UIDs: whatever bears one of them is read too, under whatever name.
	Markers []string
	// Extensions whose availability is read.
	Extensions []string
	// Logins whose dependencies and direct privileges are read.
	Logins []string
	// Settings whose context is read.
	Settings []string
	// ICU is whether the ICU locales of the server are read.
	ICU bool
	// Tables whose owners are read, by database.
	Tables map[string][][2]string
	// Fingerprints asks for State.Fingerprints of every database read.
	Fingerprints bool
}

// observations is how often Observe reads the server where databases vanish meanwhile.
const observations = 3

// Observe reads the state of the server: a fixed number of queries in one round trip,
// and for each existing database of the scope, and each of ours in which its logins
// hold something themselves, one connection with one round trip, of which few are open
// at a time. Where one of those was dropped or renamed meanwhile, all is read again,
// a few times; then the error is a *VanishedError.
func (s *Server) Observe(ctx context.Context, scope Scope) (State, error) {
	for n := 1; ; n++ {
		state, err := s.observe(ctx, scope)
		var vanished *VanishedError
		if n == observations || !errors.As(err, &vanished) {
			return state, err
		}
	}
}

func (s *Server) observe(ctx context.Context, scope Scope) (State, error) {
	state := State{
		Roles: map[string]Role{}, Databases: map[string]DatabaseState{}, Members: map[string]map[string]Membership{},
		Settings: map[string]map[string][]string{}, Extensions: map[string]AvailableExtension{}, Contents: map[string]Content{},
		SettingContexts: map[string]string{}, ICULanguages: map[string]bool{},
	}
	var batch pgx.Batch
	only := scope.queueSelection(&batch)
	state.queueServer(&batch)
	state.queueRoles(&batch, only)
	state.queueMembers(&batch, s.version, only)
	state.queueDatabases(&batch, s.version, only)
	state.queueSettings(&batch, only)
	state.queueExtensions(&batch, scope.Extensions)
	state.queueSettingContexts(&batch, scope.Settings)
	if scope.ICU {
		state.queueICULanguages(&batch, s.version)
	}
	state.queueDependencies(&batch, scope.Logins)
	state.queueSessions(&batch, scope.Logins)
	if scope.Fingerprints {
		state.queueFingerprints(&batch, only)
	}
	if err := s.conn.read(ctx, &batch); err != nil {
		return State{}, fmt.Errorf("observe cluster %q: %w", s.endpoint.Name, readable(s.conn.cause(ctx, err)))
	}
	if err := s.observeContents(ctx, scope, &state); err != nil {
		return State{}, err
	}
	if err := s.observeElsewhere(ctx, &state, scope); err != nil {
		return State{}, err
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

func (s *State) queueRoles(batch *pgx.Batch, only selection) {
	batch.Queue(`SELECT r.rolname, r.rolcanlogin, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb,
			r.rolreplication, r.rolbypassrls, r.rolconnlimit, coalesce(d.description, ''), s.setconfig,
			CASE WHEN r.rolvaliduntil = '-infinity' THEN 'epoch' WHEN isfinite(r.rolvaliduntil) THEN r.rolvaliduntil END
		FROM pg_catalog.pg_roles r
		LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = r.oid AND s.setdatabase = 0
		LEFT JOIN pg_catalog.pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_catalog.pg_authid'::regclass
		WHERE ` + only.where("r.oid", "named")).
		Query(func(rows pgx.Rows) error {
			return each(rows, func() error {
				var r Role
				var validUntil *time.Time
				err := rows.Scan(&r.Name, &r.Login, &r.Superuser, &r.Inherit, &r.CreateRole, &r.CreateDB,
					&r.Replication, &r.BypassRLS, &r.ConnectionLimit, &r.Comment, &r.Settings, &validUntil)
				if validUntil != nil {
					r.ValidUntil = validUntil.UTC()
				}
				s.Roles[r.Name] = r
				return err
			})
		})
}

// queueMembers reads pg_auth_members. Since PostgreSQL 16 a membership can be
// granted several times, by different grantors, each with its own options.
func (s *State) queueMembers(batch *pgx.Batch, version int, only selection) {
	options := "bool_or(m.rolinherit), true"
	if version >= 160000 {
		options = "bool_or(am.inherit_option), bool_or(am.set_option)"
	}
	batch.Queue(`SELECT g.rolname, m.rolname, bool_or(am.admin_option), ` + options + `
		FROM pg_catalog.pg_auth_members am
		JOIN pg_catalog.pg_roles g ON g.oid = am.roleid
		JOIN pg_catalog.pg_roles m ON m.oid = am.member
		WHERE ` + only.where("am.roleid", "named") + ` OR ` + only.where("am.member", "reached") + `
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
// autovacuum workers itself. Our own are short, and may still be ending after a reading.
//
// A privilege function is NULL for what was dropped after the query's snapshot was taken
// (manual, "Access Privilege Inquiry Functions"): such a database is left out.
func (s *State) queueDatabases(batch *pgx.Batch, version int, only selection) {
	batch.Queue(`SELECT d.datname, o.rolname, pg_encoding_to_char(d.encoding), d.datallowconn, d.datconnlimit, d.datistemplate,
			NOT has_database_privilege(d.oid, 'CONNECT') AND NOT pg_has_role(d.datdba, 'usage'),
			d.datcollate::text, d.datctype::text, ` + localeColumns(version) + `, coalesce(c.description, ''),
			coalesce(a.sessions, 0), acl.grantees, acl.privileges, coalesce(rs.setconfig, '{}')
		FROM pg_catalog.pg_database d
		JOIN pg_catalog.pg_roles o ON o.oid = d.datdba
		LEFT JOIN pg_catalog.pg_db_role_setting rs ON rs.setdatabase = d.oid AND rs.setrole = 0
		LEFT JOIN (SELECT datid, count(*) AS sessions FROM pg_catalog.pg_stat_activity
			WHERE usesysid IS NOT NULL AND NOT (usename = current_user AND application_name = 'dbtether') GROUP BY datid) a ON a.datid = d.oid
		LEFT JOIN pg_catalog.pg_shdescription c ON c.objoid = d.oid AND c.classoid = 'pg_catalog.pg_database'::regclass,
		LATERAL (SELECT array_agg(coalesce(g.rolname, '')) AS grantees, array_agg(x.privilege_type) AS privileges
			FROM aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) x
			LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee) acl
		WHERE ` + only.where("d.oid", "chosen")).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			d := DatabaseState{Grants: Grants{}}
			var barred *bool
			var grantees, privileges []string
			err := rows.Scan(&d.Name, &d.Owner, &d.Encoding, &d.AllowConnections, &d.ConnectionLimit, &d.Template, &barred,
				&d.Collate, &d.CType, &d.LocaleProvider, &d.Locale, &d.Comment, &d.Sessions, &grantees, &privileges, &d.Parameters)
			if err != nil || barred == nil {
				return err
			}
			d.Barred = *barred
			for i, grantee := range grantees {
				d.Grants.add(grantee, privileges[i])
			}
			s.Databases[d.Name] = d
			return nil
		})
	})
}

// localeColumns returns the locale provider of a database d and its locale, which
// each version keeps elsewhere (manual, "pg_database").
func localeColumns(version int) string {
	provider := "CASE d.datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END, "
	switch {
	case version >= 170000:
		return provider + "coalesce(d.datlocale, '')"
	case version >= 150000:
		return provider + "coalesce(d.daticulocale, '')"
	default:
		return "'libc', ''"
	}
}

func (s *State) queueSettings(batch *pgx.Batch, only selection) {
	batch.Queue(`SELECT d.datname, r.rolname, s.setconfig
		FROM pg_catalog.pg_db_role_setting s
		JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
		JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
		WHERE ` + only.where("s.setdatabase", "chosen") + ` OR ` + only.where("s.setrole", "reached")).Query(func(rows pgx.Rows) error {
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

// queueSessions reads who is connected where. It tells what a run that was killed
// left open.
func (s *State) queueSessions(batch *pgx.Batch, logins []string) {
	if logins == nil {
		logins = []string{}
	}
	batch.Queue(`SELECT usename, coalesce(datname, ''), count(*) FROM pg_catalog.pg_stat_activity
		WHERE usename = ANY($1) AND pid <> pg_backend_pid() GROUP BY 1, 2`, logins).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var login, database string
			var n int
			if err := rows.Scan(&login, &database, &n); err != nil {
				return err
			}
			if s.Sessions == nil {
				s.Sessions = map[string]map[string]int{}
			}
			if s.Sessions[login] == nil {
				s.Sessions[login] = map[string]int{}
			}
			s.Sessions[login][database] = n
			return nil
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
