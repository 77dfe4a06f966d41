package provision

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Of a thousand pods some are named, and it is said that there are others.
func TestUnmanagedPodsAreCounted(t *testing.T) {
	var all []*unstructured.Unstructured
	for i := range 1000 {
		pod := &unstructured.Unstructured{}
		pod.SetNamespace("shop")
		pod.SetName(fmt.Sprintf("batch-%03d", i))
		all = append(all, pod)
	}
	said := unmanaged(all)
	if len(said) != 1 {
		t.Fatalf("%d sentences", len(said))
	}
	for _, want := range []string{"pod/batch-015 and 984 more have the old credential",
		"kubectl delete pod batch-000 ", " batch-015 -n shop (and 984 more)"} {
		if !strings.Contains(said[0], want) {
			t.Errorf("no %q in: %s", want, said[0])
		}
	}
	if few := unmanaged(all[:1])[0]; strings.Contains(few, "more") {
		t.Errorf("of one pod: %s", few)
	}
}
