package postgres

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// world is a server that was made up, what should stand on it, and the words for both.
type world struct {
	r       *rand.Rand
	pool    []string // names and texts of any kind
	stored  []string // those of them that a catalog can hold as names
	state   State
	desired Desired
}

// marker returns that of the resource that something of this name belongs to, now and
// then another's.
func (w world) marker(kind, name string) Marker {
	if w.rarely() {
		name = w.pick()
	}
	m := Marker{Kind: kind, Resource: "shop/x", UID: fmt.Sprintf("%d-%d", len(strings.TrimPrefix(kind, groupOf)), slices.Index(w.pool, name))}
	if w.rarely() {
		m.Resource = w.name()
	}
	return m
}

func (w world) pick() string            { return w.pool[w.r.IntN(len(w.pool))] }
func (w world) name() string            { return w.stored[w.r.IntN(len(w.stored))] }
func (w world) maybe() string           { return []string{"", w.pick()}[w.r.IntN(2)] }
func (w world) often() bool             { return w.r.IntN(8) > 0 }
func (w world) sometimes() bool         { return w.r.IntN(4) == 0 }
func (w world) rarely() bool            { return w.r.IntN(64) == 0 }
func (w world) one(of ...string) string { return of[w.r.IntN(len(of))] }

func (w world) few(of func() string) []string {
	all := make([]string, w.r.IntN(3))
	for i := range all {
		all[i] = of()
	}
	return all
}

const inventedVerifier = "SCRAM-SHA-256$4096:eHg=$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

var inventedTime = time.Date(2031, 2, 3, 4, 5, 6, 7000, time.UTC)

func invent(r *rand.Rand, texts []string) world {
	w := world{r: r, pool: append(slices.Clone(texts), "orders", "api", "app", "public", "de")}
	w.stored = slices.DeleteFunc(slices.Clone(w.pool), func(s string) bool {
		return s == "" || len(s) > 63 || !utf8.ValidString(s) || strings.Contains(s, "\x00")
	})
	for range 2 {
		w.desired.Databases = append(w.desired.Databases, w.database())
	}
	for range 2 {
		w.desired.Logins = append(w.desired.Logins, w.login())
	}
	if w.sometimes() {
		w.desired.DropLogins = []Drop{w.drop("DatabaseUser", w.sometimes())}
		w.desired.DropDatabases = []Drop{w.drop("Database", w.often())}
	}
	w.state = w.server()
	return w
}

func (w world) drop(kind string, force bool) Drop {
	name := w.pick()
	return Drop{Name: name, Marker: w.marker(kind, name), Force: force}
}

func (w world) database() Database {
	name := w.pick()
	d := Database{Name: name, Marker: w.marker("Database", name), ReferenceOnly: w.rarely(), Provisioned: w.sometimes(), Recreate: w.often(), Adopt: w.sometimes(),
		Settled: w.sometimes(), ConnectionLimit: w.r.IntN(4) - 1, KeepPublicConnect: w.sometimes(), Schemas: w.few(w.pick), AllowedExtensions: w.few(w.pick),
		ResetParameters: w.few(w.pick)}
	switch w.r.IntN(16) {
	case 0:
		d.Template, d.Encoding, d.Collate, d.CType = w.maybe(), w.maybe(), w.maybe(), w.maybe()
	case 1:
		d.LocaleProvider, d.Locale = w.one("icu", "builtin", w.pick()), w.one("de", "C", w.pick())
	case 2:
		d.Collate, d.CType = w.pick(), w.pick()
	case 3, 4:
		e := Extension{Name: w.pick(), Schema: "app", Version: w.pick()}
		d.Extensions, d.Schemas, d.AllowedExtensions = []Extension{e}, append(d.Schemas, "app"), append(d.AllowedExtensions, e.Name)
	}
	if w.sometimes() {
		d.Parameters = map[string]string{w.pick(): w.pick(), w.one("search_path", "local_preload_libraries", w.pick()): w.pick()}
	}
	return d
}

