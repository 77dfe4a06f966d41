package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbtether/kubectl-dbtether/policies"
)

// entry is the query for the findings of one area.
type entry struct {
	query
	// evaluated is how many policies the area has.
	evaluated int
	// lenient is whether a policy of the area only warns when it fails.
	lenient bool
}

// query is a compiled query, which binds the variable answer.
type query struct {
	body     ast.Body
	compiler ast.QueryCompiler
}

// The document that an area's query asks for, and the variable that it is bound to.
const (
	entryRoot = "entry"
	findings  = "findings"
	answer    = ast.Var("answer")
)

// compile compiles all policies as one whole, and returns the entry of each area
// that has policies.
//
// The entry of an area asks for one set, data.dbtether.entry.<area>.findings, which copies of
// all deny and warn rules of the area define, each labelled with its policy. So OPA indexes
// the rules of all policies together, and a rule whose conditions on the input do not hold
// costs nothing. Asking for the sets of the policies one after another would evaluate each.
func compile(loaded []policy, capabilities *ast.Capabilities) (*ast.Compiler, map[string]entry, error) {
	compiler, err := newCompiler(capabilities)
	if err != nil {
		return nil, nil, err
	}
	compiler.WithStageAfterID(ast.StageRemoveImports, ast.CompilerStageDefinition{
		Name:       "CollectFindings",
		MetricName: "collect_findings",
		Stage:      func(c *ast.Compiler) *ast.Error { return collect(loaded, c) },
	})
	modules := make(map[string]*ast.Module, len(loaded)+len(areas()))
	entries := map[string]entry{}
	for _, p := range loaded {
		modules[p.file] = p.module
		modules[entryModule(p.area)] = &ast.Module{Package: &ast.Package{Path: entryPath(p.area)}}
		e := entries[p.area]
		e.evaluated++
		e.lenient = e.lenient || p.onError == ModeWarn
		entries[p.area] = e
	}
	if compiler.Compile(modules); compiler.Failed() {
		return nil, nil, fmt.Errorf("compile policies: %w", distinct(compiler.Errors))
	}
	for _, p := range loaded {
		if err := errors.Join(checkFindings(p, compiler), checkReferences(p, compiler)); err != nil {
			return nil, nil, fmt.Errorf("compile policies: %w", err)
		}
	}
	for area, e := range entries {
		if e.query, err = newQuery(compiler, entryPath(area).Append(ast.StringTerm(findings))); err != nil {
			return nil, nil, fmt.Errorf("compile the query of area %q: %w", area, err)
		}
		entries[area] = e
	}
	return compiler, entries, nil
}

// newQuery returns the query for the value of a reference.
func newQuery(compiler *ast.Compiler, ref ast.Ref) (query, error) {
	q := query{compiler: compiler.QueryCompiler()}
	var err error
	q.body, err = q.compiler.Compile(ast.NewBody(ast.Equality.Expr(ast.NewTerm(answer), ast.NewTerm(ref))))
	return q, err
}

// newCompiler returns a compiler that refuses what would be undefined when it is evaluated:
// unknown builtins, input that is not in the schema. It refuses unused variables, too.
func newCompiler(capabilities *ast.Capabilities) (*ast.Compiler, error) {
	var schema any
	if err := json.Unmarshal([]byte(policies.InputSchema), &schema); err != nil {
		return nil, fmt.Errorf("read the schema of the input: %w", err)
	}
	schemas := ast.NewSchemaSet()
	schemas.Put(ast.SchemaRootRef, schema)
	return ast.NewCompiler().
		WithCapabilities(capabilities).
		WithSchemas(schemas).
		// A module's annotations could name a schema of its own.
		WithUseTypeCheckAnnotations(false).
		WithDefaultRegoVersion(ast.RegoV1).
		WithStrict(true), nil
}

// entryModule is the name under which the compiler knows the entry of an area. No file has
// such a name, because a path of an fs.FS does not begin with a slash.
func entryModule(area string) string { return "/" + entryRoot + "/" + area }

func entryPath(area string) ast.Ref {
	return ast.Ref{ast.DefaultRootDocument, ast.StringTerm("dbtether"), ast.StringTerm(entryRoot), ast.StringTerm(area)}
}

// collect copies the deny and warn rules of all policies into the entries of their
// areas. It runs after references have been resolved, so that a rule means the same
// in another package.
func collect(loaded []policy, compiler *ast.Compiler) *ast.Error {
	for _, p := range loaded {
		target := compiler.Modules[entryModule(p.area)]
		for _, rule := range compiler.Modules[p.file].Rules {
			if isVerdict(rule) {
				target.Rules = append(target.Rules, relabel(rule, p, target))
			}
		}
	}
	return nil
}

// relabel returns a copy of `deny contains finding if …` as a rule of target,
// `findings contains ["deny", policy, finding] if …`.
func relabel(rule *ast.Rule, p policy, target *ast.Module) *ast.Rule {
	verdict := string(rule.Head.Ref()[0].Value.(ast.Var))
	if p.mode != ModeDeny {
		verdict = string(p.mode)
	}
	labelled := rule.Copy()
	labelled.Module = target
	labelled.Annotations = nil
	labelled.Head.Name = ast.Var(findings)
	labelled.Head.Reference = ast.Ref{ast.VarTerm(findings)}
	labelled.Head.Key = ast.ArrayTerm(ast.StringTerm(verdict), ast.StringTerm(p.name), labelled.Head.Key).SetLocation(rule.Head.Key.Location)
	return labelled
}

// checkReferences returns an error if a policy refers to data that no policy
// defines: there is no other data, so that it would always be undefined.
func checkReferences(p policy, compiler *ast.Compiler) error {
	var err error
	ast.WalkRefs(compiler.Modules[p.file], func(ref ast.Ref) bool {
		if err == nil && ref.HasPrefix(ast.DefaultRootRef) && len(compiler.GetRules(ref.GroundPrefix())) == 0 {
			err = fmt.Errorf("%s: refers to %s, which no policy defines", p.file, ref.ConstantPrefix())
		}
		return err != nil
	})
	return err
}

// distinct returns errs, each once: a mistake in a rule is found in its copy, too.
func distinct(errs ast.Errors) ast.Errors {
	var kept ast.Errors
	for _, err := range errs {
		if !slices.ContainsFunc(kept, func(k *ast.Error) bool { return k.Error() == err.Error() }) {
			kept = append(kept, err)
		}
	}
	return kept
}
