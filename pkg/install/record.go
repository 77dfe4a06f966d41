package install

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// RecordName is the name of the ConfigMap, in dbtether's namespace, that says what was
// installed. It is written before the first object and again after the last, so that
// what an interrupted run made is known to the next.
const RecordName = "dbtether-installation"

// Record is what the ConfigMap says.
type Record struct {
	Parameters Parameters
	// Plugin is the version of the program that installed; "" where that was before
	// records said so.
	Plugin string
	// Objects are what was, or may have been, installed: of each only kind, namespace and
	// name.
	Objects []*unstructured.Unstructured
	// Complete is false while an installation runs, or where it broke off.
	Complete bool
}

// ConfigMap returns the record as it is written.
func (r Record) ConfigMap() (*unstructured.Unstructured, error) {
	parameters, err := json.Marshal(r.Parameters)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, object := range r.Objects {
		lines = append(lines, strings.Join([]string{object.GetAPIVersion(), object.GetKind(), object.GetNamespace(), object.GetName()}, " "))
	}
	state := "begun"
	if r.Complete {
		state = "complete"
	}
	config := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": map[string]any{"name": RecordName, "namespace": v1alpha1.SystemNamespace},
		"data": map[string]any{
			"version": r.Parameters.Version, "plugin": r.Plugin, "state": state, "parameters": string(parameters), "objects": strings.Join(lines, "\n") + "\n",
		},
	}}
	mark(config)
	return config, nil
}

// ReadRecord returns what a ConfigMap says. An error means that nobody of ours wrote it.
func ReadRecord(config *unstructured.Unstructured) (Record, error) {
	var record Record
	data, _, err := unstructured.NestedStringMap(config.Object, "data")
	if err == nil {
		err = json.Unmarshal([]byte(data["parameters"]), &record.Parameters)
	}
	for line := range strings.Lines(data["objects"]) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		if len(fields) != 4 {
			err = errors.Join(err, fmt.Errorf("%q does not name an object", line))
			continue
		}
		record.Objects = append(record.Objects, named(fields[0], fields[1], fields[2], fields[3]))
	}
	record.Plugin = data["plugin"]
	record.Complete = data["state"] == "complete"
	if err != nil {
		return Record{}, fmt.Errorf("read ConfigMap %s/%s: %w", config.GetNamespace(), config.GetName(), err)
	}
	return record, nil
}

// With returns objects, and after them those of the record that are not among them: all that
// may be there while the objects are applied.
func (r Record) With(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	all := slices.Clone(objects)
	return append(all, Left(r.Objects, objects)...)
}

// Left returns the objects of before that are not among after.
func Left(before, after []*unstructured.Unstructured) []*unstructured.Unstructured {
	var left []*unstructured.Unstructured
	for _, object := range before {
		if !slices.ContainsFunc(after, func(o *unstructured.Unstructured) bool { return same(o, object) }) {
			left = append(left, object)
		}
	}
	return left
}

// Stays says whether an object outlives what installed it: what others have put into a
// namespace, and every resource of a definition, would go with it.
func Stays(object *unstructured.Unstructured) bool {
	return object.GetKind() == "Namespace" || object.GetKind() == "CustomResourceDefinition"
}

// named returns an object of which only kind, namespace and name are known.
func named(apiVersion, kind, namespace, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": apiVersion, "kind": kind}}
	object.SetName(name)
	if namespace != "" {
		object.SetNamespace(namespace)
	}
	return object
}
