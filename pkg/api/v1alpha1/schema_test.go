package v1alpha1_test

import (
	"context"
	"io/fs"
	"slices"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/manifests"
)

// resource is what the API server makes of one of our CustomResourceDefinitions:
// its schema, and the validators built from it.
type resource struct {
	structural *schema.Structural
	openAPI    validation.SchemaValidator
	rules      *cel.Validator
}

// admit does to object what the API server does to a request's body: prune it,
// fill in the defaults, validate it. It changes object and returns the errors, sorted.
// With old set the request is an update, and the transition rules run.
func (r resource) admit(object, old map[string]any) []string {
	pruning.Prune(object, r.structural, true)
	defaulting.Default(object, r.structural)
	errs := validation.ValidateCustomResource(nil, object, r.openAPI)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, r.structural, object)...)
	var before any
	if old != nil {
		before = old
	}
	// The API server runs the rules only on what the schema accepts.
	if len(errs) == 0 {
		broken, _ := r.rules.Validate(context.Background(), nil, r.structural, object, before, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	messages := make([]string, 0, len(errs))
	for _, err := range errs {
		messages = append(messages, err.Error())
	}
	slices.Sort(messages)
	return messages
}

// readCRD returns the generated definition of the plural.
func readCRD(t testing.TB, plural string) *apiextensionsv1.CustomResourceDefinition {
	t.Helper()
	raw, err := fs.ReadFile(manifests.FS, "crd/dbtether.io_"+plural+".yaml")
	if err != nil {
		t.Fatal(err)
	}
	definition := new(apiextensionsv1.CustomResourceDefinition)
	if err := yaml.UnmarshalStrict(raw, definition); err != nil {
		t.Fatalf("decode the definition of %s: %v", plural, err)
	}
	return definition
}

// internalCRD returns the definition as the API server holds it in memory, with
// the defaults of apiextensions.k8s.io/v1 filled in.
func internalCRD(t testing.TB, plural string) *apiextensions.CustomResourceDefinition {
	t.Helper()
	versioned := readCRD(t, plural)
	apiextensionsv1.SetDefaults_CustomResourceDefinition(versioned)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&versioned.Spec)
	internal := new(apiextensions.CustomResourceDefinition)
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(versioned, internal, nil); err != nil {
		t.Fatal(err)
	}
	return internal
}

// newResource builds the validators of the plural's one version.
func newResource(t testing.TB, plural string) resource {
	t.Helper()
	definition := internalCRD(t, plural)
	props, err := apiextensions.GetSchemaForVersion(definition, "v1alpha1")
	if err != nil {
		t.Fatal(err)
	}
	structural, err := schema.NewStructural(props.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	openAPI, _, err := validation.NewSchemaValidator(props.OpenAPIV3Schema)
	if err != nil {
		t.Fatal(err)
	}
	rules := cel.NewValidator(structural, true, celconfig.PerCallLimit)
	if rules == nil {
		t.Fatalf("the schema of %s has no CEL rules", plural)
	}
	return resource{structural: structural, openAPI: openAPI, rules: rules}
}

// decode returns the object that a YAML document describes.
func decode(t *testing.T, document string) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := yaml.Unmarshal([]byte(document), &object); err != nil {
		t.Fatalf("decode %q: %v", document, err)
	}
	integers(object)
	return object
}

// integers turns whole floats into int64, as the API server's decoder does:
// sigs.k8s.io/yaml knows float64 only, and the schema tells them apart.
func integers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			v[key] = integers(v[key])
		}
	case []any:
		for i := range v {
			v[i] = integers(v[i])
		}
	case float64:
		if v == float64(int64(v)) {
			return int64(v)
		}
	}
	return value
}
