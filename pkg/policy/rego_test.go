package policy

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/cover"
	"github.com/open-policy-agent/opa/v1/format"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"

	"github.com/dbtether/kubectl-dbtether/policies"
)

// regoModules returns the parsed modules of fsys by path, tests included.
func regoModules(t *testing.T, fsys fs.FS) map[string]*ast.Module {
	t.Helper()
	modules := map[string]*ast.Module{}
	err := fs.WalkDir(fsys, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, path)
		if err != nil {
			return err
		}
		modules[path], err = ast.ParseModuleWithOpts(path, string(text), ast.ParserOptions{ProcessAnnotation: true})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return modules
}

// runRego runs the Rego tests in modules, compiled as policies are, and returns the names
// of all tests and of those that failed. Its error is the compiler's.
func runRego(t *testing.T, modules map[string]*ast.Module, coverage *cover.Cover) (all, failed []string, err error) {
	t.Helper()
	capabilities, err := restrict(allowedBuiltins())
	if err != nil {
		t.Fatal(err)
	}
	compiler, err := newCompiler(capabilities)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	store := inmem.New()
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(ctx, txn)
	runner := tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(modules).RaiseBuiltinErrors(true)
	if coverage != nil {
		runner.SetCoverageQueryTracer(coverage)
	}
	results, err := runner.RunTests(ctx, txn)
	if err != nil {
		return nil, nil, err
	}
	for result := range results {
		name := result.Package + "." + result.Name
		all = append(all, name)
		if !result.Pass() {
			failed = append(failed, fmt.Sprintf("%s (%s): %v", name, result.Location, result.Error))
		}
	}
	return all, failed, nil
}

func TestRego(t *testing.T) {
	modules := regoModules(t, policies.FS)
	coverage := cover.New()
	all, failed, err := runRego(t, modules, coverage)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 40 {
		t.Errorf("only %d tests ran", len(all))
	}
	for _, test := range failed {
		t.Error(test)
	}
	report := coverage.Report(modules)
	for path := range modules {
		if strings.HasSuffix(path, "_test.rego") {
			continue
		}
		if _, ok := modules[strings.TrimSuffix(path, ".rego")+"_test.rego"]; !ok {
			t.Errorf("%s has no test beside it", path)
		}
		if file := report.Files[path]; file == nil || file.Coverage < 95 {
			t.Errorf("%s: covered less than 95 %%: %+v", path, file)
		}
	}
}

func TestRegoIsFormatted(t *testing.T) {
	for path := range regoModules(t, policies.FS) {
		text, err := fs.ReadFile(policies.FS, path)
		if err != nil {
			t.Fatal(err)
		}
		formatted, err := format.Source(path, text)
		if err != nil {
			t.Fatal(err)
		}
		if string(formatted) != string(text) {
			t.Errorf("%s is not as opa fmt writes it:\n%s", path, formatted)
		}
	}
}

// A policy without one of its rules, or without one of a rule's conditions, must fail
// one of its own tests, or not compile: what can go unnoticed is not tested, whatever the coverage.
func TestRegoNoticesWhatIsMissing(t *testing.T) {
	whole := regoModules(t, policies.FS)
	deleted := 0
	notices := func(path, what string, remove func(*ast.Module)) {
		modules := concerned(whole, path)
		modules[path] = whole[path].Copy() // the compiler leaves what it compiles as it is
		remove(modules[path])
		deleted++
		if _, failed, err := runRego(t, modules, nil); err == nil && len(failed) == 0 {
			t.Errorf("%s: no test notices that this is gone: %s", path, what)
		}
	}
	for path, module := range whole {
		if strings.HasSuffix(path, "_test.rego") {
			continue
		}
		for i, rule := range module.Rules {
			notices(path, fmt.Sprintf("line %d: %s", rule.Location.Row, rule.Head), func(m *ast.Module) {
				m.Rules = slices.Delete(m.Rules, i, i+1)
			})
			if rule.Body.Equal(always) {
				continue
			}
			for j, condition := range rule.Body {
				notices(path, fmt.Sprintf("line %d: %s", rule.Location.Row, condition), func(m *ast.Module) {
					if m.Rules[i].Body = slices.Delete(m.Rules[i].Body, j, j+1); len(m.Rules[i].Body) == 0 {
						m.Rules[i].Body = always
					}
				})
			}
		}
	}
	if deleted < 50 {
		t.Errorf("only %d rules and conditions were deleted", deleted)
	}
}

// concerned returns the policy in a file, its test and what they import, one by the other.
func concerned(whole map[string]*ast.Module, path string) map[string]*ast.Module {
	test := strings.TrimSuffix(path, ".rego") + "_test.rego"
	modules := map[string]*ast.Module{path: whole[path], test: whole[test]}
	for missing := []*ast.Module{whole[path], whole[test]}; len(missing) > 0; missing = missing[1:] {
		for _, wanted := range missing[0].Imports {
			for file, module := range whole {
				if modules[file] == nil && module.Package.Path.Equal(wanted.Path.Value.(ast.Ref)) {
					modules[file] = module
					missing = append(missing, module)
				}
			}
		}
	}
	return modules
}

// always is the body of a rule without conditions.
var always = ast.NewBody(ast.NewExpr(ast.BooleanTerm(true)))
