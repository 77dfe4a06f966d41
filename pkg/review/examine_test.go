package review_test

import (
	"bytes"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/manifests"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// noReaders is a policy of a team that denies users who may only read.
const noReaders = `# METADATA
# custom:
#   area: resources
package dbtether.user.shop.readers

# METADATA
# custom:
#   code: NO-READERS
deny contains {"code": "NO-READERS", "message": "user may only read", "fix": "ask for more", "path": input.role.path} if {
	input.request.kind == "DatabaseUser"
	input.role.privileges == "readonly"
}
`

const noReadersTest = `package dbtether.user.shop.readers_test

test_denied if count(data.dbtether.user.shop.readers.deny) == 1 with input as {"request": {"kind": "DatabaseUser"}, "role": {"privileges": "readonly", "path": "spec.databaseRef"}}
`

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newExaminer(t *testing.T, change func(*policy.Set)) review.Examiner {
	t.Helper()
	set := policy.Set{Sources: []policy.Source{{Name: "readers", Files: map[string]string{"readers.rego": noReaders, "readers_test.rego": noReadersTest}}}}
	if change != nil {
		change(&set)
	}
	engine, err := policy.Load(t.Context(), set, policy.Options{Timeout: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return review.Examiner{Policies: engine, Now: func() time.Time { return noon }}
}

func examine(t *testing.T, x review.Examiner, manifest string, facts review.Facts) review.Examination {
	t.Helper()
	r, err := review.Manifest{Object: []byte(manifest), Namespace: "team-b", User: runner}.Request()
	if err != nil {
		t.Fatal(err)
	}
	e, err := x.Examine(t.Context(), r, facts)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const reader = `{"apiVersion":"dbtether.io/v1alpha1","kind":"DatabaseUser","metadata":{"name":"report"},"spec":{"databaseRefs":[{"name":"own","privileges":"admin"},{"name":"orders","namespace":"shop","privileges":"readonly"}]}}`

// The findings of every mode, and those that an exception suspends.
func TestExamineResources(t *testing.T) {
	const name = "dbtether.user.shop.readers"
	finding := policy.Finding{Policy: name, Code: "NO-READERS", Message: "user may only read", Fix: "ask for more", Path: "spec.databaseRefs[1]"}
	exception := policy.Exception{Name: "legacy", Policy: "NO-READERS", Namespace: "team-b", Reason: "it moves", Expires: noon.Add(time.Hour)}
	for _, c := range []struct {
		name   string
		change func(*policy.Set)
		want   review.Examination
	}{
		{"deny", nil, review.Examination{Outcome: review.Outcome{Code: 403, Message: "NO-READERS: user may only read. Ask for more.", Findings: []policy.Finding{finding}, Decision: policy.Decision{Deny: []policy.Finding{finding}}}}},
		{"warn", func(s *policy.Set) { s.Modes = map[string]policy.Mode{name: policy.ModeWarn} },
			review.Examination{Outcome: review.Outcome{Allowed: true, Code: 200, Warnings: []string{"NO-READERS: user may only read. Ask for more."}, Decision: policy.Decision{Allow: true, Warn: []policy.Finding{finding}}}}},
		{"dryrun", func(s *policy.Set) { s.Modes = map[string]policy.Mode{name: policy.ModeDryRun} },
			review.Examination{Outcome: review.Outcome{Allowed: true, Code: 200, Decision: policy.Decision{Allow: true, DryRun: []policy.Finding{finding}}}}},
		{"excepted", func(s *policy.Set) { s.Exceptions = []policy.Exception{exception} },
			review.Examination{Outcome: review.Outcome{Allowed: true, Code: 200, Warnings: []string{"NO-READERS: user may only read. Allowed until 2026-03-01T13:00:00Z by legacy: it moves."},
				Decision: policy.Decision{Allow: true, Excepted: []policy.Excepted{{Finding: finding, Exception: "legacy", Reason: "it moves", Expires: exception.Expires}}}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := examine(t, newExaminer(t, c.change), reader, shared())
			if len(got.Object) == 0 || !got.Judged() {
				t.Errorf("got %+v", got)
			}
			if got.Decision.Evaluated == 0 || got.Decision.Revision == "" {
				t.Errorf("got %+v", got.Decision)
			}
			c.want.Areas = []string{policy.AreaResources}
			got.Object, got.Decision.Evaluated, got.Decision.Revision = nil, 0, ""
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

func TestExamineTraces(t *testing.T) {
	x := newExaminer(t, nil)
	var steps bytes.Buffer
	x.Traces, x.Steps = true, &steps
	var of []review.Trace
	for _, trace := range examine(t, x, reader, shared()).Traces {
		if trace.Code == "NO-READERS" {
			of = append(of, trace)
		}
	}
	at := policy.Trace{Policy: "dbtether.user.shop.readers", Rule: "deny", Code: "NO-READERS", File: "readers/readers.rego", Line: 9}
	kept, found := at, at
	kept.Condition, kept.ConditionLine = `input.role.privileges == "readonly"`, 11
	found.Found = true
	if want := []review.Trace{{About: "spec.databaseRefs[0]", Trace: kept}, {About: "spec.databaseRefs[1]", Trace: found}}; !reflect.DeepEqual(of, want) {
		t.Errorf("got  %+v\nwant %+v", of, want)
	}
	if !strings.Contains(steps.String(), "readers.rego:11") {
		t.Errorf("the steps are\n%s", &steps)
	}
}

func TestExaminePods(t *testing.T) {
	facts := shared()
	facts.SetNamespace(&metav1.ObjectMeta{Name: "team-b", Labels: map[string]string{"dbtether.io/injection": "enabled"}})
	ready := newUser("team-b", v1alpha1.DatabaseAccess{Name: "own"})
	ready.Name, ready.Status.SecretRevision = "api", 3
	ready.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionCredentialsReady, Status: metav1.ConditionTrue}}
	facts.SetUser(ready)
	facts.SetUser(newUser("team-b", v1alpha1.DatabaseAccess{Name: "own"}))
	pod := func(namespace, annotations string) string {
		return `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"` + namespace + `","annotations":{` + annotations + `}},"spec":{"newer":1,"containers":[{"name":"app"}]}}`
	}
	for _, c := range []struct {
		name, manifest string
		codes          []string
		injected       string
	}{
		{"one that is given what it asks for", pod("team-b", `"dbtether.io/inject":"api","dbtether.io/as":"env"`), nil, "api@3:env"},
		{"one that asks for nothing", pod("team-b", ""), nil, ""},
		{"a Secret that it takes by itself", strings.Replace(pod("team-b", ""), `"newer":1`, `"newer":1,"volumes":[{"name":"v","secret":{"secretName":"api-credentials"}}]`, 1), []string{"SECRET-NOT-REQUESTED"}, ""},
		{"the same where the webhook sees no pods", strings.Replace(pod("shop", ""), `"newer":1`, `"newer":1,"volumes":[{"name":"v","secret":{"secretName":"api-credentials"}}]`, 1), nil, ""},
		{"a user that is not ready", pod("team-b", `"dbtether.io/inject":"report"`), []string{"USER-NOT-READY"}, ""},
		{"a user that does not exist", pod("team-b", `"dbtether.io/inject":"nobody"`), []string{"USER-UNKNOWN"}, ""},
		{"an annotation that cannot be read", pod("team-b", `"dbtether.io/inject":"api","dbtether.io/as":"all"`), []string{"ANNOTATION-INVALID"}, ""},
		{"a container that it does not have", pod("team-b", `"dbtether.io/inject":"api","dbtether.io/containers":"web"`), []string{"ANNOTATION-INVALID"}, ""},
		{"a namespace that is not enabled", pod("shop", `"dbtether.io/inject":"api"`), []string{"NAMESPACE-NOT-ENABLED"}, ""},
		{"one that wants nothing, in such a namespace", pod("shop", `"dbtether.io/inject":" none "`), nil, ""},
		{"a namespace that is left out", pod("kube-system", `"dbtether.io/inject":"api"`), []string{"NAMESPACE-EXCLUDED"}, ""},
		{"a namespace that is not known", pod("nowhere", `"dbtether.io/inject":"api"`), []string{"NOT-DECIDED"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := examine(t, newExaminer(t, nil), c.manifest, facts)
			if codes := codesOf(got.Outcome); !reflect.DeepEqual(codes, c.codes) || got.Allowed != (c.codes == nil) || got.Allowed && got.Injected != c.injected {
				t.Errorf("got %+v", got)
			}
			if got.Allowed && (got.Patch != nil) != (c.injected != "") || !bytes.Contains(got.Object, []byte(`"newer":1`)) {
				t.Errorf("got the patch %s and the pod %s", got.Patch, got.Object)
			}
			if got.Judged() == (got.Code == 500) {
				t.Errorf("judged: %v, code %d", got.Judged(), got.Code)
			}
			if has := bytes.Contains(got.Object, []byte(`"secretKeyRef":{"name":"api-credentials","key":"host"}`)); has != (c.injected != "") {
				t.Errorf("got the pod %s", got.Object)
			}
		})
	}
}

// What stands in for the policy namespace-enabled.dbtether.io of the API server says what
// that says.
func TestExamineSaysWhatTheAPIServerSays(t *testing.T) {
	manifest, err := manifests.FS.ReadFile("policies/namespace_enabled.yaml")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(manifest), "\n---\n")
	var standing struct {
		Spec struct {
			Validations []struct {
				MessageExpression string `json:"messageExpression"`
			} `json:"validations"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal([]byte(first), &standing); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, namespace := range []string{"kube-system", "shop"} {
		got := examine(t, newExaminer(t, nil), `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web","namespace":"`+namespace+`","annotations":{"dbtether.io/inject":"api"}},"spec":{}}`, shared())
		// The command at the end has no full stop in the API server.
		said = append(said, strings.TrimSuffix(strings.ReplaceAll(got.Message, namespace, "' + request.namespace + '"), "."))
	}
	if len(standing.Spec.Validations) != len(said) {
		t.Fatalf("the manifest begins with %d validations, want %d", len(standing.Spec.Validations), len(said))
	}
	for i, validation := range standing.Spec.Validations {
		if want := strings.TrimSuffix(strings.Trim(validation.MessageExpression, "'"), "."); said[i] != want {
			t.Errorf("got  %s\nwant %s", said, want)
		}
	}
}

// Whoever writes a workload is warned of what all of its pods come to.
func TestExamineTemplates(t *testing.T) {
	limit := int32(5)
	facts := shared()
	facts.SetNamespace(&metav1.ObjectMeta{Name: "team-b", Labels: map[string]string{"dbtether.io/injection": "enabled"}})
	user := newUser("team-b", v1alpha1.DatabaseAccess{Name: "own"})
	user.Spec.ConnectionLimit = &limit
	user.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionCredentialsReady, Status: metav1.ConditionTrue}}
	facts.SetUser(user)
	m := review.Manifest{Namespace: "team-b", User: runner, Object: []byte(`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":3,
		"template":{"metadata":{"annotations":{"dbtether.io/inject":"report","dbtether.io/pool-size":"4"}},"spec":{"containers":[{"name":"app"}]}}}}`)}
	r, err := m.Template()
	if err != nil {
		t.Fatal(err)
	}
	got, err := newExaminer(t, nil).Examine(t.Context(), r, facts)
	if err != nil || !got.Allowed || len(got.Decision.Warn) != 1 || got.Decision.Warn[0].Code != "CONNECTION-BUDGET" {
		t.Errorf("got %+v, %v", got, err)
	}
	if got := examine(t, newExaminer(t, nil), string(m.Object), facts); !got.Allowed || len(got.Decision.Warn) != 0 {
		t.Errorf("a pod of it: %+v", got)
	}
	m.Object = []byte(reader)
	if r, err := m.Template(); r != nil || err != nil {
		t.Errorf("a DatabaseUser: got %+v, %v", r, err)
	}
}

// A manifest gets the answer that the webhook gives to what the API server makes of it.
func TestExamineIsTheWebhook(t *testing.T) {
	reviewer := review.Reviewer{Policies: newEngine(t), Now: func() time.Time { return noon }}
	examiner := review.Examiner{Policies: newEngine(t), Now: reviewer.Now}
	compared := 0
	for _, function := range []string{"resources", "templates"} {
		files, err := filepath.Glob(filepath.Join("testdata", function, "*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			c := readCase(t, file)
			request, err := review.Decode(c.review)
			if err != nil {
				t.Fatal(err)
			}
			m := review.Manifest{Object: request.Object, Namespace: request.Namespace, User: request.User, Exists: request.Operation == review.Update}
			asked, err := m.Template()
			answer := reviewer.Templates
			if function == "resources" {
				asked, err = m.Request()
				answer = reviewer.Resources
			}
			changes := request.Operation == review.Create || request.Operation == review.Update
			if err != nil || asked == nil || asked.Kind.Kind != request.Kind.Kind || !changes {
				continue // something that the API server would not send either
			}
			compared++
			got, err := examiner.Examine(t.Context(), asked, c.facts)
			if err != nil {
				t.Fatal(err)
			}
			if want := answer(t.Context(), request, c.facts); !reflect.DeepEqual(got.Outcome, want) {
				t.Errorf("%s: got  %+v\nwant %+v", file, got.Outcome, want)
			}
		}
	}
	if compared < 15 {
		t.Errorf("only %d are compared", compared)
	}
}

func TestAsked(t *testing.T) {
	facts := &review.Objects{}
	both := map[string]string{"dbtether.io/injection": "enabled", "dbtether.io/inject-default": "api"}
	facts.SetNamespace(&metav1.ObjectMeta{Name: "shop", Labels: both})
	facts.SetNamespace(&metav1.ObjectMeta{Name: "kube-system", Labels: both})
	facts.SetNamespace(&metav1.ObjectMeta{Name: "plain", Labels: map[string]string{"dbtether.io/injection": "enabled"}})
	facts.SetNamespace(&metav1.ObjectMeta{Name: "closed", Labels: map[string]string{"dbtether.io/inject-default": "api"}})
	files := map[string]string{"dbtether.io/as": "files"}
	for _, c := range []struct {
		namespace   string
		annotations map[string]string
		want        string
	}{
		{"shop", nil, "api"}, {"shop", files, "api"}, {"shop", map[string]string{"dbtether.io/inject": "none"}, "none"}, {"shop", map[string]string{"dbtether.io/inject": ""}, ""},
		{"plain", files, ""}, {"closed", files, ""}, {"kube-system", files, ""}, {"nowhere", files, ""},
	} {
		if got := review.Asked(c.annotations, c.namespace, facts)[v1alpha1.AnnotationInject]; got != c.want {
			t.Errorf("%v in %s asks for %q, not %q", c.annotations, c.namespace, c.want, got)
		}
	}
	if len(files) != 1 {
		t.Errorf("the annotations were changed: %v", files)
	}
}
