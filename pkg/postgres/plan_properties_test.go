package postgres_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// crowded returns an input in which every map has many entries.
func crowded(a admin) (postgres.State, postgres.Desired) {
	state, desired := provisioned(a), orders()
	state.Dependencies = nil
	for i := range 30 {
		name := fmt.Sprintf("db%02d", i)
		desired.Databases = append(desired.Databases, postgres.Database{Name: name, ConnectionLimit: i,
			Marker: postgres.Marker{Kind: "Database", Resource: "shop/" + name, UID: "uid-" + name}, Schemas: []string{"a", "b"}, Extensions: []postgres.Extension{{Name: "pg_trgm"}}})
		for l := range desired.Logins {
			desired.Logins[l].Access[name] = []postgres.Privilege{postgres.ReadOnly, postgres.ReadWrite, postgres.Admin}[(i+l)%3]
		}
		state.Contents["orders"].Schemas[fmt.Sprintf("later%02d", i)] = postgres.Schema{Owner: "orders_owner", Grants: postgres.Grants{}}
		state.Roles[name+"x_owner"] = postgres.Role{Name: name + "x_owner", Comment: "dbtether.io: group of Database shop/x, uid 9"}
		state.Dependencies = append(state.Dependencies, postgres.Dependency{Role: "gone", Database: name + "x", Owns: i%2 == 0})
	}
	marker := loginMarker("gone")
	state.Roles["gone"] = postgres.Role{Name: "gone", Login: true, Comment: marker.String() + marker.UID}
	desired.DropLogins = []postgres.Drop{{Name: "gone", Marker: marker}}
	return state, desired
}

// TestPlanIsDeterministic plans the same input again and again.
func TestPlanIsDeterministic(t *testing.T) {
	for _, a := range []admin{super18, admin18, {14, false}} {
		var first postgres.Plan
		for i := range 50 {
			plan, err := postgres.MakePlan(crowded(a))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = plan
			}
			if !reflect.DeepEqual(plan, first) || plan.Hash() != first.Hash() || plan.SQL("postgres") != first.SQL("postgres") {
				t.Fatalf("%s: plan %d differs from the first", a, i)
			}
		}
		if len(first.Steps) < 500 {
			t.Errorf("%s: only %d steps", a, len(first.Steps))
		}
	}
}

// TestPlanLeavesItsInputAlone checks that planning is pure.
func TestPlanLeavesItsInputAlone(t *testing.T) {
	state, desired := crowded(admin18)
	stateAgain, desiredAgain := crowded(admin18)
	if _, err := postgres.MakePlan(state, desired); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(state, stateAgain) || !reflect.DeepEqual(desired, desiredAgain) {
		t.Error("MakePlan changed its input")
	}
}

// TestTransactionsAreContiguous checks what Apply relies on: the steps of a
// transaction stand together, in one database, and CREATE or DROP DATABASE in none.
func TestTransactionsAreContiguous(t *testing.T) {
	for _, a := range []admin{super18, admin18} {
		plan, err := postgres.MakePlan(crowded(a))
		if err != nil {
			t.Fatal(err)
		}
		where, last := map[int]string{}, 0
		for i, s := range plan.Steps {
			text := s.Statement.String()
			if s.Transaction == 0 {
				continue
			}
			database, seen := where[s.Transaction]
			if seen && (database != s.Database || plan.Steps[i-1].Transaction != s.Transaction) || !seen && s.Transaction <= last {
				t.Fatalf("step %d, %s: transaction %d is torn apart", i, text, s.Transaction)
			}
			where[s.Transaction], last = s.Database, s.Transaction
			if strings.HasPrefix(text, "CREATE DATABASE") || strings.HasPrefix(text, "DROP DATABASE") {
				t.Errorf("%s in a transaction", text)
			}
		}
	}
}

func TestHash(t *testing.T) {
	planOf := func(by func(*postgres.State, *postgres.Desired)) postgres.Plan {
		state, desired := bare(admin18), orders()
		by(&state, &desired)
		plan, err := postgres.MakePlan(state, desired)
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	base := planOf(func(*postgres.State, *postgres.Desired) {}).Hash()
	if got := (postgres.Plan{}).Hash(); len(got) != 16 || got == base {
		t.Errorf("the empty plan has hash %s", got)
	}
	for _, c := range []struct {
		name string
		by   func(*postgres.State, *postgres.Desired)
		same bool
	}{
		{"other UIDs", func(_ *postgres.State, d *postgres.Desired) { d.Databases[0].Marker.UID = "other" }, true},
		{"before the resource exists", func(_ *postgres.State, d *postgres.Desired) { d.Databases[0].Marker.UID = "" }, true},
		{"more on the server", func(s *postgres.State, _ *postgres.Desired) { s.Roles["x"] = postgres.Role{Name: "x"} }, true},
		{"another limit", func(_ *postgres.State, d *postgres.Desired) { d.Databases[0].ConnectionLimit = 9 }, false},
		{"another order", func(_ *postgres.State, d *postgres.Desired) { d.Logins[0], d.Logins[1] = d.Logins[1], d.Logins[0] }, false},
		{"another resource", func(_ *postgres.State, d *postgres.Desired) { d.Databases[0].Marker.Resource = "team-b/orders" }, false},
		{"another version", func(s *postgres.State, _ *postgres.Desired) { s.Server.Version = 150004 }, false},
	} {
		if got := planOf(c.by).Hash(); (got == base) != c.same {
			t.Errorf("%s: hash %s, base %s", c.name, got, base)
		}
	}
	// Where a statement runs, and with which others, is part of what it does.
	plan := planOf(func(*postgres.State, *postgres.Desired) {})
	moved := postgres.Plan{Steps: append([]postgres.Step(nil), plan.Steps...)}
	moved.Steps[0].Database = "elsewhere"
	apart := postgres.Plan{Steps: append([]postgres.Step(nil), plan.Steps...)}
	apart.Steps[0].Transaction = 0
	if moved.Hash() == base || apart.Hash() == base {
		t.Error("the hash misses a step's database or transaction")
	}
}

func TestPlanSays(t *testing.T) {
	drop, err := postgres.MakePlan(provisioned(admin18), postgres.Desired{DropDatabases: []postgres.Drop{{Name: "orders", Marker: ordersMarker}}})
	if err != nil {
		t.Fatal(err)
	}
	create, err := postgres.MakePlan(bare(admin18), orders())
	if err != nil {
		t.Fatal(err)
	}
	if drop.Empty() || create.Empty() || !(postgres.Plan{}).Empty() {
		t.Error("Empty is wrong")
	}
	for _, s := range append(drop.Steps, create.Steps...) {
		if s.Verb == "" || s.Object == "" || s.Reason == "" || s.Risk == "" {
			t.Errorf("a step lacks words: %+v", s)
		}
	}
	refused := &postgres.RefusedError{Refusals: []postgres.Refusal{{Problem: "a", Fix: "b", Conflict: true}, {Problem: "c"}, {Problem: "d", Fix: "e"}}}
	if refused.Error() != "a; c; d" || refused.Hint() != "b\ne" || !refused.Conflict() || refused.Blocked() {
		t.Errorf("got %q, %q", refused.Error(), refused.Hint())
	}
}
