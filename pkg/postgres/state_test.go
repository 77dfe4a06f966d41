package postgres_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// This file builds states by hand: those of a server with the database "orders" and
// three logins, at some stage of their life.

// admin is a kind of administrator of a version, and a label for golden files.
type admin struct {
	version int
	super   bool
}

func (a admin) String() string {
	if a.super {
		return fmt.Sprintf("%d_superuser", a.version)
	}
	return fmt.Sprintf("%d_createrole", a.version)
}

func (a admin) name() string {
	if a.super {
		return "postgres"
	}
	return "dbadmin"
}

// bare returns the state of a server on which nothing has been created.
func bare(a admin) postgres.State {
	name := a.name()
	return postgres.State{
		Server: postgres.ServerState{Version: a.version*10000 + 4, VersionText: fmt.Sprintf("%d.4", a.version), Admin: name, Bootstrap: "postgres",
			Superuser: a.super, CreateDB: true, CreateRole: true, SignalBackend: true, TLS: true},
		Roles: map[string]postgres.Role{name: {Name: name, Login: true, Superuser: a.super, Inherit: true, CreateRole: true, CreateDB: true, ConnectionLimit: -1}},
		Databases: map[string]postgres.DatabaseState{"postgres": {Name: "postgres", Owner: "postgres", Encoding: "UTF8", AllowConnections: true, ConnectionLimit: -1,
			Grants: grants("", "CONNECT", "TEMPORARY")}},
		Members: map[string]map[string]postgres.Membership{}, Settings: map[string]map[string][]string{},
		Extensions: map[string]postgres.AvailableExtension{"pg_trgm": offered("1.6", true, ""), "plpython3u": offered("1.0", false, ""), "tied": offered("1.1", true, "tied")},
		Contents:   map[string]postgres.Content{},
	}
}

func grants(grantee string, privileges ...string) postgres.Grants {
	g := postgres.Grants{grantee: {}}
	for _, p := range privileges {
		g[grantee][p] = true
	}
	return g
}

func merge(all ...postgres.Grants) postgres.Grants {
	g := postgres.Grants{}
	for _, one := range all {
		maps.Copy(g, one)
	}
	return g
}

const (
	ordersUID = "0d9f7a52-0000-4000-8000-000000000001"
	userUID   = "0d9f7a52-0000-4000-8000-00000000000"
)

var ordersMarker = postgres.Marker{Kind: "Database", Resource: "shop/orders", UID: ordersUID}

// logins are those of the database, by name, with their UID's last digit.
var logins = []struct {
	name      string
	privilege postgres.Privilege
	digit     string
}{{"orders_api", postgres.ReadWrite, "2"}, {"orders_migrate", postgres.Admin, "3"}, {"orders_report", postgres.ReadOnly, "4"}}

func loginMarker(name string) postgres.Marker {
	resource := strings.ReplaceAll(name, "_", "-")
	for _, l := range logins {
		if l.name == name {
			return postgres.Marker{Kind: "DatabaseUser", Resource: "shop/" + resource, UID: userUID + l.digit}
		}
	}
	return postgres.Marker{Kind: "DatabaseUser", Resource: "shop/" + resource, UID: "uid-" + resource}
}

// orders is what the tests want: the database and its three logins.
func orders() postgres.Desired {
	d := postgres.Desired{Databases: []postgres.Database{{Name: "orders", Marker: ordersMarker, ConnectionLimit: -1,
		Schemas: []string{"app"}, Extensions: []postgres.Extension{{Name: "pg_trgm"}}}}}
	for _, l := range logins {
		d.Logins = append(d.Logins, postgres.DesiredLogin{Name: l.name, Marker: loginMarker(l.name), ConnectionLimit: -1,
			Access: map[string]postgres.Privilege{"orders": l.privilege}})
	}
	return d
}

// withRoles is bare plus what the first transaction of the plan for orders commits.
func withRoles(a admin) postgres.State {
	s := bare(a)
	group := ordersMarker
	group.Kind = "group of Database"
	for _, name := range []string{"orders_owner", "orders_rw", "orders_ro"} {
		s.Roles[name] = postgres.Role{Name: name, Inherit: true, ConnectionLimit: -1, Comment: group.String() + group.UID}
		s.Members[name] = map[string]postgres.Membership{}
	}
	if !a.super {
		s.Members["orders_owner"][a.name()] = postgres.Membership{Admin: a.version >= 16, Inherit: true, Set: true}
	}
	for _, l := range logins {
		m := loginMarker(l.name)
		s.Roles[l.name] = postgres.Role{Name: l.name, Login: true, Inherit: true, ConnectionLimit: -1, Comment: m.String() + m.UID}
		s.Members[groupFor(l.privilege)][l.name] = postgres.Membership{Inherit: true, Set: true}
	}
	return s
}

