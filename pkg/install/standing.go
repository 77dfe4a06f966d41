package install

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// PodSecurity is the label that says which pods a namespace takes.
const PodSecurity = "pod-security.kubernetes.io/enforce"

// Foreign says why an object in the cluster, which has the name of one of ours, may not be
// replaced: "is managed by Helm". It is "" where the object is ours or nobody's.
func Foreign(standing *unstructured.Unstructured) string {
	if by := standing.GetLabels()[LabelManagedBy]; by != "" && by != ManagedBy {
		return "is managed by " + by
	}
	switch standing.GetKind() {
	case "CustomResourceDefinition":
		categories, _, _ := unstructured.NestedStringSlice(standing.Object, "spec", "names", "categories")
		if !slices.Contains(categories, "dbtether") {
			return "defines the resources of the dbtether operator, or of somebody else"
		}
	case KindMutating, KindValidating:
		entries, _, _ := unstructured.NestedSlice(standing.Object, "webhooks")
		for _, entry := range entries {
			name, _, _ := unstructured.NestedString(entry.(map[string]any), "name")
			if !strings.HasSuffix(name, ".dbtether.io") {
				return fmt.Sprintf("has the entry %q, which is not ours", name)
			}
		}
	case "Namespace":
		if level := standing.GetLabels()[PodSecurity]; level != "" && level != "restricted" {
			return fmt.Sprintf("enforces Pod Security %q, not %q", level, "restricted")
		}
	}
	return ""
}

// What an application did, or would do.
const (
	Created    = "created"
	Configured = "configured"
	Unchanged  = "unchanged"
)

// Outcome says what has become of an object: before is nil where it was not there. The
// API server's bookkeeping and the status do not count.
func Outcome(before, after *unstructured.Unstructured) string {
	switch {
	case before == nil:
		return Created
	case equality.Semantic.DeepEqual(written(before), written(after)):
		return Unchanged
	default:
		return Configured
	}
}

// written returns an object without what the API server keeps in it.
func written(object *unstructured.Unstructured) map[string]any {
	copied := object.DeepCopy()
	delete(copied.Object, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "deletionTimestamp", "deletionGracePeriodSeconds", "generateName"} {
		unstructured.RemoveNestedField(copied.Object, "metadata", field)
	}
	return copied.Object
}
