package postgres

import "time"

// State is what Observe read from a server: everything that Plan decides by.
type State struct {
	Server    ServerState
	Roles     map[string]Role
	Databases map[string]DatabaseState
	// Members holds the direct memberships, by group, then by member.
	Members map[string]map[string]Membership
	// Settings holds role settings (ALTER ROLE … IN DATABASE … SET), by database,
	// then role, as "name=value".
	Settings map[string]map[string][]string
	// Extensions holds what the server offers of the extensions asked for.
	Extensions map[string]AvailableExtension
	// SettingContexts holds the context of the settings asked for, "user" for those
	// that anyone may change (manual, "pg_settings"); unknown ones are absent.
	SettingContexts map[string]string
	// ICULanguages holds the languages that the server's ICU collations know, "de" of
	// "de-AT"; it is read where an ICU locale is asked for.
	ICULanguages map[string]bool
	// Fingerprints holds, by database, what changes when roles gain or lose something
	// in it; see Scope.Fingerprints.
	Fingerprints map[string]string
	// Contents holds what is inside the databases asked for, by database.
	Contents map[string]Content
	// Dependencies lists where the logins asked for own or may use something.
	Dependencies []Dependency
	// Elsewhere lists what the logins asked for hold themselves in databases of ours
	// that were not asked for, by database.
	Elsewhere map[string][]DirectGrant
	// Sessions counts the sessions of the logins asked for, by login, then database.
	Sessions map[string]map[string]int
}

// ServerState is the server and the rights of the role we are connected as.
type ServerState struct {
	// Version is server_version_num, for example 180004.
	Version int
	// VersionText is server_version, for example "18.4".
	VersionText string
	Admin       string
	// Bootstrap is the superuser that initdb made; it owns what templates hold.
	Bootstrap  string
	Superuser  bool
	CreateDB   bool
	CreateRole bool
	// SignalBackend is whether the admin may end other roles' sessions.
	SignalBackend bool
	// InRecovery is whether the server is a standby.
	InRecovery bool
	// ReadOnly is whether transactions are read-only by default.
	ReadOnly bool
	// TLS is whether our own connection is encrypted.
	TLS bool
}

// major returns the major version, for example 18.
func (s ServerState) major() int { return s.Version / 10000 }

// Role is a row of pg_roles.
type Role struct {
	Name            string
	Login           bool
	Superuser       bool
	Inherit         bool
	CreateRole      bool
	CreateDB        bool
	Replication     bool
	BypassRLS       bool
	ConnectionLimit int
	// ValidUntil is when the password stops working; zero: never.
	ValidUntil time.Time
	// Settings holds the settings of the role in every database, as "name=value".
	Settings []string
	Comment  string
}

// BelongsTo reports whether the role bears a marker.
func (r Role) BelongsTo(m Marker) bool { return m.owns(r.Comment) }

// Membership is what a member may do with its group. Before PostgreSQL 16 Inherit
// is the member's own attribute and Set always true.
type Membership struct {
	Admin   bool
	Inherit bool
	Set     bool
}

// DatabaseState is a row of pg_database.
type DatabaseState struct {
	Name             string
	Owner            string
	Encoding         string
	AllowConnections bool
	ConnectionLimit  int
	Comment          string
	Sessions         int
	Grants           Grants
	// Barred is whether the admin may neither connect nor act as the owner: the inside
	// is not read.
	Barred bool
	// Template is whether anyone may copy the database (datistemplate).
	Template bool
	// Collate, CType, LocaleProvider and Locale are as in Database.
	Collate, CType, LocaleProvider, Locale string
	// Parameters holds the settings of every session in the database, as "name=value".
	Parameters []string
}

// BelongsTo reports whether the database bears a marker.
func (d DatabaseState) BelongsTo(m Marker) bool { return m.owns(d.Comment) }

// Grants holds the privileges on one object, by grantee; PUBLIC is "".
type Grants map[string]map[string]bool

