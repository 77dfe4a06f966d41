package postgres

import "github.com/jackc/pgx/v5"

// fingerprintVersion changes when a planner reads more from a database than its
// predecessor, so that what was settled for the old one is looked at again.
const fingerprintVersion = "1:"

// queueFingerprints reads one hash for each database: over what its row, its comment and
// its settings say, and over its part of pg_shdepend, which lists for every object of
// every database the owner and the roles that may use it (manual, "pg_shdepend"). It
// changes when an object with an owner or a grant comes or goes, changes its owner, or
// when a role gains its first privilege on it or loses its last.
//
// It does not change
//   - when a setting of a login does, which Observe reads anyway,
//   - when a role that has a privilege on an object gets or loses a second one,
//   - when PUBLIC gets or loses a privilege,
//   - when an extension comes or goes that owns nothing itself,
//   - for objects and grants of the bootstrap superuser, whom pg_shdepend leaves out.
//
// So a database has to be read in full now and then although its fingerprint is the same.
func (s *State) queueFingerprints(batch *pgx.Batch, only selection) {
	s.Fingerprints = map[string]string{}
	batch.Queue(`WITH parts AS (
			SELECT dbid, md5(string_agg(concat_ws(',', classid, objid, objsubid, refclassid, refobjid, deptype), ';'
				ORDER BY classid, objid, objsubid, refclassid, refobjid, deptype)) AS roles
			FROM pg_catalog.pg_shdepend WHERE ` + only.where("dbid", "chosen") + ` GROUP BY dbid),
		settings AS (
			SELECT setdatabase, setconfig::text AS config
			FROM pg_catalog.pg_db_role_setting WHERE setrole = 0 AND ` + only.where("setdatabase", "chosen") + `)
		SELECT d.datname, md5('` + fingerprintVersion + `' || jsonb_build_array(d.datdba, d.datacl::text, d.datconnlimit, d.datallowconn, d.datistemplate,
			c.description, s.config, p.roles)::text)
		FROM pg_catalog.pg_database d
		LEFT JOIN parts p ON p.dbid = d.oid
		LEFT JOIN settings s ON s.setdatabase = d.oid
		LEFT JOIN pg_catalog.pg_shdescription c ON c.objoid = d.oid AND c.classoid = 'pg_catalog.pg_database'::regclass
		WHERE ` + only.where("d.oid", "chosen")).Query(func(rows pgx.Rows) error {
		return each(rows, func() error {
			var database, fingerprint string
			err := rows.Scan(&database, &fingerprint)
			s.Fingerprints[database] = fingerprint
			return err
		})
	})
}