func (w world) login() DesiredLogin {
	name := w.pick()
	l := DesiredLogin{Name: name, Marker: w.marker("DatabaseUser", name), ConnectionLimit: w.r.IntN(4) - 1, Access: map[string]Privilege{}, Closed: w.sometimes(),
		SetPassword: w.sometimes(), EndSessions: w.sometimes(), Adopt: w.sometimes(), ResetSettings: w.few(w.pick)}
	for _, d := range w.desired.Databases {
		l.Access[d.Name] = Privilege(w.one("readonly", "readwrite", "admin"))
		if w.sometimes() {
			privileges := []string{w.one("SELECT", "INSERT", "TRUNCATE")}
			if w.rarely() {
				privileges = append(privileges, w.pick())
			}
			l.Grants = append(l.Grants, TableGrant{Database: d.Name, Schema: w.pick(), Table: w.pick(), Privileges: privileges})
		}
	}
	if w.sometimes() {
		l.Settings = map[string]string{w.pick(): w.pick(), w.one("search_path", "local_preload_libraries", w.pick()): w.pick()}
	}
	if w.sometimes() {
		l.ValidUntil = inventedTime
	}
	return l
}

// comment returns one of ours, of another or of nobody, and what stands beside.
func (w world) comment(kind, name string) string {
	m := w.marker(kind, name)
	switch w.r.IntN(64) {
	case 0:
		return ""
	case 1:
		return w.name()
	case 2, 3, 4, 5, 6, 7:
		return m.String() + m.UID + "\n" + w.name()
	default:
		return m.String() + m.UID
	}
}

func (w world) server() State {
	super := w.sometimes()
	s := State{Server: ServerState{Version: (14 + w.r.IntN(5)) * 10000, VersionText: "1", Admin: "dbadmin", Bootstrap: "postgres", Superuser: super, CreateDB: true,
		CreateRole: true, SignalBackend: super || w.often()},
		Roles:     map[string]Role{"dbadmin": {Name: "dbadmin", Login: true, Superuser: super, Inherit: true, CreateRole: true, CreateDB: true}},
		Databases: map[string]DatabaseState{}, Members: map[string]map[string]Membership{}, Settings: map[string]map[string][]string{},
		Extensions: map[string]AvailableExtension{}, SettingContexts: map[string]string{"search_path": "user", "local_preload_libraries": "user"},
		ICULanguages: map[string]bool{"de": true}, Contents: map[string]Content{}, Elsewhere: map[string][]DirectGrant{}, Sessions: map[string]map[string]int{}}
	for _, name := range w.stored {
		if w.often() {
			s.SettingContexts[name] = "user"
		}
		if w.often() {
			offer := AvailableExtension{DefaultVersion: w.name(), Versions: map[string]ExtensionVersion{}}
			for _, version := range w.stored {
				offer.Versions[version] = ExtensionVersion{Trusted: w.often(), From: map[string]bool{w.name(): true, w.name(): true}}
			}
			s.Extensions[name] = offer
		}
		if w.sometimes() {
			s.Members[name] = map[string]Membership{"dbadmin": {Admin: true}}
			s.Roles[name] = Role{Name: name, Login: w.often(), Inherit: w.often(), ConnectionLimit: -1, Comment: w.comment("DatabaseUser", name), Settings: w.few(w.setting)}
		}
		if w.sometimes() {
			w.inventDatabase(&s, name)
		}
	}
	for range 4 {
		s.Dependencies = append(s.Dependencies, Dependency{Role: w.name(), Database: w.one("", w.name()), Owns: w.sometimes()})
		s.Sessions[w.name()] = map[string]int{w.one("", w.name()): 1}
		s.Elsewhere[w.name()] = []DirectGrant{w.direct()}
	}
	return s
}

func (w world) setting() string { return w.name() + "=" + w.name() }

