package policy

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

// wantError fails unless decision is the one that could not be made, because of
// something in which part occurs.
func wantError(t *testing.T, decision Decision, policy, part string) {
	t.Helper()
	if decision.Allow || decision.Evaluated != 0 || len(decision.Warn) > 0 || len(decision.Deny) != 1 {
		t.Fatalf("got %+v, want one finding", decision)
	}
	finding := decision.Deny[0]
	if finding.Code != "POLICY-ERROR" || finding.Policy != policy || !strings.Contains(finding.Message, part) || finding.Fix == "" {
		t.Errorf("got %+v, want policy %q and a message with %q", finding, policy, part)
	}
	if !strings.Contains(decision.Err, part) {
		t.Errorf("error %q, want %q", decision.Err, part)
	}
}

const userPolicy = "dbtether.policies.workload.user"

func TestEvaluateFailsClosed(t *testing.T) {
	for _, c := range []struct {
		name, text string
		// policy is who is to blame, want is part of the error.
		policy, want string
	}{
		{"a builtin's error",
			`deny contains {"code": "A", "message": "m", "fix": "f"} if to_number(input.request.name) > 3`,
			userPolicy, `eval_builtin_error: to_number: strconv.ParseFloat: parsing "web-1": invalid syntax`},
		{"a builtin's error behind a not",
			"deny contains {\"code\": \"A\", \"message\": \"m\", \"fix\": \"f\"} if not fine\nfine if to_number(input.request.name) < 3",
			userPolicy, "eval_builtin_error"},
		{"a builtin's error in a warning",
			`warn contains {"code": "A", "message": input.request.name, "fix": "f"} if time.parse_rfc3339_ns(input.request.name) > 3`,
			userPolicy, "eval_builtin_error"},
		{"a complete rule with two values",
			"deny contains {\"code\": \"A\", \"message\": \"m\", \"fix\": \"f\"} if level == 3\nlevel := 1 if input.request.kind == \"Pod\"\nlevel := 2 if input.request.name == \"web-1\"",
			userPolicy, "eval_conflict_error: rule data.dbtether.policies.workload.user.level produced conflicting values: 1 at user.rego:4 2 at user.rego:5"},
		{"a function with two values",
			"deny contains {\"code\": \"A\", \"message\": \"m\", \"fix\": \"f\"} if level(input.request.name) == 3\nlevel(x) := 1 if x != \"\"\nlevel(x) := 2 if x != \"a\"",
			userPolicy, "eval_conflict_error: function data.dbtether.policies.workload.user.level produced conflicting values"},
		{"a finding that is a text", `deny contains input.namespace.labels.team`, userPolicy, "policy " + userPolicy + ": finding is a string: a finding is an object"},
		{"a finding that is a map of others", `deny contains input.namespace.labels`, userPolicy, "has a key"},
		{"a finding with an empty fix", `deny contains {"code": "A", "message": "m", "fix": trim(input.request.name, "web-1")}`, userPolicy, "finding lacks its code, its message or its fix"},
		{"a finding with a number as message", `warn contains object.union({"code": "A", "message": 1, "fix": "f"}, input.namespace.annotations)`, userPolicy, `finding has a number as "message"`},
		{"a finding with a key too much", `deny contains object.union({"code": "A", "message": "m", "fix": "f"}, input.namespace.labels)`, userPolicy, `finding has a key`},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := compiled(files(map[string]string{"user.rego": "package " + userPolicy + "\n\n" + c.text + "\n"}), patient)
			if err != nil {
				t.Fatal(err)
			}
			wantError(t, e.Evaluate(context.Background(), AreaWorkload, pod()), c.policy, c.want)
		})
	}
}

func TestEvaluateWithoutPolicies(t *testing.T) {
	e, err := compiled(user(`input.request.name == "x"`), patient)
	if err != nil {
		t.Fatal(err)
	}
	for _, area := range []string{AreaResources, "workloads", "", "entry"} {
		wantError(t, e.Evaluate(context.Background(), area, pod()), "", fmt.Sprintf("no policies in area %q", area))
	}
	if got := e.Evaluate(context.Background(), AreaWorkload, pod()); !got.Allow || got.Evaluated != 1 {
		t.Errorf("got %+v where there is a policy", got)
	}
}

