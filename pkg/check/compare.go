package check

import (
	"fmt"
	"maps"
	"slices"
)

// defaulted are the values that the API server gives to fields which a manifest leaves
// out (admissionregistration.k8s.io/v1).
var defaulted = map[string]string{"matchPolicy": "Equivalent", "scope": "*", "timeoutSeconds": "10", "failurePolicy": "Fail", "reinvocationPolicy": "Never"}

// differences returns the paths at which an object of the cluster is not as it is
// shipped, in their order. What the API server adds by itself is no difference; what somebody
// else adds is.
func differences(want, have any, path string) []string {
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		if !ok {
			return []string{path}
		}
		return differencesOfFields(want, have, path)
	case []any:
		have, ok := have.([]any)
		if !ok || len(have) != len(want) {
			return []string{path}
		}
		var all []string
		for i := range want {
			all = append(all, differences(want[i], have[i], fmt.Sprintf("%s[%d]", path, i))...)
		}
		return all
	default:
		if want != have {
			return []string{path}
		}
		return nil
	}
}

// differencesOfFields is differences of two objects.
func differencesOfFields(want, have map[string]any, path string) []string {
	names := slices.Collect(maps.Keys(want))
	for name, value := range have {
		if _, shipped := want[name]; !shipped && !empty(value) && defaulted[name] != fmt.Sprint(value) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var all []string
	for _, name := range names {
		at := name
		if path != "" {
			at = path + "." + name
		}
		wanted, shipped := want[name]
		switch standing, stands := have[name]; {
		case !shipped:
			all = append(all, at)
		case !stands && !empty(wanted):
			all = append(all, at)
		case stands:
			all = append(all, differences(wanted, standing, at)...)
		}
	}
	return all
}

// empty reports whether a value says nothing.
func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(value) == 0
	case []any:
		return len(value) == 0
	case string:
		return value == ""
	default:
		return false
	}
}
