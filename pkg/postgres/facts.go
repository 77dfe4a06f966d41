package postgres

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// ServerFacts are what stands around our work on a server: who runs it, what it can
// bear, and what would cut us short.
type ServerFacts struct {
	Provider Provider
	// MaxConnections are all the server takes, ReservedConnections those of them that are
	// kept for superusers and other privileged roles, UsedConnections those taken now.
	MaxConnections, ReservedConnections, UsedConnections int
	// TLSVersion is that of our session, for example "TLSv1.3"; empty without TLS.
	TLSVersion string
	// StatementTimeout and TransactionTimeout end our work when it takes longer; zero: they
	// don't. The latter exists since PostgreSQL 17.
	StatementTimeout, TransactionTimeout time.Duration
	// PasswordEncryption is scram-sha-256 or md5.
	PasswordEncryption string
	// Memberships are the roles that the admin is a member of, directly or not, sorted.
	Memberships []string
	// TrustedExtensions are those that the owner of a database may create, sorted.
	TrustedExtensions []string
	// UnavailableExtensions are those asked for that the server does not offer, sorted.
	UnavailableExtensions []string
	// OpenDatabases are those of postgres, template1 and the maintenance database that every
	// role of the server may connect to, sorted.
	OpenDatabases []string
	// IgnoresRoleSettings is whether this minor version ignores ALTER ROLE … IN DATABASE …
	// SET role (release notes of 14.15, 15.10, 16.6 and 17.2).
	IgnoresRoleSettings bool
}

// UsableConnections returns how many sessions of unprivileged roles the server takes.
func (f ServerFacts) UsableConnections() int32 {
	return int32(min(max(f.MaxConnections-f.ReservedConnections, 0), math.MaxInt32))
}

// FreeConnections returns how many more sessions of unprivileged roles the server takes.
func (f ServerFacts) FreeConnections() int {
	return max(f.MaxConnections-f.ReservedConnections-f.UsedConnections, 0)
}

// Facts reads the facts in one round trip. extensions are those whose availability
// matters.
func (s *Server) Facts(ctx context.Context, extensions []string) (ServerFacts, error) {
	facts := ServerFacts{IgnoresRoleSettings: ignoresRoleSettings(s.version)}
	var batch pgx.Batch
	facts.queueProvider(&batch)
	facts.queueSettings(&batch)
	facts.queueSession(&batch)
	facts.queueMemberships(&batch)
	facts.queueOpenDatabases(&batch)
	facts.queueExtensions(&batch, extensions)
	if err := s.conn.read(ctx, &batch); err != nil {
		return ServerFacts{}, fmt.Errorf("inspect cluster %q: %w", s.endpoint.Name, readable(s.conn.cause(ctx, err)))
	}
	return facts, nil
}

// ignoresRoleSettings reports whether server_version_num is one of the four minors
// that came out on 2024-11-14 and were repaired a week later.
func ignoresRoleSettings(version int) bool {
	return slices.Contains([]int{140014, 150009, 160005, 170001}, version)
}

func (f *ServerFacts) queueProvider(batch *pgx.Batch) {
	batch.Queue(`SELECT
			(SELECT coalesce(array_agg(rolname::text), '{}') FROM pg_catalog.pg_roles WHERE rolname ~ '(superuser|admin)$'),
			(SELECT coalesce(array_agg(DISTINCT split_part(name, '.', 1)), '{}') FROM pg_catalog.pg_settings WHERE name LIKE '%.%'),
			EXISTS (SELECT FROM pg_catalog.pg_proc WHERE proname = 'aurora_version')`).QueryRow(func(row pgx.Row) error {
		var signs providerSigns
		err := row.Scan(&signs.roles, &signs.prefixes, &signs.aurora)
		f.Provider = signs.provider()
		return err
	})
}

// queueSettings reads what our session did not set itself: reset_val is then what the
// role, the database or the server says.
func (f *ServerFacts) queueSettings(batch *pgx.Batch) {
	batch.Queue(`SELECT name, reset_val FROM pg_catalog.pg_settings WHERE name IN ('statement_timeout', 'transaction_timeout',
			'password_encryption', 'max_connections', 'superuser_reserved_connections', 'reserved_connections')`).
		Query(func(rows pgx.Rows) error {
			return each(rows, func() error {
				var name, value string
				if err := rows.Scan(&name, &value); err != nil {
					return err
				}
				f.setting(name, value)
				return nil
			})
		})
}

func (f *ServerFacts) setting(name, value string) {
	number, _ := strconv.Atoi(value)
	switch name {
	case "statement_timeout":
		f.StatementTimeout = time.Duration(number) * time.Millisecond
	case "transaction_timeout":
		f.TransactionTimeout = time.Duration(number) * time.Millisecond
	case "password_encryption":
		f.PasswordEncryption = value
	case "max_connections":
		f.MaxConnections = number
	case "superuser_reserved_connections", "reserved_connections":
		f.ReservedConnections += number
	}
}

// queueSession counts sessions as max_connections does: without those of background
// processes and of physical replication.
func (f *ServerFacts) queueSession(batch *pgx.Batch) {
	batch.Queue(`SELECT coalesce(ssl.version, ''),
			(SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE datid IS NOT NULL AND usesysid IS NOT NULL)
		FROM (SELECT pg_backend_pid() AS pid) self LEFT JOIN pg_catalog.pg_stat_ssl ssl USING (pid)`).QueryRow(func(row pgx.Row) error {
		return row.Scan(&f.TLSVersion, &f.UsedConnections)
	})
}

func (f *ServerFacts) queueMemberships(batch *pgx.Batch) {
	batch.Queue(`WITH RECURSIVE groups(oid) AS (
			SELECT oid FROM pg_catalog.pg_roles WHERE rolname = current_user
			UNION SELECT am.roleid FROM groups g JOIN pg_catalog.pg_auth_members am ON am.member = g.oid)
		SELECT coalesce(array_agg(r.rolname::text ORDER BY r.rolname), '{}') FROM groups g JOIN pg_catalog.pg_roles r USING (oid)
		WHERE r.rolname <> current_user`).QueryRow(func(row pgx.Row) error { return row.Scan(&f.Memberships) })
}

// queueOpenDatabases reads the ACLs: one that is null lets PUBLIC connect (manual,
// "Default PUBLIC Access Privileges").
func (f *ServerFacts) queueOpenDatabases(batch *pgx.Batch) {
	batch.Queue(`SELECT coalesce(array_agg(datname::text ORDER BY datname), '{}') FROM pg_catalog.pg_database
		WHERE datname IN ('postgres', 'template1', current_database()) AND datallowconn
			AND EXISTS (SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba))) WHERE grantee = 0 AND privilege_type = 'CONNECT')`).
		QueryRow(func(row pgx.Row) error { return row.Scan(&f.OpenDatabases) })
}

func (f *ServerFacts) queueExtensions(batch *pgx.Batch, names []string) {
	if names == nil {
		names = []string{}
	}
	batch.Queue(`SELECT
			(SELECT coalesce(array_agg(DISTINCT name::text ORDER BY name::text), '{}') FROM pg_catalog.pg_available_extension_versions WHERE trusted),
			(SELECT coalesce(array_agg(DISTINCT n ORDER BY n), '{}') FROM unnest($1::text[]) n
				WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = n))`, names).QueryRow(func(row pgx.Row) error {
		return row.Scan(&f.TrustedExtensions, &f.UnavailableExtensions)
	})
}
