package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// withBilling is provisioned plus a second database of ours, "billing", one of nobody,
// "legacy", and one of the admin, "archive".
func withBilling(a admin) postgres.State {
	s := provisioned(a)
	marker := postgres.Marker{Kind: "Database", Resource: "shop/billing", UID: "9"}
	s.Databases["billing"] = postgres.DatabaseState{Name: "billing", Owner: a.name(), AllowConnections: true, ConnectionLimit: -1, Comment: marker.String() + marker.UID,
		Grants: merge(grants(a.name(), "CREATE", "CONNECT", "TEMPORARY"), grants("billing_owner", "CONNECT"), grants("billing_rw", "CONNECT"), grants("billing_ro", "CONNECT"))}
	marker.Kind = "group of Database"
	for _, name := range []string{"billing_owner", "billing_rw", "billing_ro"} {
		s.Roles[name] = postgres.Role{Name: name, Inherit: true, ConnectionLimit: -1, Comment: marker.String() + marker.UID}
		s.Members[name] = map[string]postgres.Membership{}
	}
	s.Databases["legacy"] = postgres.DatabaseState{Name: "legacy", Owner: "someone", AllowConnections: true, ConnectionLimit: -1, Grants: grants("", "CONNECT")}
	s.Databases["archive"] = postgres.DatabaseState{Name: "archive", Owner: a.name(), AllowConnections: true, ConnectionLimit: -1, Grants: grants("", "CONNECT")}
	return s
}

// member makes a login a member of a group.
func member(s postgres.State, group, login string) {
	if s.Members[group] == nil {
		s.Members[group] = map[string]postgres.Membership{}
	}
	s.Members[group][login] = postgres.Membership{Inherit: true, Set: true}
}

func login(name string, by func(*postgres.DesiredLogin)) postgres.Desired {
	return change(orders(), name, by)
}

func accessCases() []planCase {
	leaver := func(a admin, login string, own bool) postgres.State {
		s := withBilling(a)
		member(s, "billing_owner", login)
		s.Settings["billing"] = map[string][]string{login: {"role=billing_owner"}}
		s.Dependencies = []postgres.Dependency{{Role: login, Database: "billing", Owns: own}, {Role: login, Database: "orders"},
			{Role: login, Database: "legacy"}, {Role: login, Database: "archive"}}
		return s
	}
	both := login("orders_api", func(l *postgres.DesiredLogin) {
		l.Access = map[string]postgres.Privilege{"orders": postgres.ReadWrite, "billing": postgres.ReadOnly}
	})
	ownsLegacy := withBilling(admin18)
	ownsLegacy.Dependencies = []postgres.Dependency{{Role: "orders_api", Database: "legacy", Owns: true}, {Role: "orders_report", Database: "billing", Owns: true}, {Role: "orders_report", Owns: true}}
	killed := withBilling(admin18)
	killed.Sessions = map[string]map[string]int{"orders_api": {"billing": 2, "orders": 3, "legacy": 1}}
	closed := leaver(admin18, "orders_api", false)
	closed.Databases["archive"] = with(closed.Databases["archive"], func(d *postgres.DatabaseState) { d.AllowConnections = false })
	lowered := provisioned(admin18)
	lowered.Dependencies = []postgres.Dependency{{Role: "orders_migrate", Database: "orders", Owns: true}}
	toReadOnly := login("orders_migrate", func(l *postgres.DesiredLogin) { l.Access = map[string]postgres.Privilege{"orders": postgres.ReadOnly} })
	adopted := login("orders_api", func(l *postgres.DesiredLogin) { l.Adopt = true })
	return []planCase{
		{"access_to_a_second_database", withBilling(admin18), both},
		{"access_lost", leaver(admin18, "orders_api", true), orders()},
		{"access_lost_14", leaver(admin{14, false}, "orders_api", true), orders()},
		{"access_lost_superuser", leaver(super18, "orders_api", false), orders()},
		{"access_lost_adopted", leaver(admin18, "orders_api", true), adopted},
		{"access_lost_but_owner", ownsLegacy, orders()},
		{"access_lost_killed_before_sessions_ended", killed, orders()},
		{"access_lost_to_a_closed_database", closed, orders()},
		{"lowered_admin_that_owns_a_table", lowered, toReadOnly},
	}
}

