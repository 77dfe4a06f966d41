package install

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// gatedPolicies are those that refuse what the webhook has not seen.
var gatedPolicies = []string{"pod-credentials.dbtether.io", "ephemeral-credentials.dbtether.io", "pod-default.dbtether.io"}

// Gated says whether an object would refuse pods or resources while the webhook does
// not answer: it is applied in its full form only when the webhook is known to answer.
func Gated(object *unstructured.Unstructured) bool {
	return isWebhookConfiguration(object) || slices.Contains(gatedPolicies, object.GetName())
}

// Inert returns a webhook configuration with which nothing is refused while the webhook
// does not answer: it lets the webhook write whom to trust, and be tried. Of other
// objects it returns nil: they have no such form.
func Inert(object *unstructured.Unstructured) *unstructured.Unstructured {
	if !isWebhookConfiguration(object) {
		return nil
	}
	inert := object.DeepCopy()
	eachWebhook(inert, func(entry map[string]any) { entry["failurePolicy"] = "Ignore" })
	return inert
}

// Trusted says whether every entry of a webhook configuration, as read from the cluster, has
// a caBundle.
func Trusted(object *unstructured.Unstructured) bool {
	entries, _, _ := unstructured.NestedSlice(object.Object, "webhooks")
	for _, entry := range entries {
		if bundle, _, _ := unstructured.NestedString(entry.(map[string]any), "clientConfig", "caBundle"); bundle == "" {
			return false
		}
	}
	return len(entries) > 0
}

// PassesOver says whether a webhook configuration, as read from the cluster, lets resources
// of ours pass while the webhook does not answer.
func PassesOver(object *unstructured.Unstructured) bool {
	entries, _, _ := unstructured.NestedSlice(object.Object, "webhooks")
	return slices.ContainsFunc(entries, func(entry any) bool {
		e := entry.(map[string]any)
		return e["name"] == "resources.dbtether.io" && e["failurePolicy"] == "Ignore"
	})
}
