package postgres_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

var update = flag.Bool("update", false, "write the golden files anew")

var (
	super18 = admin{18, true}
	admin18 = admin{18, false}
)

// planCase is a state, what is desired, and the golden file of the plan.
type planCase struct {
	golden  string
	state   postgres.State
	desired postgres.Desired
}

// TestPlans compares plans and refusals with testdata/plans; -update writes them.
func TestPlans(t *testing.T) {
	var cases []planCase
	for _, version := range []int{14, 15, 16, 18} {
		for _, super := range []bool{true, false} {
			a := admin{version, super}
			cases = append(cases, planCase{"new_" + a.String(), bare(a), orders()})
			if version == 14 || version == 18 {
				cases = append(cases, planCase{"nothing_" + a.String(), provisioned(a), orders()})
			}
		}
	}
	cases = append(cases, changeCases()...)
	cases = append(cases, interruptedCases()...)
	cases = append(cases, conflictCases()...)
	cases = append(cases, rightsCases()...)
	cases = append(cases, contentCases()...)
	cases = append(cases, databaseCases()...)
	cases = append(cases, localeCases()...)
	cases = append(cases, templateCases()...)
	cases = append(cases, adoptCases()...)
	cases = append(cases, foreignCases()...)
	cases = append(cases, extensionCases()...)
	cases = append(cases, dropCases()...)
	cases = append(cases, accessCases()...)
	cases = append(cases, grantCases()...)
	cases = append(cases, lifeCases()...)
	cases = append(cases, adoptLoginCases()...)
	cases = append(cases, forcedCases()...)
	for _, c := range cases {
		t.Run(c.golden, func(t *testing.T) {
			plan, err := postgres.MakePlan(c.state, c.desired)
			compareGolden(t, filepath.Join("testdata", "plans", c.golden+".sql"), planText(t, plan, err))
		})
	}
	checkNoStrayGolden(t, cases)
}

// planText writes a plan with its risks and warnings, or the refusals.
func planText(t *testing.T, plan postgres.Plan, err error) string {
	t.Helper()
	var text strings.Builder
	var refused *postgres.RefusedError
	switch {
	case errors.As(err, &refused):
		if len(plan.Steps) != 0 || len(plan.Warnings) != 0 {
			t.Error("a plan came with the refusal")
		}
		for _, r := range refused.Refusals {
			fmt.Fprintf(&text, "-- refused (conflict %v, blocked %v): %s\n--   fix: %s\n", r.Conflict, r.Blocked, r.Problem, r.Fix)
		}
		return text.String()
	case err != nil:
		t.Fatal(err)
	case plan.Empty():
		text.WriteString("-- nothing to do\n")
	}
	text.WriteString(plan.SQL("postgres"))
	for _, s := range plan.Steps {
		if s.Risk != postgres.Safe {
			fmt.Fprintf(&text, "-- %s: %s %s\n", s.Risk, s.Verb, s.Object)
		}
	}
	for _, w := range plan.Warnings {
		fmt.Fprintf(&text, "-- warning: %s\n", w)
	}
	return text.String()
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs, see with: go test -update && git diff\ngot:\n%s\nwant:\n%s", path, got, want)
	}
}

func checkNoStrayGolden(t *testing.T, cases []planCase) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "plans", "*.sql"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, c := range cases {
		known[c.golden+".sql"] = true
	}
	for _, file := range files {
		if !known[filepath.Base(file)] {
			t.Errorf("no test writes %s", file)
		}
	}
}

func changeCases() []planCase {
	limited := change(orders(), "orders_api", func(l *postgres.DesiredLogin) { l.ConnectionLimit = 5 })
	limited.Databases[0].ConnectionLimit = 20
	unlimited := provisioned(admin18)
	unlimited.Databases["orders"] = with(unlimited.Databases["orders"], func(d *postgres.DatabaseState) { d.ConnectionLimit = 20 })
	weakened := provisioned(admin18)
	weakened.Roles["orders_api"] = with(weakened.Roles["orders_api"], func(r *postgres.Role) { r.Login, r.Inherit, r.ConnectionLimit = false, false, 0 })
	optionless := provisioned(admin18)
	optionless.Members["orders_rw"]["orders_api"] = postgres.Membership{Inherit: true}
	optionless.Members["orders_owner"]["dbadmin"] = postgres.Membership{Admin: true}
	halfLowered := provisioned(admin18)
	delete(halfLowered.Members["orders_owner"], "orders_migrate")
	halfLowered.Members["orders_ro"]["orders_migrate"] = postgres.Membership{Inherit: true, Set: true}
	to := func(login string, p postgres.Privilege) postgres.Desired {
		return change(orders(), login, func(l *postgres.DesiredLogin) { l.Access = map[string]postgres.Privilege{"orders": p} })
	}
	noSignal := provisioned(admin18)
	noSignal.Server.SignalBackend = false
	return []planCase{
		{"raised_readonly_to_readwrite", provisioned(admin18), to("orders_report", postgres.ReadWrite)},
		{"raised_readonly_to_admin_14", provisioned(admin{14, false}), to("orders_report", postgres.Admin)},
		{"raised_readonly_to_admin", provisioned(admin18), to("orders_report", postgres.Admin)},
		{"lowered_readwrite_to_readonly", provisioned(admin18), to("orders_api", postgres.ReadOnly)},
		{"lowered_admin_to_readonly", provisioned(admin18), to("orders_migrate", postgres.ReadOnly)},
		{"lowered_admin_killed_before_sessions_ended", halfLowered, to("orders_migrate", postgres.ReadOnly)},
		{"lowered_admin_to_readwrite_without_signal", noSignal, to("orders_migrate", postgres.ReadWrite)},
		{"connection_limits", provisioned(admin18), limited},
		{"connection_limit_lifted", unlimited, orders()},
		{"password_reset", provisioned(admin18), change(orders(), "orders_api", func(l *postgres.DesiredLogin) { l.SetPassword = true })},
		{"login_weakened", weakened, orders()},
		{"membership_without_options", optionless, orders()},
	}
}

