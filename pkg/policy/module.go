package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/types"

	"github.com/dbtether/kubectl-dbtether/policies"
)

// policy is one file with its package.
type policy struct {
	// name is the package: "dbtether.policies.workload.binding".
	name, area string
	mode       Mode
	// onError is what becomes of a request when the policy fails: ModeDeny, or ModeWarn.
	onError Mode
	// source is where it is from, and file the compiler's name of its file.
	source, file string
	text         string
	module       *ast.Module
}

// The rules of a policy that are evaluated.
const (
	ruleDeny = "deny"
	ruleWarn = "warn"
)

// load parses every .rego file of the origins that is no test, and returns the policies,
// those of each origin sorted by file, with a revision that identifies their content
// and the schema's.
func load(origins []origin, capabilities *ast.Capabilities) (loaded []policy, revision string, err error) {
	digest := sha256.New()
	fmt.Fprintf(digest, "%d\n%s", len(policies.InputSchema), policies.InputSchema)
	byName := map[string]string{}
	for _, o := range origins {
		for _, file := range slices.Sorted(maps.Keys(o.Files)) {
			if !isRego(file) || isTest(file) {
				continue
			}
			path, text := o.path(file), o.Files[file]
			p, err := parse(o, path, text, capabilities)
			if err != nil {
				return nil, "", fmt.Errorf("load policies: %w", err)
			}
			if other, ok := byName[p.name]; ok {
				return nil, "", fmt.Errorf("load policies: %s: package %s is in %s too: a policy is one file", path, p.name, other)
			}
			byName[p.name] = path
			loaded = append(loaded, p)
			fmt.Fprintf(digest, "%d %s\n%d\n%s", len(path), path, len(text), text)
		}
	}
	if len(loaded) == 0 {
		return nil, "", errors.New("load policies: there are none, and nothing would be denied")
	}
	return loaded, hex.EncodeToString(digest.Sum(nil))[:12], nil
}

// parse returns the policy in a file. It is an error if the package is not one that
// its origin may define, or if it does not have the rules that a policy is made of.
func parse(o origin, file, text string, capabilities *ast.Capabilities) (policy, error) {
	module, err := parseModule(file, text, capabilities)
	if err != nil {
		return policy{}, err
	}
	p := policy{source: o.Name, file: file, text: text, module: module}
	p.name, p.area, err = packageName(module, o.users)
	if err == nil {
		err = checkRules(module)
	}
	if err == nil {
		p.mode, err = packageMode(module, "mode", modes())
	}
	if err == nil {
		p.onError, err = packageMode(module, "on_error", []Mode{ModeDeny, ModeWarn})
	}
	if err == nil {
		err = checkExamples(module)
	}
	if err != nil {
		return policy{}, fmt.Errorf("%s: %w", file, err)
	}
	return p, nil
}

func parseModule(file, text string, capabilities *ast.Capabilities) (*ast.Module, error) {
	return ast.ParseModuleWithOpts(file, text, ast.ParserOptions{
		Capabilities:      capabilities,
		ProcessAnnotation: true,
		RegoVersion:       ast.RegoV1,
	})
}

// packageName returns the package and the area of a policy. A built-in one is
// data.dbtether.policies.<area>.<name>; one of a user is
// data.dbtether.user.<namespace>.<name>, and its annotation names the area.
func packageName(module *ast.Module, users bool) (name, area string, err error) {
	parts, err := packageParts(module)
	if err != nil {
		return "", "", err
	}
	name = strings.Join(parts, ".")
	root, form := "policies", "a policy is in a package dbtether.policies.<area>.<name>"
	if users {
		root, form = "user", "a policy of yours is in a package dbtether.user.<namespace>.<name>"
	}
	if len(parts) != 4 || parts[0] != "dbtether" || parts[1] != root || strings.Contains(parts[2]+parts[3], ".") {
		return "", "", fmt.Errorf("package %s: %s", name, form)
	}
	if area = parts[2]; users {
		if area, err = annotatedArea(module); err != nil {
			return "", "", err
		}
	}
	if !slices.Contains(areas(), area) {
		return "", "", fmt.Errorf("package %s: no area %q (there are: %s)", name, area, strings.Join(areas(), ", "))
	}
	return name, area, nil
}

// packageParts returns the names that a package is made of: dbtether, policies, …
func packageParts(module *ast.Module) ([]string, error) {
	var parts []string
	for _, term := range module.Package.Path[1:] {
		part, ok := term.Value.(ast.String)
		if !ok {
			return nil, fmt.Errorf("package %s: is not made of names", module.Package.Path)
		}
		parts = append(parts, string(part))
	}
	return parts, nil
}

// checkRules returns an error if a module has neither deny nor warn, or has one that is no
// partial set: only the elements of sets are read, so it would never deny.
func checkRules(module *ast.Module) error {
	found := false
	for _, rule := range module.Rules {
		if !isVerdict(rule) {
			continue
		}
		found = true
		if rule.Head.RuleKind() != ast.MultiValue || len(rule.Head.Ref()) != 1 {
			return fmt.Errorf("line %d: write it as `%s contains {…} if {…}`: only sets of findings are looked at", rule.Location.Row, rule.Head.Ref()[0])
		}
	}
	if !found {
		return errors.New("has neither a rule deny nor a rule warn, and would never say anything")
	}
	return nil
}

// isVerdict reports whether a rule defines deny or warn, or something below them.
func isVerdict(rule *ast.Rule) bool {
	name, ok := rule.Head.Ref()[0].Value.(ast.Var)
	return ok && (name == ruleDeny || name == ruleWarn)
}

// checkFindings returns an error if deny or warn of a compiled policy is known to hold
// something other than findings. Where that depends on the input, it is seen in the
// evaluation.
func checkFindings(p policy, compiler *ast.Compiler) error {
	for _, name := range []string{ruleDeny, ruleWarn} {
		ref := p.module.Package.Path.Append(ast.StringTerm(name))
		set, ok := compiler.TypeEnv.GetByRef(ref).(*types.Set)
		if !ok {
			continue
		}
		elements := types.Any{set.Of()}
		if several, ok := set.Of().(types.Any); ok {
			elements = several
		}
		for _, element := range elements {
			if any, ok := element.(types.Any); ok && len(any) == 0 {
				continue
			}
			if err := checkFindingType(element); err != nil {
				return fmt.Errorf("%s: %s: %w", p.file, name, err)
			}
		}
	}
	return nil
}

func checkFindingType(element types.Type) error {
	object, ok := element.(*types.Object)
	if !ok {
		return fmt.Errorf("holds a %s: a finding is an object with %s", element, shape)
	}
	if object.DynamicProperties() != nil {
		return nil
	}
	for _, key := range object.Keys() {
		if name, ok := key.(string); !ok || !slices.Contains(findingKeys(), name) {
			return fmt.Errorf("holds an object with %v: a finding is an object with %s", key, shape)
		}
	}
	for _, key := range requiredKeys() {
		value := object.Select(key)
		if value == nil || !types.Contains(value, types.S) {
			return fmt.Errorf("holds an object without a string %s: a finding is an object with %s", key, shape)
		}
	}
	return nil
}
