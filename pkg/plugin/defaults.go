package plugin

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/manifests"
)

// setDefaults gives an object of ours the defaults of its resource definition, as the
// API server does before it asks anybody. It does no I/O.
func setDefaults(object *unstructured.Unstructured, k kind) error {
	text, err := manifests.FS.ReadFile("crd/dbtether.io_" + k.resource.Resource + ".yaml")
	if err != nil {
		return fmt.Errorf("read the embedded definition of %s: %w", k.resource.Resource, err)
	}
	definition := map[string]any{}
	if err := yaml.Unmarshal(text, &definition); err != nil {
		return fmt.Errorf("read the embedded definition of %s: %w", k.resource.Resource, err)
	}
	versions, _, _ := unstructured.NestedSlice(definition, "spec", "versions")
	for i := range versions {
		version, _ := versions[i].(map[string]any)
		if version["name"] != k.resource.Version {
			continue
		}
		schema, _, _ := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
		properties, _ := schema["properties"].(map[string]any)
		if spec, ok := properties["spec"].(map[string]any); ok {
			defaultIn(object.Object["spec"], spec)
		}
	}
	return nil
}

// defaultIn sets, in what there is, the defaults of a schema.
func defaultIn(value any, schema map[string]any) {
	switch value := value.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for name := range properties {
			property, _ := properties[name].(map[string]any)
			if fallback, ok := property["default"]; ok && value[name] == nil {
				value[name] = runtime.DeepCopyJSONValue(numbers(fallback))
			}
			defaultIn(value[name], property)
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for i := range value {
			defaultIn(value[i], items)
		}
	}
}

// numbers returns a default as the API's own JSON has it: whole numbers are int64.
func numbers(fallback any) any {
	if n, ok := fallback.(float64); ok && n == float64(int64(n)) {
		return int64(n)
	}
	return fallback
}
