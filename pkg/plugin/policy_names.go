package plugin

import (
	"slices"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// policyNames returns what people call the policies of rows, by package.
func policyNames(rows []policy.Metadata) map[string]string {
	var packages []string
	for _, row := range rows {
		if row.Policy != "" {
			packages = append(packages, row.Policy)
		}
	}
	return shortNames(packages)
}

// shortNames returns a short name for each package of a policy: without the root that all
// have, unless two policies would then have the same name.
func shortNames(policies []string) map[string]string {
	policies = slices.Compact(slices.Sorted(slices.Values(policies)))
	count := map[string]int{}
	for _, name := range policies {
		count[shortName(name)]++
	}
	names := make(map[string]string, len(policies))
	for _, name := range policies {
		if names[name] = shortName(name); count[names[name]] > 1 {
			names[name] = name
		}
	}
	return names
}

func shortName(name string) string {
	for _, root := range []string{"dbtether.policies.", "dbtether.user."} {
		if rest, ok := strings.CutPrefix(name, root); ok {
			return rest
		}
	}
	return name
}
