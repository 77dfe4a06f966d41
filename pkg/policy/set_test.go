package policy

import (
	"bytes"
	"context"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
)

// naming is a policy as a team writes it, with its test.
func naming() map[string]string {
	return map[string]string{
		"naming.rego": `# METADATA
# title: Names of databases
# custom:
#   area: resources
package dbtether.user.shop.naming

# METADATA
# title: A database is called after its namespace
# custom:
#   code: NAME-PREFIX
#   fix: put the namespace before it
deny contains {
	"code": "NAME-PREFIX",
	"message": sprintf("database %q does not begin with %q", [input.request.name, input.namespace.name]),
	"fix": sprintf("call it %s-%s", [input.namespace.name, input.request.name]),
	"path": "metadata.name",
} if {
	input.request.kind == "Database"
	not startswith(input.request.name, input.namespace.name)
}
`,
		"naming_test.rego": `package dbtether.user.shop.naming_test

import data.dbtether.user.shop.naming

test_denied if count(naming.deny) == 1 with input as {"request": {"kind": "Database", "name": "x"}, "namespace": {"name": "shop"}}

test_allowed if count(naming.deny) == 0 with input as {"request": {"kind": "Database", "name": "shop-x"}, "namespace": {"name": "shop"}}
`,
	}
}

// source returns the set of one source with naming, changed.
func source(changes map[string]string) Set {
	files := naming()
	maps.Copy(files, changes)
	return Set{Sources: []Source{{Name: "configmap dbtether-system/team", Files: files}}}
}

