package policy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
)

// testTimeout bounds each test of a user's policy.
const testTimeout = time.Second

// runTests runs the tests that come with users' policies, compiled apart from what
// decides. It is an error if a source has policies and no test, if a test fails, or if
// its package is that of a policy.
func runTests(ctx context.Context, loaded []policy, users []origin, capabilities *ast.Capabilities) error {
	if len(users) == 0 {
		return nil
	}
	modules := make(map[string]*ast.Module, 2*len(loaded))
	for _, p := range loaded {
		modules[p.file] = p.module.Copy()
	}
	tested := map[string]int{} // how many tests ran, by source
	for _, o := range users {
		for _, file := range slices.Sorted(maps.Keys(o.Files)) {
			if !isRego(file) || !isTest(file) {
				continue
			}
			module, err := parseTest(o.path(file), o.Files[file], capabilities)
			if err != nil {
				return err
			}
			modules[o.path(file)] = module
		}
	}
	results, err := startTests(ctx, modules, capabilities)
	if err != nil {
		return fmt.Errorf("compile the tests of policies: %w", err)
	}
	var failed error
	for result := range results { // to the end: who sends them waits for it
		source := sourceOf(users, result.Location.File)
		tested[source]++
		if failed == nil && !result.Pass() {
			failed = fmt.Errorf("%s: test %s.%s (%s:%d) fails%s", source, strings.TrimPrefix(result.Package, "data."), result.Name,
				result.Location.File, result.Location.Row, why(result))
		}
	}
	if failed != nil {
		return failed
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("test policies: %w", err)
	}
	for _, p := range loaded {
		if p.source != SourceBuiltIn && tested[p.source] == 0 {
			return fmt.Errorf("%s: policy %s has no test: a policy that nobody has seen deny is not loaded; add a file *_test.rego with rules test_…", p.source, p.name)
		}
	}
	return nil
}

// parseTest returns a module of tests, whose package is dbtether.user.<namespace>.<name>_test:
// in the package of a policy it would change what it tests.
func parseTest(file, text string, capabilities *ast.Capabilities) (*ast.Module, error) {
	module, err := parseModule(file, text, capabilities)
	if err != nil {
		return nil, fmt.Errorf("load tests: %w", err)
	}
	parts, err := packageParts(module)
	if err != nil {
		return nil, fmt.Errorf("load tests: %s: %w", file, err)
	}
	if len(parts) != 4 || parts[0] != "dbtether" || parts[1] != "user" || !strings.HasSuffix(parts[3], "_test") {
		return nil, fmt.Errorf("load tests: %s: package %s: the tests of a policy are in the package dbtether.user.<namespace>.<name>_test", file, strings.Join(parts, "."))
	}
	return module, nil
}

// startTests compiles modules as policies are, and runs all tests in them.
func startTests(ctx context.Context, modules map[string]*ast.Module, capabilities *ast.Capabilities) (chan *tester.Result, error) {
	compiler, err := newCompiler(capabilities)
	if err != nil {
		return nil, err
	}
	store := inmem.New()
	txn, err := store.NewTransaction(ctx)
	if err != nil {
		return nil, err
	}
	return tester.NewRunner().SetCompiler(compiler).SetStore(store).SetModules(modules).
		RaiseBuiltinErrors(true).SetTimeout(testTimeout).RunTests(ctx, txn)
}

// sourceOf returns the name of the source that a file is of.
func sourceOf(users []origin, file string) string {
	for _, o := range users {
		if strings.HasPrefix(file, o.Name+"/") {
			return o.Name
		}
	}
	return file
}

// why returns what is known of why a test failed, as the end of a sentence; empty if nothing
// is.
func why(result *tester.Result) string {
	switch {
	case result.Error != nil:
		return ": " + strings.Join(strings.Fields(result.Error.Error()), " ")
	case result.Skip:
		return ": it is skipped"
	default:
		return ""
	}
}