// directGrants are one of each kind, of the login that is readonly.
func directGrants() []postgres.DirectGrant {
	of := func(d postgres.DirectGrant, privileges ...string) []postgres.DirectGrant {
		var all []postgres.DirectGrant
		for _, p := range privileges {
			d.Login, d.Privilege = "orders_report", p
			if d.Owner == "" {
				d.Owner = "orders_owner"
			}
			if d.Grantor == "" {
				d.Grantor = d.Owner
			}
			all = append(all, d)
		}
		return all
	}
	var all []postgres.DirectGrant
	for _, some := range [][]postgres.DirectGrant{
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "app", Name: "t"}, "UPDATE", "SELECT", "MAINTAIN"),
		of(postgres.DirectGrant{Kind: "COLUMN", Schema: "app", Name: "t", Column: `odd "name"`}, "SELECT", "UPDATE"),
		of(postgres.DirectGrant{Kind: "SEQUENCE", Schema: "app", Name: "s"}, "USAGE"),
		of(postgres.DirectGrant{Kind: "SCHEMA", Name: "app"}, "CREATE"),
		of(postgres.DirectGrant{Kind: "ROUTINE", Schema: "app", Name: `app."My ""F"(integer,app."T"[],timestamp without time zone)`}, "EXECUTE"),
		of(postgres.DirectGrant{Kind: "ROUTINE", Schema: "app", Name: `app.f(); DROP TABLE t`}, "EXECUTE"),
		of(postgres.DirectGrant{Kind: "TYPE", Schema: "app", Name: "T"}, "USAGE"),
		of(postgres.DirectGrant{Kind: "LARGE OBJECT", Name: "4242"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "LARGE OBJECT", Name: "4242 FROM x"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "FOREIGN SERVER", Name: "srv"}, "USAGE"),
		of(postgres.DirectGrant{Kind: "DEFAULT", Name: "TABLES"}, "SELECT", "INSERT"),
		of(postgres.DirectGrant{Kind: "DEFAULT", Schema: "app", Name: "FUNCTIONS"}, "EXECUTE"),
		of(postgres.DirectGrant{Kind: "DEFAULT", Name: "TABLES; --"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "PLANET", Name: "mars"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "app", Name: "hostile"}, "SELECT ON x"),
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "app", Name: "of_dbadmin", Owner: "dbadmin"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "app", Name: "of_api", Owner: "orders_api"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "app", Name: "of_stranger", Owner: "stranger"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "app", Name: "by_api", Grantor: "orders_api"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "app", Name: "by_migrate", Grantor: "orders_migrate"}, "SELECT"),
		of(postgres.DirectGrant{Kind: "COLUMN", Schema: "app", Name: "by_migrate", Column: "c", Grantor: "orders_migrate", Keeps: postgres.HoldsPrivilege}, "UPDATE"),
		of(postgres.DirectGrant{Kind: "SEQUENCE", Schema: "app", Name: "by_migrate", Grantor: "orders_migrate", Keeps: postgres.HoldsGrantOption}, "USAGE"),
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "app", Name: "by_clerk", Owner: "stranger", Grantor: "clerk"}, "DELETE"),
		of(postgres.DirectGrant{Kind: "SCHEMA", Name: "public", Owner: "pg_database_owner"}, "USAGE"),
		of(postgres.DirectGrant{Kind: "TABLE", Schema: "pg_catalog", Name: "pg_authid", Owner: "postgres"}, "SELECT"),
	} {
		all = append(all, some...)
	}
	return all
}

func grantCases() []planCase {
	state := func(a admin) postgres.State {
		s := provisioned(a)
		c := s.Contents["orders"]
		c.Direct = directGrants()
		c.Tables = map[[2]string]string{{"app", "t"}: "orders_owner", {"app", "of_api"}: "orders_api", {"app", "of_stranger"}: "stranger", {"app", `x"; DROP`}: "orders_owner"}
		s.Contents["orders"] = c
		s.Roles["stranger"] = postgres.Role{Name: "stranger", Inherit: true, ConnectionLimit: -1}
		s.Roles["postgres"] = postgres.Role{Name: "postgres", Superuser: true, Inherit: true, Login: true, ConnectionLimit: -1}
		s.Roles["clerk"] = postgres.Role{Name: "clerk", Inherit: true, ConnectionLimit: -1}
		s.Members["stranger"] = map[string]postgres.Membership{"clerk": {Inherit: true, Set: true}}
		if a.version >= 16 && !a.super {
			s.Members["orders_api"] = map[string]postgres.Membership{"dbadmin": {Admin: true}}
			s.Members["orders_migrate"] = map[string]postgres.Membership{"dbadmin": {Admin: true}}
		}
		s.Databases["legacy"] = postgres.DatabaseState{Name: "legacy", Owner: "someone", AllowConnections: true, ConnectionLimit: -1, Grants: grants("orders_report", "CONNECT")}
		s.Databases["orders"] = with(s.Databases["orders"], func(d *postgres.DatabaseState) {
			d.Grants = merge(d.Grants, grants("orders_report", "CREATE", "TEMPORARY"))
		})
		return s
	}
	granted := func(grants ...postgres.TableGrant) postgres.Desired {
		return login("orders_report", func(l *postgres.DesiredLogin) { l.Grants = grants })
	}
	on := func(schema, name string, privileges ...string) postgres.TableGrant {
		return postgres.TableGrant{Database: "orders", Schema: schema, Table: name, Privileges: privileges}
	}
	asked := granted(on("app", "t", "UPDATE", "DELETE"), on("app", "of_api", "INSERT"), on("app", "of_stranger", "INSERT"), on("app", "absent", "SELECT"),
		on("app", `x"; DROP`, "TRIGGER", "SELECT"), on("app", "t", "SELECT", "DELETE"))
	adopted := change(asked, "orders_report", func(l *postgres.DesiredLogin) { l.Adopt = true })
	unread := state(admin18)
	delete(unread.Contents, "orders")
	return []planCase{
		{"direct_18_createrole", state(admin18), orders()},
		{"direct_18_superuser", state(super18), orders()},
		{"direct_14_createrole", state(admin{14, false}), orders()},
		{"grants_18_createrole", state(admin18), asked},
		{"grants_18_superuser", state(super18), asked},
		{"grants_14_createrole", state(admin{14, false}), asked},
		{"grants_adopted", state(admin18), adopted},
		{"grants_of_a_new_database", bare(admin18), granted(on("app", "t", "SELECT"))},
		{"grants_that_are_none", provisioned(admin18), granted(on("app", "t", "SELECT", "ALL", `UPDATE ON app.t TO PUBLIC; --`, "select"))},
		{"grants_elsewhere", provisioned(admin18), granted(postgres.TableGrant{Database: "billing", Schema: "app", Table: "t", Privileges: []string{"SELECT"}})},
		{"grants_on_the_catalog", provisioned(super18), granted(on("pg_catalog", "pg_authid", "SELECT"), on("information_schema", "tables", "SELECT"))},
		{"grants_on_impossible_names", provisioned(admin18), granted(on("a\nb", "t", "SELECT"), on("app", strings.Repeat("x", 64), "SELECT"))},
	}
}

