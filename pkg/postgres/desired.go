package postgres

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
	Name            string
	Marker          Marker
	ConnectionLimit int
	Schemas         []string
	Extensions      []string
}

// DesiredLogin is a role that logs in, as it should be.
type DesiredLogin struct {
	Name            string
	Marker          Marker
	ConnectionLimit int
	// Access is what the login may do, by database.
	Access map[string]Privilege
	// SetPassword asks for a new verifier on a login that exists; a login that is
	// created gets one in any case.
	SetPassword bool
}

// Drop is a database or login that should be gone, if the marker is on it.
type Drop struct {
	Name   string
	Marker Marker
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
