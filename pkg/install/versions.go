package install

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/version"
)

// OldestKubernetes is the first version with ValidatingAdmissionPolicy in
// admissionregistration.k8s.io/v1.
const OldestKubernetes = "1.30"

// OlderKubernetes reports whether a version of Kubernetes, such as v1.30.1-eks-5e0fdde, is
// older than OldestKubernetes. It fails on a text that is no version.
func OlderKubernetes(of string) (bool, error) {
	have, err := version.ParseGeneric(of)
	if err != nil {
		return false, err
	}
	return have.LessThan(version.MustParseGeneric(OldestKubernetes)), nil
}

// Distance says how two versions of dbtether stand to each other.
type Distance int

// The distances of one version to another.
const (
	// Unknown is that of a build which is no release, such as (devel).
	Unknown Distance = iota
	Same
	// Older and Newer are within what is supported: one minor version.
	Older
	Newer
	// FarOlder and FarNewer are outside.
	FarOlder
	FarNewer
)

// DistanceOf returns how far a version is from another. What stands behind the three
// numbers does not count: v0.2.0-5-g1234567 is a build some commits after v0.2.0.
func DistanceOf(one, other string) Distance {
	a, err := version.ParseSemantic(one)
	if err != nil {
		return Unknown
	}
	b, err := version.ParseSemantic(other)
	if err != nil {
		return Unknown
	}
	a, b = release(a), release(b)
	if a.EqualTo(untagged) || b.EqualTo(untagged) {
		return Unknown
	}
	near := a.Major() == b.Major() && a.Minor()+1 >= b.Minor() && b.Minor()+1 >= a.Minor()
	switch {
	case a.EqualTo(b):
		return Same
	case a.LessThan(b) && near:
		return Older
	case a.LessThan(b):
		return FarOlder
	case near:
		return Newer
	default:
		return FarNewer
	}
}

// release returns a version without what stands behind its three numbers.
func release(v *version.Version) *version.Version {
	return version.MustParseSemantic(fmt.Sprintf("%d.%d.%d", v.Major(), v.Minor(), v.Patch()))
}

// untagged is what the go command calls a commit before the first tag.
var untagged = version.MustParseSemantic("v0.0.0")

// IsOlder says whether a version is of an earlier release than another. Neither is, where
// one of them is no release.
func IsOlder(one, other string) bool {
	d := DistanceOf(one, other)
	return d == Older || d == FarOlder
}

// Lost returns the fields that a standing resource definition has and another, which is
// to take its place, has not: the API server drops their values at the next write of each
// resource. Both are CustomResourceDefinitions; the fields are sorted, with their version
// before them.
func Lost(standing, next *unstructured.Unstructured) []string {
	kept := Fields(next)
	return slices.DeleteFunc(Fields(standing), func(field string) bool {
		_, found := slices.BinarySearch(kept, field)
		return found
	})
}

// Fields returns the paths of a resource definition's fields, sorted, each after its
// version, as in "v1alpha1 spec.owner".
func Fields(definition *unstructured.Unstructured) []string {
	var fields []string
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, v := range versions {
		of, _ := v.(map[string]any)
		schema, _, _ := unstructured.NestedMap(of, "schema", "openAPIV3Schema")
		for _, field := range properties(schema, "") {
			fields = append(fields, fmt.Sprint(of["name"], " ", field))
		}
	}
	slices.Sort(fields)
	return fields
}

// properties returns the paths of a schema's fields, below path.
func properties(schema map[string]any, path string) []string {
	var fields []string
	named, _, _ := unstructured.NestedMap(schema, "properties")
	for _, name := range sortedKeys(named) {
		property, _ := named[name].(map[string]any)
		at := strings.TrimPrefix(path+"."+name, ".")
		fields = append(append(fields, at), properties(property, at)...)
	}
	for _, inner := range []string{"items", "additionalProperties"} {
		if schema, ok := schema[inner].(map[string]any); ok {
			fields = append(fields, properties(schema, path+"[]")...)
		}
	}
	return fields
}
