package review

import (
	"fmt"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// ephemeral is the subresource through which `kubectl debug` adds a container.
const ephemeral = "ephemeralcontainers"

// wrongPod returns what is wrong with a request that an entry for pods got, empty if
// nothing. People write webhook configurations, and may send an entry something else,
// which must not be answered as if it were a pod.
func wrongPod(r *Request) string {
	pod := r.Resource.Group == "" && r.Resource.Version == "v1" && r.Resource.Resource == "pods" && r.Kind.Kind == "Pod"
	if pod && (r.SubResource == "" && r.Operation == Create || r.SubResource == ephemeral && r.Operation == Update) {
		return ""
	}
	return wrong(r, "CREATE of pods and UPDATE of pods/"+ephemeral)
}

// wrongResource is wrongPod for the entry of our custom resources.
func wrongResource(r *Request) string {
	resource, known := resources()[r.Kind.Kind]
	ours := known && r.Resource == GroupVersionResource{v1alpha1.GroupVersion.Group, v1alpha1.GroupVersion.Version, resource}
	if ours && r.SubResource == "" && (r.Operation == Create || r.Operation == Update) {
		return ""
	}
	return wrong(r, "CREATE and UPDATE of dbclusters, databases and databaseusers of "+v1alpha1.GroupVersion.String())
}

// wrongTemplate is wrongPod for the entry of workloads.
func wrongTemplate(r *Request) string {
	known := slices.ContainsFunc(workloads(), func(w workloadKind) bool { return w.kind == r.Kind.Kind && w.resource() == r.Resource })
	if known && r.SubResource == "" && (r.Operation == Create || r.Operation == Update) {
		return ""
	}
	return wrong(r, "CREATE and UPDATE of workloads with a pod template")
}

// wrong returns the message about a request that an entry does not answer; answers says what
// it does.
func wrong(r *Request, answers string) string {
	resource := r.Resource.Resource
	if r.SubResource != "" {
		resource += "/" + r.SubResource
	}
	if r.Resource.Group != "" {
		resource += "." + r.Resource.Group
	}
	return fmt.Sprintf("WRONG-KIND: this entry answers %s, not %s of %s (kind %q). Correct the rules of the webhook configuration.",
		answers, r.Operation, resource, r.Kind.Kind)
}
