package policy

import (
	"context"
	"fmt"
	"io/fs"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"

	"github.com/dbtether/kubectl-dbtether/policies"
)

// policiesOf returns the built-in policies, and others of the area workload that
// look at one namespace each, until there are n.
func policiesOf(b testing.TB, n int) map[string]string {
	b.Helper()
	modules := map[string]string{}
	for _, path := range []string{"resources/cluster_allowed.rego", "resources/cross_namespace.rego", "workload/binding.rego"} {
		text, err := fs.ReadFile(policies.FS, path)
		if err != nil {
			b.Fatal(err)
		}
		modules[path] = string(text)
	}
	for i := len(modules); i < n; i++ {
		modules[fmt.Sprintf("workload/team_%d.rego", i)] = fmt.Sprintf(`package dbtether.policies.workload.team_%[1]d

deny contains {"code": "TEAM", "message": sprintf("no %%s here", [input.workload.name]), "fix": "ask"} if {
	input.namespace.name == "team-%[1]d"
	input.workload.serviceAccount != "team"
}
`, i)
	}
	return modules
}

// What the engine costs beside the way that OPA's documentation begins with: the
// review as a map, and a query made for each.
func BenchmarkEvaluate(b *testing.B) {
	for _, n := range []int{3, 100} {
		modules := policiesOf(b, n)
		b.Run(fmt.Sprintf("policies=%d/ours", n), func(b *testing.B) {
			e, err := compiled(files(modules), patient)
			if err != nil {
				b.Fatal(err)
			}
			in := pod(binding("orders-api"))
			b.ReportAllocs()
			for b.Loop() {
				if got := e.Evaluate(context.Background(), AreaWorkload, in); !got.Allow {
					b.Fatal(got)
				}
			}
		})
		b.Run(fmt.Sprintf("policies=%d/baseline", n), func(b *testing.B) {
			document := asJSON(b, pod(binding("orders-api")))
			b.ReportAllocs()
			for b.Loop() {
				options := []func(*rego.Rego){rego.Query("findings := [f | some f in data.dbtether.policies.workload[_].deny]"), rego.Input(document)}
				for path, text := range modules {
					options = append(options, rego.Module(path, text))
				}
				results, err := rego.New(options...).Eval(context.Background())
				if err != nil || len(results) != 1 || len(results[0].Bindings["findings"].([]any)) > 0 {
					b.Fatal(results, err)
				}
			}
		})
	}
}

// The budget of a review: it is in the path of every pod.
func TestEvaluateAllocatesLittle(t *testing.T) {
	for _, n := range []int{3, 100} {
		e, err := compiled(files(policiesOf(t, n)), patient)
		if err != nil {
			t.Fatal(err)
		}
		in := pod(binding("orders-api"))
		allocs := testing.AllocsPerRun(100, func() {
			if got := e.Evaluate(context.Background(), AreaWorkload, in); !got.Allow {
				t.Fatal(got)
			}
		})
		if allocs > 300 {
			t.Errorf("%d policies: %v allocations", n, allocs)
		}
	}
}