// loaded returns the engine of the built-in policies and a set.
func loaded(t testing.TB, set Set) *Engine {
	t.Helper()
	e, err := Load(context.Background(), set, patient)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const namingPolicy = "dbtether.user.shop.naming"

var misnamed = Finding{namingPolicy, "NAME-PREFIX", `database "orders" does not begin with "team-b"`, "call it team-b-orders", "metadata.name"}

func TestLoad(t *testing.T) {
	e := loaded(t, source(nil))
	got := e.Evaluate(context.Background(), AreaResources, database(Cluster{Name: "main", Exists: true}))
	want := Decision{Deny: []Finding{misnamed}, Evaluated: 5, Revision: e.Revision()}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	rows := e.Policies()
	row := rows[len(rows)-1]
	if row.Source != "configmap dbtether-system/team" || row.Code != "NAME-PREFIX" || row.Line != 12 || !strings.HasPrefix(row.Text, "deny contains {") {
		t.Errorf("got %+v", row)
	}
	if e.Revision() == builtIn(t).Revision() {
		t.Error("the revision is that of the built-in policies")
	}
}

func TestLoadRefuses(t *testing.T) {
	const test = "package dbtether.user.shop.naming_test\n\n"
	for _, c := range []struct {
		name    string
		changes map[string]string
		want    string
	}{
		{"a built-in package", map[string]string{"a.rego": "package dbtether.policies.workload.binding\n\ndeny contains 1\n"}, "package dbtether.policies.workload.binding: a policy of yours is in a package dbtether.user.<namespace>.<name>"},
		{"a new built-in package", map[string]string{"a.rego": "package dbtether.policies.workload.more\n\ndeny contains 1\n"}, "a policy of yours is in a package dbtether.user"},
		{"a package below a built-in one", map[string]string{"a.rego": "package dbtether.policies.resources.cross_namespace.admitted\n\nx := true\n"}, "a policy of yours is in a package dbtether.user"},
		{"our own entry", map[string]string{"a.rego": "package dbtether.entry.workload\n\ndeny contains 1\n"}, "a policy of yours is in a package dbtether.user"},
		{"no area", map[string]string{"a.rego": "package dbtether.user.shop.a\n\ndeny contains 1\n"}, "its METADATA does not say what it judges: custom.area is one of resources, workload"},
		{"an unknown area", map[string]string{"a.rego": "# METADATA\n# custom:\n#   area: pods\npackage dbtether.user.shop.a\n\ndeny contains 1\n"}, `no area "pods"`},
		{"a mistyped input", map[string]string{"naming.rego": strings.Replace(naming()["naming.rego"], "input.request.kind", "input.request.knd", 1)}, "undefined ref: input.request.knd"},
		{"the network", map[string]string{"naming.rego": strings.Replace(naming()["naming.rego"], "input.request.kind ==", `http.send({"url": "x"}).body ==`, 1)}, "undefined function http.send"},
		{"no test", map[string]string{"naming_test.rego": ""}, "naming_test.rego"},
		{"a test that is no rule test_", map[string]string{"naming_test.rego": test + "denied if true\n"}, "configmap dbtether-system/team: policy dbtether.user.shop.naming has no test"},
		{"a test that fails", map[string]string{"naming_test.rego": test + "test_it if count(data.dbtether.user.shop.naming.deny) == 7\n"}, "configmap dbtether-system/team: test dbtether.user.shop.naming_test.test_it (configmap dbtether-system/team/naming_test.rego:3) fails"},
		{"a test that is to be skipped", map[string]string{"naming_test.rego": test + "todo_test_it if false\n"}, "fails: it is skipped"},
		{"a test with an error", map[string]string{"naming_test.rego": test + "test_it if to_number(\"x\") == 1\n"}, "fails: "},
		{"a test in the package of the policy", map[string]string{"naming_test.rego": "package dbtether.user.shop.naming\n\ntest_it if true\n"}, "the tests of a policy are in the package dbtether.user.<namespace>.<name>_test"},
		{"a test in a built-in package", map[string]string{"naming_test.rego": "package dbtether.policies.workload.binding_test\n\ntest_it if true\n"}, "the tests of a policy are in the package dbtether.user"},
		{"a test that calls the network", map[string]string{"naming_test.rego": test + "test_it if http.send({\"url\": \"x\"})\n"}, "undefined function http.send"},
		{"a test that never ends", map[string]string{"naming_test.rego": test + endlessTest}, "fails: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(context.Background(), source(c.changes), patient)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	twice := source(nil)
	twice.Sources = append(twice.Sources, Source{Name: "configmap dbtether-system/other", Files: naming()})
	if _, err := Load(context.Background(), twice, patient); err == nil || !strings.Contains(err.Error(), "package dbtether.user.shop.naming is in configmap dbtether-system/other/naming.rego too") {
		t.Errorf("got %v", err)
	}
}

// endlessTest is a test of more steps than fit into any time.
const endlessTest = `d := ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]

test_it if {
	some a in d
	some b in d
	some c in d
	some e in d
	some f in d
	some g in d
	some h in d
	some i in d
	some j in d
	concat("", [a, b, c, e, f, g, h, i, j]) == "x"
}
`

func TestModes(t *testing.T) {
	in := database(Cluster{Name: "main", Exists: true, AllowedNamespaces: []string{"shop"}})
	notAllowed := Finding{"dbtether.policies.resources.cluster_allowed", "CLUSTER-NOT-ALLOWED", `namespace "team-b" may not use cluster "main" (allowed: shop)`, "ask its owner, or add the namespace to spec.allowedNamespaces", "spec.clusterRef.name"}
	for mode, want := range map[Mode]Decision{
		ModeDeny:   {Deny: []Finding{notAllowed, misnamed}},
		ModeWarn:   {Deny: []Finding{notAllowed}, Warn: []Finding{misnamed}},
		ModeDryRun: {Deny: []Finding{notAllowed}, DryRun: []Finding{misnamed}},
	} {
		set := source(nil)
		set.Modes = map[string]Mode{namingPolicy: mode}
		e := loaded(t, set)
		want.Evaluated, want.Revision = 5, e.Revision()
		if got := e.Evaluate(context.Background(), AreaResources, in); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", mode, got, want)
		}
	}
	set := Set{Modes: map[string]Mode{"dbtether.policies.resources.cluster_allowed": ModeWarn, "dbtether.user.shop.gone": ModeWarn, "CLUSTER-UNKNOWN": ModeDryRun, "SERVICE-ACCOUNT-NOT-ALLOWED": ModeWarn}}
	e := loaded(t, set)
	if got := e.Evaluate(context.Background(), AreaResources, in); !got.Allow || len(got.Warn) != 1 {
		t.Errorf("a built-in policy that only warns: got %+v", got)
	}
	if got, want := e.Problems(), []string{
		"mode of policy CLUSTER-UNKNOWN: that is the code of a rule, and a mode is that of a whole policy: write dbtether.policies.resources.cluster_allowed",
		"mode of policy SERVICE-ACCOUNT-NOT-ALLOWED: that is the code of a rule, and a mode is that of a whole policy: write dbtether.policies.guard.secret_use or dbtether.policies.workload.service_account",
		"mode of policy dbtether.user.shop.gone: there is no such policy",
	}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if e.Revision() == builtIn(t).Revision() {
		t.Error("the revision says nothing of the modes")
	}
}

func TestExceptions(t *testing.T) {
	in := database(Cluster{Name: "main", Exists: true})
	until := func(d time.Duration, change func(*Exception)) Exception {
		x := Exception{Name: "configmap dbtether-system/legacy", Policy: namingPolicy, Namespace: "team-b", Reason: "older than the rule", Expires: noon.Add(d)}
		if change != nil {
			change(&x)
		}
		return x
	}
	for name, c := range map[string]struct {
		exception Exception
		excepted  bool
	}{
		"of the policy":               {until(time.Nanosecond, nil), true},
		"at the moment that it names": {until(0, nil), false},
		"expired":                     {until(-time.Hour, nil), false},
		"of the code":                 {until(time.Hour, func(x *Exception) { x.Policy = "NAME-PREFIX" }), true},
		"of the object":               {until(time.Hour, func(x *Exception) { x.Namespace, x.Kind, x.Object = "", "Database", "orders" }), true},
		"of another policy":           {until(time.Hour, func(x *Exception) { x.Policy = "dbtether.policies.resources.cluster_allowed" }), false},
		"of another namespace":        {until(time.Hour, func(x *Exception) { x.Namespace = "team" }), false},
		"of another kind":             {until(time.Hour, func(x *Exception) { x.Kind = "DatabaseUser" }), false},
		"of another object":           {until(time.Hour, func(x *Exception) { x.Object = "order" }), false},
	} {
		set := source(nil)
		set.Exceptions = []Exception{c.exception}
		e := loaded(t, set)
		want := Decision{Deny: []Finding{misnamed}, Evaluated: 5, Revision: e.Revision()}
		if c.excepted {
			want.Allow, want.Deny = true, nil
			want.Excepted = []Excepted{{misnamed, c.exception.Name, c.exception.Reason, c.exception.Expires}}
		}
		if got := e.Evaluate(context.Background(), AreaResources, in); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, want)
		}
	}
	set := Set{Exceptions: []Exception{until(time.Hour, func(x *Exception) { x.Policy = "NAME-PREFX" })}}
	if got := loaded(t, set).Problems(); len(got) != 1 || !strings.Contains(got[0], "configmap dbtether-system/legacy: exception from policy NAME-PREFX: there is no such policy") {
		t.Errorf("got %q", got)
	}
	// That a policy fails is no denial that could be excepted.
	set = Set{Exceptions: []Exception{until(time.Hour, func(x *Exception) { x.Policy = CodeError })}}
	e := loaded(t, set)
	broken := database(Cluster{Name: "main", Exists: true})
	broken.Cluster = nil
	if got := e.Evaluate(context.Background(), AreaResources, broken); got.Allow {
		t.Errorf("got %+v", got)
	}
}

