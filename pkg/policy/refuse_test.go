package policy

import (
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/dbtether/kubectl-dbtether/policies"
)

func TestBuildRefuses(t *testing.T) {
	const (
		header  = "package dbtether.policies.workload.user\n\n"
		finding = `{"code": "USER", "message": "no", "fix": "do not"}`
		rule    = "deny contains " + finding + "\n"
	)
	one := func(text string) fs.FS { return files(map[string]string{"user.rego": text}) }
	for _, c := range []struct {
		name    string
		modules fs.FS
		// want is part of the error.
		want string
	}{
		{"no file", files(nil), "load policies: there are none"},
		{"only tests", files(map[string]string{"user_test.rego": header + rule}), "load policies: there are none"},
		{"an empty file", one(""), "user.rego"},
		{"only comments", one("# " + header), "user.rego"},
		{"no Rego", one("deny everything"), "user.rego:1: rego_parse_error"},
		{"Rego v0", one(header + "deny[x] { x := 1 }\n"), "rego_parse_error"},

		{"another package", one("package main\n\n" + rule), "package main: a policy is in a package dbtether.policies.<area>.<name>"},
		{"a package of users", one("package dbtether.user.shop.user\n\n" + rule), "a policy is in a package dbtether.policies.<area>.<name>"},
		{"a package below a policy", one("package dbtether.policies.workload.user.more\n\n" + rule), "a policy is in a package dbtether.policies.<area>.<name>"},
		{"a package without a name", one("package dbtether.policies.workload\n\n" + rule), "a policy is in a package dbtether.policies.<area>.<name>"},
		{"a package that looks like one", one("package dbtether.policies.workload[\"user.more\"]\n\n" + rule), "a policy is in a package dbtether.policies.<area>.<name>"},
		{"our own entry", one("package dbtether.entry.workload\n\n" + rule), "a policy is in a package dbtether.policies.<area>.<name>"},
		{"an unknown area", one("package dbtether.policies.workloads.user\n\n" + rule), `no area "workloads" (there are: resources, workload, guard)`},
		{"a package in two files", files(map[string]string{"a.rego": header + rule, "b.rego": header + rule}), "b.rego: package dbtether.policies.workload.user is in a.rego too"},
		{"a file in the package of a built-in", both{policies.FS, one("package dbtether.policies.workload.binding\n\nusable := true\n" + rule)}, "is in user.rego too"},

		{"a policy that says nothing", one(header + "denny contains " + finding + "\n"), "has neither a rule deny nor a rule warn"},
		{"a boolean deny", one(header + "deny if input.request.name == \"x\"\n"), "user.rego: line 3: write it as `deny contains"},
		{"a deny with a value", one(header + "deny := [" + finding + "]\n"), "line 3: write it as `deny contains"},
		{"a default deny", one(header + "default deny := false\n"), "line 3: write it as `deny contains"},
		{"a deny that is an object", one(header + "deny[x] := " + finding + " if some x in input.request.groups\n"), "line 3: write it as `deny contains"},
		{"a deny that is a function", one(header + "deny(x) := x\n"), "line 3: write it as `deny contains"},
		{"a set below deny", one(header + "deny.more contains " + finding + "\n"), "line 3: write it as `deny contains"},
		{"a boolean warn beside a deny", one(header + rule + "warn if true\n"), "line 4: write it as `warn contains"},
		{"a set of texts", one(header + "deny contains \"no\"\n"), "user.rego: deny: holds a string: a finding is an object"},
		{"a set of findings and numbers", one(header + rule + "deny contains 1\n"), "deny: holds a number"},
		{"a finding without a fix", one(header + "warn contains {\"code\": \"A\", \"message\": \"m\"}\n"), "warn: holds an object without a string fix"},
		{"a finding with a code that is a number", one(header + "deny contains {\"code\": 1, \"message\": \"m\", \"fix\": \"f\"}\n"), "deny: holds an object without a string code"},
		{"a finding with a mistyped key", one(header + "deny contains {\"code\": \"A\", \"mesage\": \"m\", \"fix\": \"f\"}\n"), "deny: holds an object with mesage"},

		{"a mistyped input", user(`input.reqest.name == "x"`), "undefined ref: input.reqest.name"},
		{"a mistyped input further down", user(`input.workload.serviceAcount == "x"`), "undefined ref: input.workload.serviceAcount"},
		{"a mistyped input of a list", user(`some b in input.binding; b.usr == "x"`), "undefined ref"},
		{"a type of input that never matches", user(`input.workload.injectionEnabled == "true"`), "match error"},
		{"a schema of its own", one("# METADATA\n# scope: package\n# schemas:\n#   - input: {type: object}\n" + header + strings.TrimSpace(rule) + " if odd\n\nodd if input.reqest\n"), "undefined ref: input.reqest"},
		{"data that is not there", user("data.exceptions[input.request.name]"), "refers to data.exceptions, which no policy defines"},
		{"a mistyped rule of another policy", user("data.dbtether.policies.workload.usr.deny"), "which no policy defines"},
		{"itself", user("data.dbtether.entry.workload.findings"), "recursive"},
		{"an unused variable", user("x := input.request.name"), "assigned var x unused"},
		{"an unused import", one("package dbtether.policies.workload.user\n\nimport data.dbtether.policies.workload.user as other\n\n" + rule), "unused"},
		{"input hidden by a variable", user("input := {}; input.x"), "variables must not shadow input"},

		{"the network", user(`http.send({"method": "get", "url": "x"}).status_code == 200`), "undefined function http.send"},
		{"name resolution", user(`net.lookup_ip_addr("x")`), "undefined function net.lookup_ip_addr"},
		{"the clock", user("time.now_ns() > 0"), "undefined function time.now_ns"},
		{"randomness", user(`rand.intn("x", 2) == 1`), "undefined function rand.intn"},
		{"random identifiers", user(`uuid.rfc4122("x") != ""`), "undefined function uuid.rfc4122"},
		{"the environment", user("opa.runtime().env.HOME"), "undefined function opa.runtime"},
		{"a function that outruns the deadline", user("bits.lsh(1, 8000000) > 0"), "undefined function bits.lsh"},

		{"a mode that is not known", one("# METADATA\n# custom:\n#   mode: audit\n" + header + rule), "line 1: custom.mode is audit, not deny, warn or dryrun"},
		{"an on_error that is not known", one("# METADATA\n# custom:\n#   on_error: dryrun\n" + header + rule), "line 1: custom.on_error is dryrun, not deny or warn"},
		{"a mode of one rule", one(header + "# METADATA\n# custom:\n#   mode: warn\n" + rule), "line 3: custom.mode belongs to the package"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := compiled(c.modules, Options{})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

// Without the mistake that it is refused for, the same policy is accepted.
func TestBuildAcceptsWhatIsSpelledRight(t *testing.T) {
	for _, condition := range []string{
		`input.request.name == "x"`,
		`input.workload.serviceAccount == "x"`,
		`some b in input.binding; b.user == "x"`,
		`input.workload.injectionEnabled == true`,
		`input.cluster.allowedNamespaces[_] == "x"`,
		`input.namespace.labels["a.b/c"] == "x"`,
		`time.parse_rfc3339_ns(input.now) > time.parse_rfc3339_ns("2026-01-01T00:00:00Z")`,
	} {
		if _, err := compiled(user(condition), Options{}); err != nil {
			t.Errorf("%s: %v", condition, err)
		}
	}
}

func TestAMistakeIsReportedOnce(t *testing.T) {
	_, err := compiled(user(`input.reqest.name == "x"`), Options{})
	if err == nil || strings.Count(err.Error(), "rego_type_error") != 1 {
		t.Errorf("got %v", err)
	}
}

func TestRestrict(t *testing.T) {
	for name, want := range map[string]string{
		"no.such_builtin": `allow builtin "no.such_builtin": OPA does not have it`,
		"http.send":       `allow builtin "http.send": its result depends on more than its arguments`,
		"time.now_ns":     `allow builtin "time.now_ns": its result depends on more than its arguments`,
	} {
		if _, err := build(context.Background(), policies.FS, Set{}, Options{}, append(allowedBuiltins(), name)); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	capabilities, err := restrict(allowedBuiltins())
	if err != nil {
		t.Fatal(err)
	}
	if capabilities.AllowNet == nil || len(capabilities.AllowNet) > 0 {
		t.Errorf("hosts %v may be asked for schemas", capabilities.AllowNet)
	}
	if len(capabilities.Builtins) != len(allowedBuiltins()) {
		t.Errorf("%d builtins for %d names", len(capabilities.Builtins), len(allowedBuiltins()))
	}
	for _, builtin := range ast.CapabilitiesForThisVersion().Builtins {
		for _, category := range []string{"http", "net", "rand", "crypto", "tokens", "providers.aws", "graph", "bits", "opa", "tracing"} {
			if slices.Contains(allowedBuiltins(), builtin.Name) && slices.Contains(builtin.Categories, category) {
				t.Errorf("%s of category %s is allowed", builtin.Name, category)
			}
		}
	}
}

// both is two file systems as one: the second holds user.rego only.
type both struct{ first, second fs.FS }

func (b both) Open(name string) (fs.File, error) {
	if file, err := b.first.Open(name); err == nil && name != "." {
		return file, nil
	}
	return b.second.Open(name)
}

func (b both) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := fs.ReadDir(b.first, name)
	if name != "." || err != nil {
		return entries, err
	}
	more, err := fs.ReadDir(b.second, name)
	return append(more, entries...), err
}