// inventDatabase adds a database, with its groups or not, and what is in it.
func (w world) inventDatabase(s *State, name string) {
	d := DatabaseState{Name: name, Owner: w.one("dbadmin", "dbadmin", "dbadmin", w.name()), Encoding: "UTF8", AllowConnections: w.often(), ConnectionLimit: -1, Comment: w.comment("Database", name),
		Sessions: w.r.IntN(2), Grants: Grants{}, Template: w.sometimes(), Barred: w.r.IntN(16) == 0, Parameters: w.few(w.setting)}
	for range w.r.IntN(3) {
		d.Grants.add(w.one("", w.name()), w.one("CONNECT", "CREATE", "TEMPORARY", w.name()))
	}
	s.Databases[name] = d
	for _, group := range GroupsOf(name).all() {
		if w.rarely() || len(group) > 63 {
			continue
		}
		s.Roles[group] = Role{Name: group, Inherit: true, ConnectionLimit: -1, Comment: w.comment(groupOf+"Database", name)}
		s.Members[group] = map[string]Membership{"dbadmin": {Inherit: true, Set: true}}
		if w.sometimes() {
			s.Members[group][w.name()] = Membership{Inherit: w.often(), Set: w.often(), Admin: w.sometimes()}
		}
	}
	if w.sometimes() {
		s.Settings[name] = map[string][]string{w.name(): {"role=" + GroupsOf(name).Owner}}
	}
	if w.often() {
		s.Contents[name] = w.content(name)
	}
}

func (w world) content(database string) Content {
	c := Content{Schemas: map[string]Schema{}, Extensions: map[string]InstalledExtension{}, Defaults: map[string]Grants{}, Owners: map[string]Owner{}, Tables: map[[2]string]string{}}
	owner := func() string { return w.one(GroupsOf(database).Owner, "dbadmin", "pg_database_owner", w.name()) }
	for range 3 {
		grants := Grants{}
		grants.add(w.one("", w.name()), w.one("USAGE", "CREATE"))
		c.Schemas[w.name()] = Schema{Owner: owner(), Grants: grants, Extension: w.sometimes()}
		c.Owners[owner()] = Owner{Superuser: w.sometimes(), Relations: w.often(), Defaults: map[string]Grants{}}
		c.Lacking = append(c.Lacking, LackingGrant{Owner: owner(), Schema: w.name(), Sequences: w.sometimes(), Grantee: w.one(GroupsOf(database).all()...),
			Privilege: w.one("SELECT", "UPDATE", "TRUNCATE"), Relations: []string{w.name(), w.name()}, All: w.sometimes()})
		c.Relations = append(c.Relations, Relations{Owner: owner(), Schema: w.name(), Names: []string{w.name()}, All: w.sometimes()})
		c.Direct = append(c.Direct, w.direct())
		c.Tables[[2]string{w.name(), w.name()}] = owner()
	}
	c.Extensions[w.name()] = InstalledExtension{Schema: w.name(), Version: w.name(), Owner: owner()}
	return c
}

func (w world) direct() DirectGrant {
	d := DirectGrant{Login: w.name(), Kind: w.one("TABLE", "SEQUENCE", "COLUMN", "SCHEMA", "ROUTINE", "TYPE", "LANGUAGE", "FOREIGN DATA WRAPPER", "FOREIGN SERVER", "LARGE OBJECT", "DEFAULT", w.name()),
		Schema: w.name(), Name: w.name(), Owner: w.one("dbadmin", w.name()), Privilege: w.one("SELECT", "EXECUTE", "USAGE", "MAINTAIN", w.name())}
	d.Grantor = w.one(d.Owner, d.Owner, w.name())
	switch {
	case d.Kind == "COLUMN":
		d.Column = w.name()
	case d.Kind == "ROUTINE" && w.often():
		d.Name = w.one("app.f(integer,text)", `"odd (name"("char",character varying[])`, "f()", `a."b"". (c"(timestamp without time zone)`)
	case d.Kind == "LARGE OBJECT" && w.often():
		d.Name = fmt.Sprint(w.r.Uint32())
	case d.Kind == "DEFAULT" && w.often():
		d.Schema = w.one("", d.Schema)
		d.Name = w.one(defaultKinds...)
	}
	return d
}
