package policy

import (
	"fmt"

	"github.com/open-policy-agent/opa/v1/ast"
)

// allowedBuiltins are the functions that a policy may call. The others do not exist for it:
// network, clock, time zones, randomness, cryptography, everything else whose result depends
// on more than its arguments, and everything that runs long on small arguments. OPA looks
// between two expressions only whether an evaluation is cancelled, so one call of such a
// function may run past every deadline: bits.lsh, numbers.range, graph.*, net.cidr_expand,
// and multiplication, with which a few squarings make numbers of any length.
func allowedBuiltins() []string {
	return []string{
		// what operators and keywords of the language compile to
		"eq", "assign", "equal", "neq", "lt", "lte", "gt", "gte",
		"internal.member_2", "internal.member_3", "internal.template_string",
		"plus", "minus", "and", "or",
		// collections
		"count", "max", "min", "sort", "intersection", "union",
		"array.concat", "array.flatten", "array.reverse", "array.slice",
		"object.filter", "object.get", "object.keys", "object.remove", "object.subset", "object.union",
		// strings
		"concat", "contains", "endswith", "format_int", "indexof", "lower", "replace", "split", "sprintf",
		"startswith", "strings.any_prefix_match", "strings.any_suffix_match", "strings.count", "substring",
		"trim", "trim_left", "trim_prefix", "trim_right", "trim_space", "trim_suffix", "upper",
		"glob.match", "regex.is_valid", "regex.match",
		// types
		"is_array", "is_boolean", "is_null", "is_number", "is_object", "is_set", "is_string", "to_number", "type_name",
		// times: to compare others with input.now
		"time.parse_duration_ns", "time.parse_rfc3339_ns",
	}
}

// restrict returns OPA's capabilities with the named builtins only, and without
// leave to fetch schemas. It is an error if OPA has no builtin of a name, or if the
// builtin's result depends on more than its arguments.
func restrict(names []string) (*ast.Capabilities, error) {
	capabilities := ast.CapabilitiesForThisVersion()
	known := make(map[string]*ast.Builtin, len(capabilities.Builtins))
	for _, builtin := range capabilities.Builtins {
		known[builtin.Name] = builtin
	}
	capabilities.Builtins = nil
	for _, name := range names {
		builtin, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("allow builtin %q: OPA does not have it", name)
		}
		if builtin.IsNondeterministic() {
			return nil, fmt.Errorf("allow builtin %q: its result depends on more than its arguments", name)
		}
		capabilities.Builtins = append(capabilities.Builtins, builtin)
	}
	// Empty, not nil: nil would allow every host.
	capabilities.AllowNet = []string{}
	return capabilities, nil
}
