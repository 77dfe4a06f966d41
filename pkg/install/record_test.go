package install

import (
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func titles(objects []*unstructured.Unstructured) []string {
	var all []string
	for _, object := range objects {
		all = append(all, Title(object))
	}
	return all
}

// What was installed with a runner and is installed without one leaves what is the
// runner's, and nothing else.
func TestRecord(t *testing.T) {
	p := defaults()
	p.Runner = RunnerCronJob
	before := render(t, func(p *Parameters) { p.Runner = RunnerCronJob })
	config, err := Record{Parameters: p, Plugin: "v0.2.0", Objects: before, Complete: true}.ConfigMap()
	if err != nil {
		t.Fatal(err)
	}
	record, err := ReadRecord(config)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(record.Parameters, p) || record.Plugin != "v0.2.0" || !record.Complete {
		t.Errorf("read %+v", record)
	}
	after := render(t, nil)
	want := []string{"ServiceAccount dbtether-system/dbtether-runner", "ClusterRoleBinding dbtether-runner", "RoleBinding dbtether-system/dbtether-runner", "CronJob dbtether-system/dbtether-runner"}
	if got := titles(Left(record.Objects, after)); !reflect.DeepEqual(got, want) {
		t.Errorf("left: %q", got)
	}
	if got := len(record.With(after)); got != len(before) {
		t.Errorf("%d objects may be there, and %d were", got, len(before))
	}
	for _, left := range Left(before, record.Objects) {
		t.Errorf("the record forgets %s", Title(left))
	}
}

func TestRecordOfSomebodyElse(t *testing.T) {
	for _, data := range []map[string]any{{}, {"parameters": "{}", "objects": "one two\n"}, {"parameters": "no JSON"}} {
		config := named("v1", "ConfigMap", "dbtether-system", RecordName)
		config.Object["data"] = data
		if record, err := ReadRecord(config); err == nil {
			t.Errorf("%v is read as %+v", data, record)
		}
	}
}

// Whatever some installation has, an uninstallation looks for.
func TestEverything(t *testing.T) {
	all, err := Everything()
	if err != nil {
		t.Fatal(err)
	}
	for _, runner := range Runners() {
		for _, certificate := range Certificates() {
			objects := render(t, func(p *Parameters) { p.Runner, p.Certificate = runner, certificate })
			for _, missing := range Left(objects, all) {
				t.Errorf("%s, %s: nobody would remove %s", runner, certificate, Title(missing))
			}
		}
	}
}

// Until the webhook answers, no webhook configuration fails closed.
func TestInert(t *testing.T) {
	gated := 0
	for _, object := range render(t, nil) {
		if Gated(object) {
			gated++
		}
		inert := Inert(object)
		if inert == nil {
			continue
		}
		entries, _, _ := unstructured.NestedSlice(inert.Object, "webhooks")
		for _, entry := range entries {
			if policy := entry.(map[string]any)["failurePolicy"]; policy != "Ignore" {
				t.Errorf("%v: failurePolicy %v", entry.(map[string]any)["name"], policy)
			}
		}
		if validating := object.GetKind() == KindValidating; PassesOver(inert) != validating || PassesOver(object) || Trusted(object) {
			t.Errorf("%s is not told from its inert form, or trusted without an authority", Title(object))
		}
		eachWebhook(inert, func(entry map[string]any) { entry["clientConfig"] = map[string]any{"caBundle": "eA=="} })
		if !Trusted(inert) {
			t.Errorf("%s has an authority in each entry and is not trusted", Title(object))
		}
	}
	// Two configurations, and three policies with their bindings.
	if gated != 8 {
		t.Errorf("%d objects wait for the webhook", gated)
	}
}

func TestForeign(t *testing.T) {
	for _, c := range []struct{ object, want string }{
		{"{kind: ClusterRole, metadata: {name: x}}", ""},
		{"{kind: ClusterRole, metadata: {name: x, labels: {app.kubernetes.io/managed-by: dbtether}}}", ""},
		{"{kind: ClusterRole, metadata: {name: x, labels: {app.kubernetes.io/managed-by: Helm}}}", "is managed by Helm"},
		{"{kind: CustomResourceDefinition, spec: {names: {categories: [dbtether]}}}", ""},
		{"{kind: CustomResourceDefinition, spec: {names: {plural: databases}}}", "defines the resources of the dbtether operator, or of somebody else"},
		{"{kind: ValidatingWebhookConfiguration, webhooks: [{name: enforce.dbtether.io}]}", ""},
		{"{kind: MutatingWebhookConfiguration, webhooks: [{name: inject.dbtether.io}, {name: x.example.com}]}", `has the entry "x.example.com", which is not ours`},
		{"{kind: Namespace, metadata: {labels: {pod-security.kubernetes.io/enforce: restricted}}}", ""},
		{"{kind: Namespace, metadata: {labels: {pod-security.kubernetes.io/enforce: privileged}}}", `enforces Pod Security "privileged", not "restricted"`},
	} {
		if got := Foreign(object(t, c.object)); got != c.want {
			t.Errorf("%s: %q, want %q", c.object, got, c.want)
		}
	}
}

func TestOutcome(t *testing.T) {
	before := object(t, "{kind: Role, metadata: {name: x, uid: a, resourceVersion: '1', labels: {a: b}}, rules: [{verbs: [get]}], status: {c: d}}")
	for _, c := range []struct {
		before *unstructured.Unstructured
		after  string
		want   string
	}{
		{nil, "{kind: Role}", Created},
		{before, "{kind: Role, metadata: {name: x, uid: a, resourceVersion: '2', generation: 3, labels: {a: b}}, rules: [{verbs: [get]}]}", Unchanged},
		{before, "{kind: Role, metadata: {name: x, labels: {a: c}}, rules: [{verbs: [get]}]}", Configured},
		{before, "{kind: Role, metadata: {name: x, labels: {a: b}}, rules: [{verbs: [get, list]}]}", Configured},
	} {
		if got := Outcome(c.before, object(t, c.after)); got != c.want {
			t.Errorf("%s: %s, want %s", c.after, got, c.want)
		}
	}
}

func object(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	objects, err := parse([]byte(text))
	if err != nil || len(objects) != 1 {
		t.Fatalf("%s: %v", text, err)
	}
	return objects[0]
}

func TestRolledOut(t *testing.T) {
	for _, c := range []struct{ deployment, want string }{
		{"{metadata: {generation: 2}, spec: {replicas: 2}, status: {observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2}}", "nobody has looked at it since it was written"},
		{"{metadata: {generation: 2}, spec: {replicas: 2}, status: {observedGeneration: 2, replicas: 3, updatedReplicas: 1, availableReplicas: 2}}", "1 of 2 replicas are of this version"},
		{"{spec: {replicas: 2}, status: {replicas: 2, updatedReplicas: 2, availableReplicas: 1}}", "1 of 2 replicas are ready"},
		{"{spec: {replicas: 2}, status: {replicas: 3, updatedReplicas: 2, availableReplicas: 3}}", "1 replicas of the version before are still there"},
		{"{spec: {replicas: 2}, status: {conditions: [{type: ReplicaFailure, status: 'True', message: exceeded quota}]}}", "0 of 2 replicas are of this version; exceeded quota"},
		{"{spec: {}, status: {replicas: 1, updatedReplicas: 1, availableReplicas: 1}}", ""},
	} {
		d := new(appsv1.Deployment)
		if err := yaml.Unmarshal([]byte(c.deployment), d); err != nil {
			t.Fatal(err)
		}
		if done, missing := RolledOut(d); missing != c.want || done != (c.want == "") {
			t.Errorf("%s: %v, %q, want %q", c.deployment, done, missing, c.want)
		}
	}
}

func TestStuck(t *testing.T) {
	for _, c := range []struct{ pod, want string }{
		{"{}", ""},
		{"{status: {containerStatuses: [{state: {waiting: {reason: ContainerCreating}}}]}}", ""},
		{"{status: {containerStatuses: [{state: {waiting: {reason: ImagePullBackOff, message: not found}}}]}}", "ImagePullBackOff: not found"},
		{"{status: {conditions: [{type: PodScheduled, status: 'False', message: no node is free}]}}", "no node is free"},
		{"{status: {containerStatuses: [{state: {waiting: {reason: CrashLoopBackOff}}, lastState: {terminated: {reason: Error, exitCode: 1}}}]}}", "CrashLoopBackOff; Error, exit code 1"},
	} {
		pod := new(corev1.Pod)
		if err := yaml.Unmarshal([]byte(c.pod), pod); err != nil {
			t.Fatal(err)
		}
		if got := Stuck(pod); got != c.want {
			t.Errorf("%s: %q, want %q", c.pod, got, c.want)
		}
	}
}
