package postgres_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// samePlan plans an application from everything and from what it names: the plans are
// the same. It returns the state that was restricted.
func samePlan(t *testing.T, server *postgres.Server, app *application) postgres.State {
	t.Helper()
	scope := app.scope()
	all := observe(t, server, scope)
	scope.Named = true
	for _, uid := range app.values.UIDs {
		scope.Markers = append(scope.Markers, uid)
	}
	named := observe(t, server, scope)
	want, wantErr := postgres.MakePlan(all, app.desired)
	got, gotErr := postgres.MakePlan(named, app.desired)
	if (wantErr == nil) != (gotErr == nil) || wantErr != nil && wantErr.Error() != gotErr.Error() {
		t.Errorf("got  %v\nwant %v", gotErr, wantErr)
	}
	if got.Hash() != want.Hash() || !slices.Equal(got.Warnings, want.Warnings) {
		t.Errorf("got:\n%s%s\nwant:\n%s%s", got.SQL("postgres"), got.Warnings, want.SQL("postgres"), want.Warnings)
	}
	return named
}

// TestNamedPlansTheSame compares plans of a restricted observation with those of a full
// one, at each point of an application's life.
func TestNamedPlansTheSame(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		server, app, other := f.dial(t), newApplication(t), newApplication(t)
		other.provision(t, server)
		samePlan(t, server, app)
		app.provision(t, server)
		state := samePlan(t, server, app)
		for _, found := range [][]string{slices.Collect(maps.Keys(state.Roles)), slices.Collect(maps.Keys(state.Databases)), slices.Collect(maps.Keys(state.Members))} {
			if i := slices.IndexFunc(found, func(name string) bool { return strings.HasPrefix(name, other.database) }); i >= 0 {
				t.Errorf("%s was read", found[i])
			}
		}
		login := app.loginOf(postgres.ReadWrite)
		group := postgres.GroupsOf(other.database).ReadOnly
		execute(t, f, "postgres", "GRANT "+group+" TO "+login, "GRANT CONNECT ON DATABASE "+other.database+" TO "+login)
		state = samePlan(t, server, app)
		if !state.Databases[other.database].Grants[login]["CONNECT"] || state.Roles[group].Comment == "" || state.Roles[postgres.GroupsOf(other.database).Owner].Comment == "" {
			t.Errorf("what %s holds elsewhere was not read: %v", login, state.Databases[other.database])
		}
		execute(t, f, "postgres", "REVOKE "+group+" FROM "+login, "REVOKE CONNECT ON DATABASE "+other.database+" FROM "+login)
		member := app.loginOf(postgres.Admin)
		execute(t, f, app.database, "GRANT CREATE ON SCHEMA app TO "+member, "SET ROLE "+member, "CREATE TABLE app.mine (id int)",
			"SET ROLE "+postgres.GroupsOf(app.database).Owner, "CREATE TABLE app.t (id int)", "GRANT USAGE ON SCHEMA app TO "+other.loginOf(postgres.ReadOnly), "GRANT INSERT ON app.t TO "+other.loginOf(postgres.ReadOnly)+" WITH GRANT OPTION",
			"SET ROLE "+other.loginOf(postgres.ReadOnly), "GRANT INSERT ON app.t TO "+login)
		app.desired.Logins = app.desired.Logins[:2] // readonly and readwrite: nobody names the owner of the table, nor the one who gave away a privilege
		samePlan(t, server, app)
		app.provision(t, server)
		app.settled(t, server)
		waitForNoSessions(t, f, app.database)
		app.desired = gone(app)
		samePlan(t, server, app)
	})
}

// TestNamedReadsDanger checks that every role is read that a login named is a member of,
// and what bears a UID under another name.
func TestNamedReadsDanger(t *testing.T) {
	for _, version := range versions {
		f := newFixture(t, version, false)
		server, name := f.dial(t), unique(t)
		execute(t, f, "postgres", "CREATE ROLE "+name, "CREATE ROLE "+name+"_a", "CREATE ROLE "+name+"_b SUPERUSER", "CREATE ROLE "+name+"_renamed",
			"GRANT "+name+"_a TO "+name, "GRANT "+name+"_b TO "+name+"_a", "GRANT pg_monitor TO "+name+"_a", "CREATE DATABASE "+name+"_db", "CREATE ROLE "+name+"_other",
			"COMMENT ON ROLE "+name+"_renamed IS E'dbtether.io: DatabaseUser shop/renamed, uid "+name+"\\nsaid by others'",
			"COMMENT ON DATABASE "+name+"_db IS 'dbtether.io: Database shop/renamed, uid "+name+"2'")
		uid := strings.ReplaceAll(name, "_", "-")
		execute(t, f, "postgres", "COMMENT ON ROLE "+name+"_renamed IS E'dbtether.io: DatabaseUser shop/renamed, uid "+uid+"\\nsaid by others'",
			"COMMENT ON DATABASE "+name+"_db IS 'dbtether.io: Database shop/renamed, uid "+uid+"'")
		state := observe(t, server, postgres.Scope{Named: true, Logins: []string{name}, Markers: []string{"other", uid}})
		for _, role := range []string{"", "_a", "_b", "_renamed"} {
			if _, read := state.Roles[name+role]; !read {
				t.Errorf("%d: %s was not read", version, name+role)
			}
		}
		for _, role := range []string{"pg_monitor", "pg_read_all_stats", f.login.Username, "postgres"} {
			if _, read := state.Roles[role]; !read {
				t.Errorf("%d: %s was not read", version, role)
			}
		}
		if _, read := state.Roles[name+"_other"]; read {
			t.Errorf("%d: a role that is not named was read", version)
		}
		if _, read := state.Databases[name+"_db"]; !read || state.Databases["template1"].Name == "" {
			t.Errorf("%d: databases %v", version, slices.Collect(maps.Keys(state.Databases)))
		}
		if _, member := state.Members[name+"_b"][name+"_a"]; !member {
			t.Errorf("%d: members %v", version, state.Members)
		}
		if n := len(observe(t, server, postgres.Scope{Named: true}).Roles); n > 3 {
			t.Errorf("%d: %d roles were read for nothing", version, n)
		}
		execute(t, f, "postgres", "DROP DATABASE "+name+"_db", "DROP ROLE "+name+", "+name+"_a, "+name+"_b, "+name+"_renamed, "+name+"_other")
	}
}

// TestNamedReadsOwners checks that what others own inside of a database is planned the
// same: the admin is a member of one of them.
func TestNamedReadsOwners(t *testing.T) {
	everywhere(t, func(t *testing.T, f fixture) {
		server := f.dial(t)
		app, shop := inherited(t, f)
		third, fourth := unique(t)+"_t", unique(t)+"_f"
		execute(t, f, "postgres", "GRANT "+shop+" TO "+f.login.Username, "CREATE ROLE "+third, "GRANT "+third+" TO "+f.login.Username, "CREATE ROLE "+fourth)
		execute(t, f, app.database, "ALTER TABLE legacy.t OWNER TO "+third, "ALTER TABLE public.old OWNER TO "+fourth)
		state := samePlan(t, server, app)
		for _, name := range []string{third, fourth} {
			if _, read := state.Roles[name]; !read {
				t.Errorf("%s was not read", name)
			}
		}
	})
}