func groupFor(p postgres.Privilege) string {
	switch p {
	case postgres.Admin:
		return "orders_owner"
	case postgres.ReadWrite:
		return "orders_rw"
	default:
		return "orders_ro"
	}
}

// withClosedDatabase is withRoles after CREATE DATABASE: closed, unmarked, unisolated.
func withClosedDatabase(a admin) postgres.State {
	s := withRoles(a)
	s.Databases["orders"] = postgres.DatabaseState{Name: "orders", Owner: a.name(), Encoding: "UTF8", ConnectionLimit: -1,
		Grants: grants("", "CONNECT", "TEMPORARY")}
	return s
}

// provisioned is the state after the whole plan for orders.
func provisioned(a admin) postgres.State {
	s := withRoles(a)
	s.Databases["orders"] = postgres.DatabaseState{Name: "orders", Owner: a.name(), Encoding: "UTF8", AllowConnections: true, ConnectionLimit: -1,
		Comment: ordersMarker.String() + ordersUID,
		Grants: merge(grants(a.name(), "CREATE", "CONNECT", "TEMPORARY"), grants("orders_owner", "CREATE", "CONNECT", "TEMPORARY"),
			grants("orders_rw", "CONNECT", "TEMPORARY"), grants("orders_ro", "CONNECT"))}
	s.Settings["orders"] = map[string][]string{"orders_migrate": {"role=orders_owner"}}
	owned := func() postgres.Schema {
		return postgres.Schema{Owner: "orders_owner", Grants: merge(grants("orders_owner", "USAGE", "CREATE"), grants("orders_rw", "USAGE"), grants("orders_ro", "USAGE"))}
	}
	s.Contents["orders"] = postgres.Content{
		Schemas:    map[string]postgres.Schema{"public": owned(), "app": owned()},
		Extensions: map[string]postgres.InstalledExtension{"plpgsql": {Schema: "pg_catalog", Version: "1.0"}, "pg_trgm": {Schema: "public", Version: "1.6"}},
		Defaults: map[string]postgres.Grants{
			"SCHEMAS":   merge(grants("orders_rw", "USAGE"), grants("orders_ro", "USAGE")),
			"TABLES":    merge(grants("orders_rw", "SELECT", "INSERT", "UPDATE", "DELETE"), grants("orders_ro", "SELECT")),
			"SEQUENCES": merge(grants("orders_rw", "SELECT", "USAGE", "UPDATE"), grants("orders_ro", "SELECT")),
		},
	}
	if a.version == 14 && !a.super { // the schema public stays with the bootstrap superuser
		s.Contents["orders"].Schemas["public"] = postgres.Schema{Owner: "postgres", Grants: grants("", "USAGE", "CREATE")}
	}
	return s
}

// offered is an extension that the server offers in one version.
func offered(version string, trusted bool, schema string) postgres.AvailableExtension {
	return postgres.AvailableExtension{DefaultVersion: version, Versions: map[string]postgres.ExtensionVersion{version: {Trusted: trusted, Schema: schema}}}
}

// change returns the desired logins with one of them changed.
func change(d postgres.Desired, login string, by func(*postgres.DesiredLogin)) postgres.Desired {
	d.Logins = slices.Clone(d.Logins)
	for i := range d.Logins {
		if d.Logins[i].Name == login {
			by(&d.Logins[i])
		}
	}
	return d
}

// dropping returns the desired state in which one of the logins should be gone.
func dropping(d postgres.Desired, login string) postgres.Desired {
	i := slices.IndexFunc(d.Logins, func(l postgres.DesiredLogin) bool { return l.Name == login })
	d.DropLogins = append(slices.Clone(d.DropLogins), postgres.Drop{Name: login, Marker: d.Logins[i].Marker})
	d.Logins = slices.Delete(slices.Clone(d.Logins), i, i+1)
	return d
}
