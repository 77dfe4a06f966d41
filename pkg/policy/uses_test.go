package policy

import (
	"testing"
)

// everything is what a policy uses that may look at any part of the input.
var everything = uses{true, true, true}

// What no policy looks at is not made; what one may look at, however it is written, is.
func TestUses(t *testing.T) {
	for condition, want := range map[string]uses{
		`input.workload.name == "x"`:                                   {},
		`input.workload.labels.app == "x"`:                             {workloadLabels: true},
		`some key, _ in input.workload.labels; key == "x"`:             {workloadLabels: true},
		`"x" in input.workload`:                                        {workloadLabels: true},
		`some part in ["labels", "name"]; input.workload[part] == "x"`: {workloadLabels: true},
		`some part in ["role", "workload"]; input[part].name == "x"`:   everything,
		`count(input) > 3`:                                             everything,
		`input.database.spec.owner == "x"`:                             {databaseSpec: true},
		`input.database.labels.a == "x"`:                               {},
		`object.get(input.role, "spec", {}) != {}`:                     {roleSpec: true},
		`input.role.spec.connectionLimit > 3`:                          {roleSpec: true},
		`data.dbtether.policies.workload.user.other`:                   {databaseSpec: true},
	} {
		modules := user(condition)
		if condition == `data.dbtether.policies.workload.user.other` {
			modules["user.rego"].Data = append(modules["user.rego"].Data, "\nimported := input.database\n\nother if imported.spec.adopt\n"...)
		}
		e, err := compiled(modules, patient)
		if err != nil {
			t.Errorf("%s: %v", condition, err)
			continue
		}
		if e.uses != want {
			t.Errorf("%s: got %+v, want %+v", condition, e.uses, want)
		}
	}
	if got := builtIn(t).uses; got != (uses{}) {
		t.Errorf("the built-in policies use %+v", got)
	}
}
