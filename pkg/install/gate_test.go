package install

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

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
