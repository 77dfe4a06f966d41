package check

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// The kinds of what is shipped and compared.
const (
	kindCRD        = "CustomResourceDefinition"
	kindMutating   = install.KindMutating
	kindValidating = install.KindValidating
	kindPolicy     = "ValidatingAdmissionPolicy"
	kindBinding    = "ValidatingAdmissionPolicyBinding"
)

// Shipped are the objects that this version installs.
type Shipped []unstructured.Unstructured

// ReadShipped returns what an installation of this version applies by default. The error
// is one of the embedded manifests.
func ReadShipped() (Shipped, error) {
	objects, err := install.Render(install.Defaults(""))
	if err != nil {
		return nil, err
	}
	shipped := make(Shipped, len(objects))
	for i, object := range objects {
		shipped[i] = *object
	}
	return shipped, nil
}

// kind returns the objects of a kind.
func (s Shipped) kind(kind string) []unstructured.Unstructured {
	var objects []unstructured.Unstructured
	for _, object := range s {
		if object.GetKind() == kind {
			objects = append(objects, object)
		}
	}
	return objects
}

// entries returns the webhooks of all configurations of a kind.
func (s Shipped) entries(kind string) []map[string]any {
	var entries []map[string]any
	for _, object := range s.kind(kind) {
		entries = append(entries, objectsAt(object.Object, "webhooks")...)
	}
	return entries
}
