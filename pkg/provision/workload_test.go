package provision

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
)

// A pod belongs to the workload that its controller is of, or was made by.
func TestWorkloadOf(t *testing.T) {
	var all []workload
	add := func(kind int, name, selector string) {
		w := workload{kind: workloadKinds[kind], selector: labels.SelectorFromSet(labels.Set{"app": selector})}
		w.object.Metadata.Name = name
		all = append(all, w)
	}
	add(0, "web", "web")
	add(0, "web-canary", "web")
	add(0, "adopter", "adopted")
	add(0, "shop", "rollout")
	add(1, "web", "web")
	add(1, "ledger", "ledger")
	add(2, "agent", "agent")
	for _, c := range []struct{ app, api, kind, owner, want string }{
		{"web", "apps/v1", "ReplicaSet", "web-7d4", "deployment.apps/web"},
		{"web", "apps/v1", "ReplicaSet", "web-canary-7d4", "deployment.apps/web-canary"},
		{"adopted", "apps/v1", "ReplicaSet", "made-by-hand", "deployment.apps/adopter"},
		{"other", "apps/v1", "ReplicaSet", "web-7d4", ""},
		{"rollout", "apps/v1", "ReplicaSet", "canary-abc", ""},
		{"web", "apps/v1", "StatefulSet", "web", "statefulset.apps/web"},
		{"web", "apps/v1", "StatefulSet", "ledger", ""},
		{"ledger", "apps/v1beta1", "StatefulSet", "ledger", "statefulset.apps/ledger"},
		{"ledger", "apps.example.com/v1", "StatefulSet", "ledger", ""},
		{"agent", "apps/v1", "DaemonSet", "agent", "daemonset.apps/agent"},
		{"agent", "apps/v1", "ReplicaSet", "agent", ""},
		{"web", "batch/v1", "Job", "web", ""},
		{"web", "", "", "", ""},
	} {
		pod := &unstructured.Unstructured{Object: map[string]any{}}
		pod.SetLabels(map[string]string{"app": c.app, "pod-template-hash": "7d4"})
		if c.app == "rollout" {
			pod.SetLabels(map[string]string{"app": c.app})
		}
		if c.kind != "" {
			is := true
			pod.SetOwnerReferences([]metav1.OwnerReference{{APIVersion: c.api, Kind: c.kind, Name: c.owner, UID: "1", Controller: &is}})
		}
		got := ""
		if w := workloadOf(pod, all); w != nil {
			got = w.String()
		}
		if got != c.want {
			t.Errorf("the pod of %+v belongs to %q", c, got)
		}
	}
}
