package plugin

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

func TestLoadEach(t *testing.T) {
	source := func(name string) policy.Source {
		const rego = "# METADATA\n# custom:\n#   area: resources\npackage dbtether.user.shop.one\n\ndeny contains {\"code\": \"ONE\", \"message\": \"no\", \"fix\": \"no\"} if input.request.kind == \"Database\"\n"
		const test = "package dbtether.user.shop.one_test\n\ntest_it if count(data.dbtether.user.shop.one.deny) == 1 with input as {\"request\": {\"kind\": \"Database\"}}\n"
		return policy.Source{Name: name, Files: map[string]string{"one.rego": rego, "one_test.rego": test}}
	}
	untested := source("untested")
	delete(untested.Files, "one_test.rego")
	for _, c := range []struct {
		name    string
		sources []policy.Source
		loaded  string // the source of the last policy
		said    []string
	}{
		{"all is well", []policy.Source{source("a")}, "a", nil},
		{"one is broken", []policy.Source{source("a"), untested}, "a", []string{"untested: policy dbtether.user.shop.one has no test"}},
		{"two that do not go together", []policy.Source{source("a"), source("b")}, policy.SourceBuiltIn, []string{"package dbtether.user.shop.one is in a/one.rego too"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			engine, errs := loadEach(t.Context(), policy.Set{Sources: c.sources})
			rows := engine.Policies()
			if last := rows[len(rows)-1]; last.Source != c.loaded || len(errs) != len(c.said) {
				t.Fatalf("got %+v, %v", last, errs)
			}
			for i, want := range c.said {
				if !strings.Contains(errs[i].Error(), want) {
					t.Errorf("got  %v\nwant %s", errs[i], want)
				}
			}
		})
	}
}
