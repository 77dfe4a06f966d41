package check

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// The kinds of what is shipped and compared.
const (
	kindCRD        = "CustomResourceDefinition"
	kindMutating   = "MutatingWebhookConfiguration"
	kindValidating = "ValidatingWebhookConfiguration"
	kindPolicy     = "ValidatingAdmissionPolicy"
	kindBinding    = "ValidatingAdmissionPolicyBinding"
)

// Shipped are the objects that this version installs, as its manifests have them.
type Shipped []unstructured.Unstructured

// ReadShipped reads the manifests of the folders that are compared. An error names the
// file.
func ReadShipped(files fs.FS) (Shipped, error) {
	var shipped Shipped
	for _, pattern := range []string{"crd/*.yaml", "webhook/*.yaml", "policies/*.yaml"} {
		names, err := fs.Glob(files, pattern)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				return nil, err
			}
			objects, err := readObjects(text)
			if err != nil {
				return nil, fmt.Errorf("read %q: %w", name, err)
			}
			shipped = append(shipped, objects...)
		}
	}
	return shipped, nil
}

func readObjects(text []byte) ([]unstructured.Unstructured, error) {
	var objects []unstructured.Unstructured
	for reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		var object map[string]any
		if err := yaml.Unmarshal(document, &object); err != nil {
			return nil, err
		}
		if object["kind"] != nil { // not a comment alone
			objects = append(objects, unstructured.Unstructured{Object: object})
		}
	}
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
