package postgres

import "time"

// Desired is what should stand on a server. It names databases and logins; what is
// not named is left alone.
type Desired struct {
	Databases []Database
	Logins    []DesiredLogin
	// DropLogins and DropDatabases are what should be gone.
	DropLogins    []Drop
	DropDatabases []Drop
}

// Database is a database as it should be.
type Database struct {
	Name   string
	Marker Marker
	// ReferenceOnly asks for nothing of the database itself: logins refer to it. It
	// must exist and bear the marker.
	ReferenceOnly bool
	// Provisioned is whether the database existed before: one that is missing was
	// deleted or renamed by somebody else, and is made again only if Recreate is set.
	Provisioned bool
	Recreate    bool
	// Adopt claims a database that bears no marker, or that of a predecessor of the
	// same name. Nothing is taken away from it.
	Adopt bool
	// Settled is whether the inside of the database is known to be as it should be, so that it
	// was not read.
	Settled bool

	// What a new database is made with; what is set must hold for an existing one.
	// Empty: PostgreSQL's default, except for Template (template0) and Encoding (UTF8
	// with template0).
	Template, Encoding, Collate, CType string
	// LocaleProvider is libc, icu or builtin; Locale belongs to the last two.
	LocaleProvider, Locale string

	ConnectionLimit int
	// KeepPublicConnect leaves PUBLIC the right to connect.
	KeepPublicConnect bool
	Schemas           []string
	Extensions        []Extension
	// AllowedExtensions are those that the admin creates although they are not trusted.
	AllowedExtensions []string
	// Parameters are settings of every session in the database. ResetParameters were
	// ours once and are asked for no longer.
	Parameters      map[string]string
	ResetParameters []string
}

// Extension is an extension as it should be. Schema "" means public, or the
// extension's own; Version "" any.
type Extension struct{ Name, Schema, Version string }

// DesiredLogin is a role that logs in, as it should be.
type DesiredLogin struct {
	Name            string
	Marker          Marker
	ConnectionLimit int
	// Access is what the login may do, by database. In every other database it loses
	// what it has.
	Access map[string]Privilege
	// Grants are privileges on tables beyond Access. All others that the login holds itself,
	// not through a group, are revoked.
	Grants []TableGrant
	// Settings are settings of every session of the login. ResetSettings were ours
	// once and are asked for no longer.
	Settings      map[string]string
	ResetSettings []string
	// ValidUntil is when the password stops working; zero: never.
	ValidUntil time.Time
	// Closed is whether the login must not log in, and its sessions end.
	Closed bool
	// SetPassword asks for a new verifier on a login that exists; a login that is
	// created gets one in any case.
	SetPassword bool
	// EndSessions ends the sessions that were opened with the old password.
	EndSessions bool
	// Adopt claims a role that bears no marker, or that of a predecessor of the same
	// name, if it is harmless. What it could do before it keeps.
	Adopt bool
}

// TableGrant is privileges on one table of a database.
type TableGrant struct {
	Database, Schema, Table string
	Privileges              []string
}

// Drop is a database or login that should be gone, if the marker is on it.
type Drop struct {
	Name   string
	Marker Marker
	// Force ends the sessions that would keep a database from being dropped, and gives to the
	// admin what a login owns outside of our databases.
	Force bool
	// Keep leaves a database that exists, and its groups, alone. Only the groups of a database
	// that was never created are dropped.
	Keep bool
}

// Privilege is what a login may do in a database.
type Privilege string

// The three privileges, each a membership in one group of the database.
const (
	ReadOnly  Privilege = "readonly"
	ReadWrite Privilege = "readwrite"
	Admin     Privilege = "admin"
)

// Groups are the NOLOGIN roles of a database. Its logins are members of one.
type Groups struct{ Owner, ReadWrite, ReadOnly string }

// GroupsOf returns the names of a database's groups.
func GroupsOf(database string) Groups {
	return Groups{Owner: database + "_owner", ReadWrite: database + "_rw", ReadOnly: database + "_ro"}
}

// all returns the three names, widest rights first.
func (g Groups) all() []string { return []string{g.Owner, g.ReadWrite, g.ReadOnly} }

// of returns the group that stands for a privilege.
func (g Groups) of(p Privilege) string {
	switch p {
	case Admin:
		return g.Owner
	case ReadWrite:
		return g.ReadWrite
	default:
		return g.ReadOnly
	}
}

// has reports whether name is one of the groups.
func (g Groups) has(name string) bool {
	return name == g.Owner || name == g.ReadWrite || name == g.ReadOnly
}
