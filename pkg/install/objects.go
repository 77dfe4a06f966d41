package install

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Labels of what is installed.
const (
	// LabelManagedBy, with the value ManagedBy, marks what the command install wrote:
	// nothing else is ever removed.
	LabelManagedBy = "app.kubernetes.io/managed-by"
	ManagedBy      = "dbtether"

	labelName      = "app.kubernetes.io/name"
	labelComponent = "app.kubernetes.io/component"
)

// Resource is how objects of a kind are reached.
type Resource struct {
	schema.GroupVersionResource
	Kind       string
	Namespaced bool
}

// resources are all kinds that an installation consists of, in the order in which they
// are applied: each needs those before it. They are deleted in the opposite order.
var resources = []Resource{
	{v1("", "namespaces"), "Namespace", false},
	{v1("apiextensions.k8s.io", "customresourcedefinitions"), "CustomResourceDefinition", false},
	{v1("", "configmaps"), "ConfigMap", true},
	{v1("", "serviceaccounts"), "ServiceAccount", true},
	{v1("rbac.authorization.k8s.io", "clusterroles"), "ClusterRole", false},
	{v1("rbac.authorization.k8s.io", "roles"), "Role", true},
	{v1("rbac.authorization.k8s.io", "clusterrolebindings"), "ClusterRoleBinding", false},
	{v1("rbac.authorization.k8s.io", "rolebindings"), "RoleBinding", true},
	{v1("cert-manager.io", "issuers"), "Issuer", true},
	{v1("cert-manager.io", "certificates"), "Certificate", true},
	{v1("", "services"), "Service", true},
	{v1("policy", "poddisruptionbudgets"), "PodDisruptionBudget", true},
	{v1("apps", "deployments"), "Deployment", true},
	{v1("batch", "cronjobs"), "CronJob", true},
	{v1("admissionregistration.k8s.io", "validatingadmissionpolicies"), "ValidatingAdmissionPolicy", false},
	{v1("admissionregistration.k8s.io", "validatingadmissionpolicybindings"), "ValidatingAdmissionPolicyBinding", false},
	{v1("admissionregistration.k8s.io", "mutatingwebhookconfigurations"), KindMutating, false},
	{v1("admissionregistration.k8s.io", "validatingwebhookconfigurations"), KindValidating, false},
}

// The kinds of what makes the API server call us.
const (
	KindMutating   = "MutatingWebhookConfiguration"
	KindValidating = "ValidatingWebhookConfiguration"
)

func v1(group, resource string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: group, Version: "v1", Resource: resource}
}

// ResourceOf returns how an object is reached; an error names a kind that no
// installation has.
func ResourceOf(object *unstructured.Unstructured) (Resource, error) {
	i := slices.IndexFunc(resources, func(r Resource) bool {
		return r.Kind == object.GetKind() && r.Group == object.GroupVersionKind().Group
	})
	if i < 0 {
		return Resource{}, fmt.Errorf("%s %q: no installation has such a kind", object.GetKind(), object.GetName())
	}
	return resources[i], nil
}

// Sort brings objects into the order in which they are applied.
func Sort(objects []*unstructured.Unstructured) {
	slices.SortStableFunc(objects, func(a, b *unstructured.Unstructured) int { return rank(a) - rank(b) })
}

// rank is the place of an object's kind among resources.
func rank(object *unstructured.Unstructured) int {
	return slices.IndexFunc(resources, func(r Resource) bool { return r.Kind == object.GetKind() })
}

// isWebhookConfiguration says whether an object makes the API server call us.
func isWebhookConfiguration(object *unstructured.Unstructured) bool {
	return object.GetKind() == KindMutating || object.GetKind() == KindValidating
}

// Title names an object in messages: its kind and name, and the namespace where it has
// one.
func Title(object *unstructured.Unstructured) string {
	if namespace := object.GetNamespace(); namespace != "" {
		return fmt.Sprintf("%s %s/%s", object.GetKind(), namespace, object.GetName())
	}
	return fmt.Sprintf("%s %s", object.GetKind(), object.GetName())
}