// A policy that fails denies, unless it says that it only warns then; the others decide
// all the same.
func TestOnError(t *testing.T) {
	failing := func(onError string) Set {
		set := source(map[string]string{"failing.rego": `# METADATA
# custom:
#   area: resources
#   on_error: ` + onError + `
package dbtether.user.shop.failing

deny contains {"code": "A", "message": "m", "fix": "f"} if to_number(input.request.name) == 1
`})
		return set
	}
	in := database(Cluster{Name: "main", Exists: true})
	e := loaded(t, failing("deny"))
	wantError(t, e.Evaluate(context.Background(), AreaResources, in), "dbtether.user.shop.failing", "to_number")

	e = loaded(t, failing("warn"))
	got := e.Evaluate(context.Background(), AreaResources, in)
	if got.Allow || got.Err != "" || !reflect.DeepEqual(got.Deny, []Finding{misnamed}) || got.Evaluated != 6 {
		t.Errorf("got %+v", got)
	}
	if len(got.Warn) != 1 || got.Warn[0].Code != CodeError || got.Warn[0].Policy != "dbtether.user.shop.failing" || !strings.Contains(got.Warn[0].Message, "to_number") {
		t.Errorf("got warnings %+v", got.Warn)
	}
	// Another policy's error stays one.
	set := failing("warn")
	set.Sources[0].Files["worse.rego"] = strings.NewReplacer("on_error: warn", "on_error: deny", "shop.failing", "shop.worse").Replace(set.Sources[0].Files["failing.rego"])
	wantError(t, loaded(t, set).Evaluate(context.Background(), AreaResources, in), "dbtether.user.shop.worse", "to_number")
}

