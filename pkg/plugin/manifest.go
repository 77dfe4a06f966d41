package plugin

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// manifest is an object and where it was read.
type manifest struct {
	*unstructured.Unstructured
	source string
}

// label names the object in messages.
func (m manifest) label() string {
	return fmt.Sprintf("%s %q in %s", m.GetKind(), m.GetName(), m.source)
}

// wrap says which object err is about, unless err itself begins with that. It
// returns nil for nil.
func (m manifest) wrap(err error) error {
	if err == nil {
		return nil
	}
	if strings.HasPrefix(explain(err).cause, fmt.Sprintf("%s %q ", m.GetKind(), m.GetName())) {
		return fmt.Errorf("%s: %w", m.source, err)
	}
	return fmt.Errorf("%s: %w", m.label(), err)
}

// readManifests reads the objects in files, folders, URLs and stdin, lists taken apart.
// What could not be read is the error; the others are returned nevertheless.
func readManifests(env *Environment, files *resource.FilenameOptions) ([]manifest, error) {
	// Local: we know our kinds, so there is no need to discover the cluster's.
	result := resource.NewBuilder(env.Config).
		Local().Unstructured().ContinueOnError().
		FilenameParam(false, files).
		Flatten().Do()
	infos, err := result.Infos()
	var manifests []manifest
	for _, info := range infos {
		object, ok := info.Object.(*unstructured.Unstructured)
		if !ok {
			return nil, fmt.Errorf("read %s: %T is not an object", info.Source, info.Object)
		}
		source := info.Source
		if source == "" {
			source = "kustomization"
		}
		manifests = append(manifests, manifest{object, source})
	}
	return manifests, Hinted(err, "check the path, and that it holds YAML or JSON of Kubernetes objects")
}

// rank is the place of an object's kind in the order of kinds.
func rank(m manifest) int {
	return slices.IndexFunc(kinds(), func(k kind) bool { return k.gvk() == m.GroupVersionKind() })
}

// ourKind returns the kind of an object and refuses those of others.
func ourKind(object *unstructured.Unstructured) (kind, error) {
	for _, k := range kinds() {
		if k.gvk() == object.GroupVersionKind() {
			return k, nil
		}
	}
	return kind{}, Hinted(fmt.Errorf("not a DBCluster, Database or DatabaseUser of %s", v1alpha1.GroupVersion),
		"apply it with kubectl apply")
}

// place sets the namespace of an object that has none.
func place(object *unstructured.Unstructured, k kind, namespace string, explicit bool) error {
	if object.GetName() == "" {
		return errors.New("metadata.name is missing")
	}
	switch own := object.GetNamespace(); {
	case !k.namespaced && own != "":
		return fmt.Errorf("metadata.namespace is %q, but a %s has no namespace", own, k.name)
	case !k.namespaced:
	case own == "":
		object.SetNamespace(namespace)
	case explicit && own != namespace:
		return Hinted(fmt.Errorf("metadata.namespace is %q, but -n says %q", own, namespace), "leave -n out, or make them equal")
	}
	return nil
}