func TestEvaluateRefusesInput(t *testing.T) {
	e := builtIn(t)
	ctx := context.Background()
	change := func(in *Input, change func(*Input)) *Input { change(in); return in }
	for _, c := range []struct {
		name, area string
		input      *Input
		want       string
	}{
		{"none", AreaWorkload, nil, "no input"},
		{"an empty one", AreaWorkload, &Input{}, "without the time"},
		{"no kind", AreaWorkload, &Input{Now: noon}, "without the kind"},
		{"no workload", AreaWorkload, change(pod(), func(in *Input) { in.Workload = nil }), "without a workload"},
		{"no service account", AreaWorkload, change(pod(), func(in *Input) { in.Workload.ServiceAccount = "" }), "without its service account"},
		{"no Secrets", AreaGuard, pod(), "without the Secrets"},
		{"Secrets of no workload", AreaGuard, change(pod(), func(in *Input) { in.Workload, in.Secrets = nil, []SecretUse{} }), "without a workload"},
		{"a million empty Secrets", AreaGuard, change(pod(), func(in *Input) { in.Secrets = make([]SecretUse, 2_000_000) }), "more than 1048576"},
		{"a million empty limits", AreaWorkload, pod(Binding{Namespace: "shop", Limits: make([]Limit, 2_000_000)}), "more than 1048576"},
		{"another namespace", AreaWorkload, change(pod(), func(in *Input) { in.Namespace.Name = "web" }), `request in namespace "shop" and the namespace "web"`},
		{"a binding in another namespace", AreaWorkload, pod(binding("a"), Binding{Namespace: "web"}), `binding in namespace "web" for a workload in "shop"`},
		{"10 MB of text", AreaWorkload, pod(Binding{Namespace: "shop", Message: strings.Repeat("x", 10<<20)}), "more than 1048576"},
		{"10 MB of a label", AreaWorkload, change(pod(), func(in *Input) { in.Namespace.Labels["a"] = strings.Repeat("x", 10<<20) }), "more than 1048576"},
		{"a million empty groups", AreaWorkload, change(pod(), func(in *Input) { in.Request.Groups = make([]string, 2_000_000) }), "more than 1048576"},
		{"a million empty bindings", AreaWorkload, pod(make([]Binding, 2_000_000)...), "more than 1048576"},
		{"no database", AreaResources, change(database(Cluster{}), func(in *Input) { in.Database = nil }), "without its database"},
		{"no cluster", AreaResources, change(database(Cluster{}), func(in *Input) { in.Cluster = nil }), "without its database, its cluster"},
		{"no role", AreaResources, change(databaseUser(), func(in *Input) { in.Role = nil }), "its cluster or its role"},
		{"no namespace", AreaResources, change(database(Cluster{Name: "main"}), func(in *Input) { in.Namespace.Name, in.Request.Namespace = "", "" }), "without its namespace"},
		{"another cluster", AreaResources, database(Cluster{Name: "other"}), `on cluster "main" and the cluster "other"`},
		{"a database elsewhere", AreaResources, change(database(Cluster{Name: "main"}), func(in *Input) { in.Database.Namespace = "shop" }), `database in namespace "shop" and the namespace "team-b"`},
		{"a role elsewhere", AreaResources, change(databaseUser(), func(in *Input) { in.Role.Namespace = "shop" }), `role in namespace "shop" and the namespace "team-b"`},
		{"a role for a database elsewhere", AreaResources, change(databaseUser(), func(in *Input) { in.Role.DatabaseNamespace = "team-b" }), `role for a database in namespace "team-b" and a database in "shop"`},
		{"a role without a path", AreaResources, change(databaseUser(), func(in *Input) { in.Role.Path = "" }), "without the path of its reference"},
		{"a role that names no namespace", AreaResources, change(databaseUser(), func(in *Input) { in.Role.DatabaseNamespace = "" }), `role for a database in namespace ""`},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantError(t, e.Evaluate(ctx, c.area, c.input), "", c.want)
		})
	}
}

// What every part of an input weighs is counted.
func TestInputSizeCountsEverything(t *testing.T) {
	full := fullInput()
	before := full.size()
	grown := 0
	eachText(full, func(text string, set func(string)) {
		set(text + "1234567")
		if after := full.size(); after != before+7 {
			t.Errorf("%q grew by 7 bytes, the input by %d", text, after-before)
		}
		set(text)
		grown++
	})
	if grown < 36 {
		t.Errorf("only %d texts were changed", grown)
	}
}

func TestEvaluateContainsPanics(t *testing.T) {
	e := builtIn(t)
	broken := e.entries[AreaWorkload]
	broken.body = ast.Body{nil}
	e.entries[AreaWorkload] = broken
	wantError(t, e.Evaluate(context.Background(), AreaWorkload, pod()), "", "panic: ")
	if total, _ := e.Abandoned(); total != 0 {
		t.Errorf("%d abandoned", total)
	}
	eventually(t, e)
}

func TestEvaluateWithoutAnAnswer(t *testing.T) {
	for query, want := range map[string]string{
		"answer = data.dbtether.policies.workload.nothing": "the policies have no answer",
		"answer = {\"deny\": []}":                          "the answer is a object, not a set",
		"answer = {1}":                                     "no labelled finding",
		"answer = {[1, 2]}":                                "no labelled finding",
	} {
		e := builtIn(t)
		broken := e.entries[AreaWorkload]
		broken.body, broken.lenient = ast.MustParseBody(query), false
		e.entries[AreaWorkload] = broken
		wantError(t, e.Evaluate(context.Background(), AreaWorkload, pod()), "", want)
	}
}

// As long as no policies can be loaded, the reason is what everybody is told.
func TestRefusing(t *testing.T) {
	e := Refusing(errors.New("configmap dbtether-system/team: it is\nbroken"))
	const cause = "policies cannot be loaded: configmap dbtether-system/team: it is broken"
	want := Decision{Deny: []Finding{{Code: CodeError, Message: cause, Fix: fixError}}, Err: cause}
	for _, area := range areas() {
		if got := e.Evaluate(context.Background(), area, database(Cluster{Name: "main"})); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", area, got, want)
		}
	}
	if got := e.Policies(); len(got) != 0 || e.Revision() != "" {
		t.Errorf("got %+v of revision %q", got, e.Revision())
	}
}
