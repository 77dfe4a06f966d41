package provision

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestRestartedFor(t *testing.T) {
	for _, c := range []struct {
		annotation, want string
		already          bool
	}{
		{"", "api@4/0c94e1f2", false},
		{"api@4/0c94e1f2", "api@4/0c94e1f2", true},
		{"api@4", "api@4/0c94e1f2", false},
		{"api@4/99999999", "api@4/0c94e1f2", false}, // of another user of that name
		{"api@3/0c94e1f2", "api@4/0c94e1f2", false},
		{"api@40/0c94e1f2", "api@4/0c94e1f2", false},
		{"zz@1,api@3/0c94e1f2,aa@2", "aa@2,api@4/0c94e1f2,zz@1", false},
		{"aa@2,api@4/0c94e1f2,zz@1", "aa@2,api@4/0c94e1f2,zz@1", true},
		{"api-b@4", "api-b@4,api@4/0c94e1f2", false},
		{" zz@1 ,, api ", "api@4/0c94e1f2,zz@1", false},
	} {
		user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "api", UID: "0c94e1f2-1111-2222-3333-444444444444"}}
		if got := isRestartedFor(c.annotation, user, 4); got != c.already {
			t.Errorf("%q: whether it is restarted for api@4: %v", c.annotation, got)
		}
		if got := restartedFor(c.annotation, user, 4); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.annotation, got, c.want)
		}
	}
}

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
