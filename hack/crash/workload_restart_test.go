package crash_test

import (
	"regexp"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

var (
	deployments  = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
	statefulSets = schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "statefulsets"}
	pods         = schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	secrets      = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
)

func restarting(s *site) []string { return append(userRotate(s), "--restart") }

// workloads are a Deployment and a StatefulSet, which asks to be restarted, and a pod of
// each that has the user's first credential in its environment.
const workloads = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: app, image: app}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {app: web, pod-template-hash: 7d4}
  annotations: {dbtether.io/injected: "USER@1:env"}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-7d4, uid: web, controller: true}]
spec: {automountServiceAccountToken: false, containers: [{name: app, image: app}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: ledger}
spec:
  selector: {matchLabels: {app: ledger}}
  template:
    metadata: {labels: {app: ledger}, annotations: {dbtether.io/on-rotate: restart}}
    spec: {containers: [{name: app, image: app}]}
---
apiVersion: v1
kind: Pod
metadata:
  name: ledger
  labels: {app: ledger}
  annotations: {dbtether.io/injected: "USER@1:env", dbtether.io/on-rotate: restart}
  ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: ledger, uid: ledger, controller: true}]
spec: {automountServiceAccountToken: false, containers: [{name: app, image: app}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default}
`

// withWorkloads creates a user, and workloads that have its credential.
func withWorkloads(gracePeriod, strategy string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		createRotatable(gracePeriod, strategy)(t, s)
		documents := strings.Split(strings.ReplaceAll(workloads, "USER", s.user), "---\n")
		for i := range documents { // pods need the service account
			var object unstructured.Unstructured
			if err := yaml.Unmarshal([]byte(documents[len(documents)-1-i]), &object.Object); err != nil {
				t.Fatal(err)
			}
			gvk := object.GroupVersionKind()
			resource := gvk.GroupVersion().WithResource(strings.ToLower(gvk.Kind) + "s")
			if _, err := s.env.objects.Resource(resource).Namespace(s.name).Create(t.Context(), &object, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// askedToRotate leaves a rotation to the next run.
func askedToRotate(gracePeriod, strategy string) func(*testing.T, *site) {
	return func(t *testing.T, s *site) {
		withWorkloads(gracePeriod, strategy)(t, s)
		s.patch(t, v1alpha1.DatabaseUsers, s.user, types.MergePatchType, `{"metadata":{"annotations":{"dbtether.io/rotate":"2030-01-02T03:04:05Z"}}}`)
	}
}

// checkRestarted expects that both workloads were restarted for the second revision, once.
func checkRestarted(t *testing.T, s *site) {
	s.checkTemplate(t, deployments, "web", 2, s.user+"@2")
	s.checkTemplate(t, statefulSets, "ledger", 2, s.user+"@2")
	s.replacePods(t)
	checkAlternated(t, s)
}

// checkRestartedOne expects that the workload was which asks for it, and the other not.
func checkRestartedOne(t *testing.T, s *site) {
	s.checkTemplate(t, deployments, "web", 1, "")
	s.checkTemplate(t, statefulSets, "ledger", 2, s.user+"@2")
	s.replacePods(t)
	checkReplaced(t, s)
}

// restartForAnother restarts the StatefulSet that the command is about to restart. The
// webhook tells new pods the revision that the status names: that must be the new one by
// now, and the request not yet answered.
func restartForAnother(t *testing.T, s *site) {
	status := s.list(t, v1alpha1.DatabaseUsers)[0].Object["status"].(map[string]any)
	if rotation, _ := status["rotation"].(map[string]any); status["secretRevision"] != int64(2) || rotation["request"] != nil {
		t.Errorf("while something is restarted, the status is %v", status)
	}
	s.patch(t, statefulSets, "ledger", types.MergePatchType, `{"spec":{"template":{"metadata":{"annotations":{"dbtether.io/restarted-for":"zz@9"}}}}}`)
}

// checkRestartedForBoth expects that neither restart was lost.
func checkRestartedForBoth(t *testing.T, s *site) {
	s.checkTemplate(t, deployments, "web", 2, s.user+"@2")
	s.checkTemplate(t, statefulSets, "ledger", 3, s.user+"@2,zz@9")
	s.replacePods(t)
	checkAlternated(t, s)
}

// replacePods does what the controllers do after a restart, and lets a run see it.
func (s *site) replacePods(t *testing.T) {
	t.Helper()
	if err := s.env.objects.Resource(pods).Namespace(s.name).DeleteCollection(t.Context(), metav1.DeleteOptions{GracePeriodSeconds: new(int64)}, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	s.mustRun(t, reconcile(s)...)
}

// checkTemplate expects that a workload has had so many specs, and what its template was
// restarted for.
func (s *site) checkTemplate(t *testing.T, resource schema.GroupVersionResource, name string, generation int64, restartedFor string) {
	t.Helper()
	object, err := s.env.objects.Resource(resource).Namespace(s.name).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got, _, _ := unstructured.NestedString(object.Object, "spec", "template", "metadata", "annotations", v1alpha1.AnnotationRestartedFor)
	got = withoutUID.ReplaceAllString(got, "$1")
	if got != restartedFor || object.GetGeneration() != generation {
		t.Errorf("%s %s was restarted for %q, in generation %d: want %q in %d", resource.Resource, name, got, object.GetGeneration(), restartedFor, generation)
	}
}

// withoutUID finds what says of which DatabaseUser a revision is.
var withoutUID = regexp.MustCompile(`(@[0-9]+)/[0-9a-f]{8}`)
