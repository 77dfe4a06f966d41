package install

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/manifests"
)

// Render returns the objects of an installation in the order in which they are applied.
// An error says which parameters make no sense.
func Render(p Parameters) ([]*unstructured.Unstructured, error) {
	if err := p.Check(); err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, folder := range p.folders() {
		read, err := readFolder(folder)
		if err != nil {
			return nil, err
		}
		objects = append(objects, read...)
	}
	if p.WebhookURL != "" {
		objects = slices.DeleteFunc(objects, runsTheWebhook)
	}
	for _, object := range objects {
		p.adjust(object)
		mark(object)
	}
	Sort(objects)
	return objects, nil
}

// folders returns the folders of the manifests that the parameters ask for.
func (p Parameters) folders() []string {
	folders := []string{"system", "crd", "rbac", "roles", "webhook", "policies"}
	if p.Runner != RunnerNone {
		folders = append(folders, "runner/account", "runner/"+p.Runner)
	}
	if p.Certificate == CertificateCertManager {
		folders = append(folders, "cert-manager")
	}
	return folders
}

// Everything returns every object that some installation of this version has, one for
// each name: what an uninstallation looks for.
func Everything() ([]*unstructured.Unstructured, error) {
	p := Defaults("none")
	p.Certificate = CertificateCertManager
	var all []*unstructured.Unstructured
	for _, runner := range Runners() {
		p.Runner = runner
		objects, err := Render(p)
		if err != nil {
			return nil, err
		}
		for _, object := range objects {
			if !slices.ContainsFunc(all, func(o *unstructured.Unstructured) bool { return same(o, object) }) {
				all = append(all, object)
			}
		}
	}
	Sort(all)
	return all, nil
}

// same says whether two objects have the same kind, namespace and name.
func same(a, b *unstructured.Unstructured) bool {
	return a.GetKind() == b.GetKind() && a.GetNamespace() == b.GetNamespace() && a.GetName() == b.GetName()
}

// mark puts the label on an object by which the command install knows its own.
func mark(object *unstructured.Unstructured) {
	labels := object.GetLabels()
	if labels == nil {
		labels = map[string]string{}
	}
	labels[LabelManagedBy] = ManagedBy
	object.SetLabels(labels)
}

// readFolder returns the objects of the embedded files of one folder.
func readFolder(folder string) ([]*unstructured.Unstructured, error) {
	names, err := fs.Glob(manifests.FS, folder+"/*.yaml")
	if err != nil {
		return nil, err
	}
	var objects []*unstructured.Unstructured
	for _, name := range names {
		text, err := fs.ReadFile(manifests.FS, name)
		if err != nil {
			return nil, fmt.Errorf("read the embedded %s: %w", name, err)
		}
		read, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("read the embedded %s: %w", name, err)
		}
		objects = append(objects, read...)
	}
	return objects, nil
}

// parse returns the objects of a YAML stream.
func parse(stream []byte) ([]*unstructured.Unstructured, error) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(stream)))
	var objects []*unstructured.Unstructured
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		// Through JSON for integers that the client's libraries can copy.
		text, err = yaml.YAMLToJSON(text)
		if err != nil {
			return nil, err
		}
		if bytes.Equal(bytes.TrimSpace(text), []byte("null")) {
			continue
		}
		object := &unstructured.Unstructured{}
		if err := object.UnmarshalJSON(text); err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
