package plugin

import (
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

const applyPatch = types.ApplyPatchType

// outcome says what a write did: created, configured or unchanged. What users
// write counts, not the API server's bookkeeping, so that it is right for a dry
// run too. It is pure.
func outcome(before, after *unstructured.Unstructured) string {
	switch {
	case before == nil:
		return "created"
	case equality.Semantic.DeepEqual(written(before), written(after)):
		return "unchanged"
	default:
		return "configured"
	}
}

// written returns the parts of an object that users write.
func written(object *unstructured.Unstructured) []any {
	return []any{
		object.Object["spec"], object.GetLabels(), object.GetAnnotations(),
		object.GetFinalizers(), object.GetOwnerReferences(),
	}
}
