package postgres

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
	// Contents holds what is inside the databases asked for, by database.
	Contents map[string]Content
	// Dependencies lists where the logins asked for own or may use something.
	Dependencies []Dependency
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
	Comment         string
}

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
}

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

// AvailableExtension is the default version of an extension that the server could create.
type AvailableExtension struct {
	Trusted bool
	// Schema is set when the extension insists on one.
	Schema string
}

// Content is what is inside one database.
type Content struct {
	Schemas map[string]Schema
	// Extensions holds the installed extensions and their schema.
	Extensions map[string]string
	// Defaults holds the default privileges that the owner group gives away, by
	// kind of object ("TABLES", "SEQUENCES", "SCHEMAS").
	Defaults map[string]Grants
	// Lacking lists relations of the owner group on which a group lacks a privilege.
	Lacking []LackingGrant
}

// Schema is a row of pg_namespace.
type Schema struct {
	Owner  string
	Grants Grants
}

// LackingGrant is a privilege that a group should have on relations of a schema.
type LackingGrant struct {
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