func interruptedCases() []planCase {
	foreignGroups := withClosedDatabase(admin18)
	for _, name := range []string{"orders_owner", "orders_rw", "orders_ro"} {
		delete(foreignGroups.Roles, name)
	}
	otherOwner := withClosedDatabase(admin18)
	otherOwner.Databases["orders"] = with(otherOwner.Databases["orders"], func(d *postgres.DatabaseState) { d.Owner = "someone" })
	marked := provisioned(admin18)
	marked.Databases["orders"] = with(marked.Databases["orders"], func(d *postgres.DatabaseState) { d.AllowConnections = false })
	delete(marked.Contents, "orders")
	return []planCase{
		{"killed_after_roles", withRoles(admin18), orders()},
		{"killed_after_roles_superuser", withRoles(super18), orders()},
		{"killed_after_create_database", withClosedDatabase(admin18), orders()},
		{"killed_after_create_database_14", withClosedDatabase(admin{14, false}), orders()},
		{"closed_without_our_groups", foreignGroups, orders()},
		{"closed_of_another_owner", otherOwner, orders()},
		{"closed_but_marked", marked, orders()},
	}
}

func conflictCases() []planCase {
	database := func(comment string) postgres.State {
		s := bare(admin18)
		s.Databases["orders"] = postgres.DatabaseState{Name: "orders", Owner: "dbadmin", AllowConnections: true, ConnectionLimit: -1, Comment: comment}
		return s
	}
	role := func(name string, by func(*postgres.Role)) postgres.State {
		s := provisioned(admin18)
		s.Roles[name] = with(s.Roles[name], by)
		return s
	}
	comment := func(text string) func(*postgres.Role) { return func(r *postgres.Role) { r.Comment = text } }
	unborn := orders()
	unborn.Databases[0].Marker.UID = ""
	groupName := orders()
	groupName.Logins = append(groupName.Logins, postgres.DesiredLogin{Name: "orders_rw", Marker: loginMarker("orders_rw"), ConnectionLimit: -1})
	return []planCase{
		{"foreign_database", database(""), orders()},
		{"foreign_database_with_comment", database("the shop's orders"), orders()},
		{"database_of_another_resource", database("dbtether.io: Database team-b/orders, uid 7"), orders()},
		{"database_of_a_predecessor", database("dbtether.io: Database shop/orders, uid 7"), orders()},
		{"database_before_its_resource", database(ordersMarker.String() + ordersUID), unborn},
		{"foreign_login", role("orders_api", comment("")), orders()},
		{"login_of_another_resource", role("orders_api", comment("dbtether.io: DatabaseUser team-b/api, uid 7")), orders()},
		{"login_marked_as_group", role("orders_api", comment("dbtether.io: group of DatabaseUser shop/orders-api, uid "+userUID+"2")), orders()},
		{"foreign_group", role("orders_ro", comment("")), orders()},
		{"group_of_another_database", role("orders_rw", comment("dbtether.io: group of Database team-b/orders, uid 7")), orders()},
		{"login_named_as_group", bare(admin18), groupName},
		{"login_turned_superuser", role("orders_api", func(r *postgres.Role) { r.Superuser = true }), orders()},
		{"login_turned_createrole", role("orders_api", func(r *postgres.Role) { r.CreateRole = true }), orders()},
		{"login_turned_replication", role("orders_api", func(r *postgres.Role) { r.Replication = true }), orders()},
		{"login_turned_bypassrls", role("orders_api", func(r *postgres.Role) { r.BypassRLS = true }), orders()},
		{"group_turned_superuser", role("orders_ro", func(r *postgres.Role) { r.Superuser = true }), orders()},
	}
}

func rightsCases() []planCase {
	server := func(s postgres.State, by func(*postgres.ServerState)) postgres.State {
		by(&s.Server)
		return s
	}
	noDB := func(s *postgres.ServerState) { s.CreateDB = false }
	noRole := func(s *postgres.ServerState) { s.CreateRole = false }
	standby := func(s *postgres.ServerState) { s.InRecovery = true }
	return []planCase{
		{"without_createdb", server(bare(admin18), noDB), orders()},
		{"without_createrole", server(bare(admin18), noRole), orders()},
		{"without_both", server(server(bare(admin18), noDB), noRole), orders()},
		{"without_createdb_but_superuser", server(bare(super18), noDB), orders()},
		{"without_createdb_not_needed", server(withClosedDatabase(admin18), noDB), orders()},
		{"standby", server(bare(super18), standby), orders()},
		{"standby_nothing_to_do", server(provisioned(super18), standby), orders()},
		{"read_only", server(bare(admin18), func(s *postgres.ServerState) { s.ReadOnly = true }), orders()},
		{"impossible_names", bare(admin18), postgres.Desired{Databases: []postgres.Database{{Name: "a\nb"}, {Name: ""}, {Name: strings.Repeat("x", 58)}, {Name: "a\xff"}},
			Logins: []postgres.DesiredLogin{{Name: "a\x00b"}, {Name: strings.Repeat("x", 64)}, {Name: "a\x7f"}}}},
	}
}

// with returns a copy that by has changed.
func with[T any](v T, by func(*T)) T {
	by(&v)
	return v
}