func TestExplain(t *testing.T) {
	e := loaded(t, source(nil))
	for _, c := range []struct {
		name  string
		input *Input
		want  Trace
	}{
		{"that finds something", database(Cluster{Name: "main", Exists: true}), Trace{Found: true}},
		{"of another kind", databaseUser(), Trace{Condition: `input.request.kind == "Database"`, ConditionLine: 18}},
		{"that is kept", func() *Input {
			in := database(Cluster{Name: "main", Exists: true})
			in.Request.Name = "team-b-x"
			return in
		}(),
			Trace{Condition: "not startswith(input.request.name, input.namespace.name)", ConditionLine: 19}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var steps bytes.Buffer
			traces, err := e.Explain(context.Background(), AreaResources, c.input, &steps)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Policy, c.want.Rule, c.want.Code, c.want.File, c.want.Line = namingPolicy, "deny", "NAME-PREFIX", "configmap dbtether-system/team/naming.rego", 12
			if got := traces[len(traces)-1]; got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if !strings.Contains(steps.String(), "naming.rego:12") {
				t.Errorf("the steps are\n%s", &steps)
			}
		})
	}
	if _, err := e.Explain(context.Background(), "pods", pod(), nil); err == nil {
		t.Error("an unknown area is explained")
	}
}

func TestReadSet(t *testing.T) {
	document := func(name, label string, data map[string]string) Document {
		d := Document{Data: data}
		d.Namespace, d.Name, d.Labels = "dbtether-system", name, map[string]string{LabelPolicy: label}
		return d
	}
	exception := func(change map[string]string) map[string]string {
		data := map[string]string{"policy": "CLUSTER-NOT-ALLOWED", "namespace": "shop", "reason": "it moves\n", "expires": "2026-04-01"}
		maps.Copy(data, change)
		maps.DeleteFunc(data, func(_, value string) bool { return value == "" })
		return data
	}
	got := ReadSet([]Document{
		document("team", "true", naming()),
		document("a-exception", "exception", exception(nil)),
		document("modes", "modes", map[string]string{"a": "warn", "b": "off"}),
		document("modes-too", "modes", map[string]string{"a": " deny\n", "c": "dryrun"}),
	}, noon)
	want := Set{
		Sources: []Source{{"configmap dbtether-system/team", naming()}},
		Modes:   map[string]Mode{"a": ModeDeny, "c": ModeDryRun},
		Exceptions: []Exception{{Name: "configmap dbtether-system/a-exception", Policy: "CLUSTER-NOT-ALLOWED", Namespace: "shop", Reason: "it moves",
			Expires: time.Date(2026, 4, 2, 0, 0, 0, 0, time.UTC)}},
		Problems: []string{`configmap dbtether-system/modes: mode of policy b is "off", not deny, warn or dryrun`},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for want, d := range map[string]Document{
		"its policy is not set":                     document("x", "exception", exception(map[string]string{"policy": ""})),
		"it is about everything":                    document("x", "exception", exception(map[string]string{"namespace": "", "kind": "Pod"})),
		"its reason is not set":                     document("x", "exception", exception(map[string]string{"reason": " \n"})),
		"its expires is not set":                    document("x", "exception", exception(map[string]string{"expires": ""})),
		`expires is "never"`:                        document("x", "exception", exception(map[string]string{"expires": "never"})),
		"it lasts longer than a year":               document("x", "exception", exception(map[string]string{"expires": "2027-03-03"})),
		"it has the key namespaces":                 document("x", "exception", exception(map[string]string{"namespaces": "a"})),
		"the label dbtether.io/policy=yes":          document("x", "yes", naming()),
		"configmap dbtether-system/x has no policy": document("x", "true", map[string]string{"a_test.rego": ""}),
	} {
		set := ReadSet([]Document{d}, noon)
		if len(set.Exceptions) != 0 || len(set.Problems) != 1 || !strings.Contains(set.Problems[0], want) {
			t.Errorf("got %+v, want %s", set, want)
		}
	}
}
