package install

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Right is one that an installation, or its end, takes.
type Right struct {
	Verb, Group, Resource string
	// Namespace is empty for what is cluster-wide.
	Namespace string
}

// String names the right in messages: "create deployments.apps in namespace x".
func (r Right) String() string {
	name := r.Verb + " " + schema.GroupResource{Group: r.Group, Resource: r.Resource}.String()
	if r.Namespace != "" {
		name += " in namespace " + r.Namespace
	}
	return name
}

// Rights returns those that it takes to do something with objects and with the record of
// them, each once, in the order of the objects. The error names a kind that no
// installation has.
func Rights(objects []*unstructured.Unstructured, verbs ...string) ([]Right, error) {
	var rights []Right
	for _, object := range append(slices.Clone(objects), named("v1", "ConfigMap", v1alpha1.SystemNamespace, RecordName)) {
		resource, err := ResourceOf(object)
		if err != nil {
			return nil, err
		}
		for _, verb := range verbs {
			r := Right{verb, resource.Group, resource.Resource, object.GetNamespace()}
			if !slices.Contains(rights, r) {
				rights = append(rights, r)
			}
		}
	}
	return rights, nil
}