// has reports whether the grantee holds every one of the privileges.
func (g Grants) has(grantee string, privileges ...string) bool {
	for _, p := range privileges {
		if !g[grantee][p] {
			return false
		}
	}
	return true
}

func (g Grants) add(grantee, privilege string) {
	if g[grantee] == nil {
		g[grantee] = map[string]bool{}
	}
	g[grantee][privilege] = true
}

// AvailableExtension is an extension that the server could create.
type AvailableExtension struct {
	// DefaultVersion is the one that is created where none is named; empty if the server has none.
	DefaultVersion string
	// Versions holds all of them.
	Versions map[string]ExtensionVersion
}

// ExtensionVersion is one version of an extension.
type ExtensionVersion struct {
	Trusted bool
	// Schema is set when the extension insists on one.
	Schema string
	// From holds the versions that can be updated to this one.
	From map[string]bool
}

// InstalledExtension is an extension of a database.
type InstalledExtension struct{ Schema, Version, Owner string }

// Content is what is inside one database.
type Content struct {
	Schemas map[string]Schema
	// Extensions holds the installed extensions.
	Extensions map[string]InstalledExtension
	// Defaults holds the default privileges that the owner group gives away, by
	// kind of object ("TABLES", "SEQUENCES", "SCHEMAS").
	Defaults map[string]Grants
	// Owners holds the roles that own schemas or relations.
	Owners map[string]Owner
	// Lacking lists the relations on which a group lacks a privilege that it should have.
	Lacking []LackingGrant
	// Relations lists those of a template, whose copies other groups will use.
	Relations []Relations
	// Direct lists the privileges that the logins asked for hold themselves, not
	// through a group.
	Direct []DirectGrant
	// Tables holds the owner of each table that was asked for and exists, as
	// {schema, table}.
	Tables map[[2]string]string
}

// DirectGrant is privileges that a login holds itself on an object of a database.
type DirectGrant struct {
	Login string
	// Kind is TABLE, SEQUENCE, SCHEMA, ROUTINE, TYPE … as in GRANT … ON; COLUMN for a
	// column of a table; DEFAULT for default privileges.
	Kind string
	// Schema, Name and Column say which. Name of a routine is its signature as
	// regprocedure prints it, already quoted and with its schema; for DEFAULT it is
	// the kind of the objects ("TABLES"), and Schema "" means all schemas.
	Schema, Name, Column string
	// Owner is the owner of the object, for DEFAULT the role whose objects it is about.
	Owner string
	// Grantor gave the privilege away: the owner, or a role with the grant option. Keeps
	// is what a grantor that is not the owner still holds of it itself.
	Grantor   string
	Keeps     Holding
	Privilege string
}

// Holding is how a role itself holds a privilege.
type Holding int

// The holdings.
const (
	HoldsNothing Holding = iota
	HoldsPrivilege
	HoldsGrantOption
)

// Schema is a row of pg_namespace.
type Schema struct {
	Owner  string
	Grants Grants
	// Extension is whether an extension brought it.
	Extension bool
}

// Owner is a role that owns schemas or relations of a database.
type Owner struct {
	Superuser bool
	// Relations is whether it owns relations that no extension brought.
	Relations bool
	// Defaults holds the default privileges that it gives away, as in Content.
	Defaults map[string]Grants
}

// Relations are tables and views, or sequences, of one owner in a schema.
type Relations struct {
	Owner, Schema string
	Sequences     bool
	Names         []string
	// All is whether these are all of that kind in the schema.
	All bool
}

// LackingGrant is a privilege that a group should have on relations of a schema.
type LackingGrant struct {
	// Owner is the owner of the relations, normally the database's owner group.
	Owner     string
	Schema    string
	Sequences bool
	Grantee   string
	Privilege string
	Relations []string
	// All is whether these are all relations of that kind in the schema.
	All bool
}

// Dependency is one entry of pg_shdepend: a login owns or may use something.
type Dependency struct {
	Role string
	// Database is empty when the object itself is shared, for example a database.
	Database string
	Owns     bool
}