func lifeCases() []planCase {
	when := time.Date(2027, 1, 2, 3, 4, 5, 600_000, time.FixedZone("", 3600))
	until := func(t time.Time) postgres.State {
		s := provisioned(admin18)
		s.Roles["orders_api"] = with(s.Roles["orders_api"], func(r *postgres.Role) { r.ValidUntil = t })
		return s
	}
	shut := func(sessions int) postgres.State {
		s := provisioned(admin18)
		s.Roles["orders_api"] = with(s.Roles["orders_api"], func(r *postgres.Role) { r.Login = false })
		s.Sessions = map[string]map[string]int{"orders_api": {"orders": sessions}}
		return s
	}
	set := func(by func(*postgres.DesiredLogin)) postgres.Desired { return login("orders_api", by) }
	closed := set(func(l *postgres.DesiredLogin) { l.Closed, l.EndSessions = true, true })
	withSettings := provisioned(admin18)
	withSettings.SettingContexts = map[string]string{"work_mem": "user", "statement_timeout": "user", "log_statement": "superuser"}
	withSettings.Roles["orders_api"] = with(withSettings.Roles["orders_api"], func(r *postgres.Role) { r.Settings = []string{"work_mem=4MB", "lock_timeout=1s"} })
	settings := func(s map[string]string, reset ...string) postgres.Desired {
		return set(func(l *postgres.DesiredLogin) { l.Settings, l.ResetSettings = s, reset })
	}
	return []planCase{
		{"expires", provisioned(admin18), set(func(l *postgres.DesiredLogin) { l.ValidUntil = when })},
		{"expires_new", bare(admin18), set(func(l *postgres.DesiredLogin) { l.ValidUntil = when })},
		{"expires_then_already", until(when.UTC()), set(func(l *postgres.DesiredLogin) { l.ValidUntil = when.Add(300 * time.Nanosecond) })},
		{"expires_no_longer", until(when), orders()},
		{"closed", provisioned(admin18), closed},
		{"closed_new", bare(admin18), closed},
		{"closed_killed_before_sessions_ended", shut(1), closed},
		{"closed_already", shut(0), set(func(l *postgres.DesiredLogin) { l.Closed = true })},
		{"reopened", shut(0), orders()},
		{"rotated_in_place", provisioned(admin18), set(func(l *postgres.DesiredLogin) { l.SetPassword, l.EndSessions = true, true })},
		{"settings_of_login", withSettings, settings(map[string]string{"work_mem": "8MB", "statement_timeout": `1'; DROP`}, "lock_timeout")},
		{"settings_of_login_refused", withSettings, settings(map[string]string{"role": "postgres", "log_statement": "none", `x" TO 1; --`: "1"})},
	}
}

// TestRefusalsNameTheirCause checks that what is hostile in a grant is refused for
// that, and never written.
func TestRefusalsNameTheirCause(t *testing.T) {
	for _, privilege := range []string{"ALL", "all privileges", "SELECT, INSERT", `SELECT ON pg_authid TO PUBLIC; ALTER ROLE x SUPERUSER; --`, "select", "", "MAINTAIN"} {
		desired := login("orders_report", func(l *postgres.DesiredLogin) {
			l.Grants = []postgres.TableGrant{{Database: "orders", Schema: "app", Table: "t", Privileges: []string{"SELECT", privilege}}}
		})
		plan, err := postgres.MakePlan(provisioned(super18), desired)
		want := fmt.Sprintf(`privilege %q on table "t" of database "orders" is none of SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER`, privilege)
		if err == nil || err.Error() != want || !plan.Empty() {
			t.Errorf("%q: got %v, want %s", privilege, err, want)
		}
	}
}
