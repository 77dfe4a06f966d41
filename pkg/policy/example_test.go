package policy

import (
	"context"
	"reflect"
	"strings"
	"testing"
)

// withExamples returns naming with custom.examples in the annotation of its rule.
func withExamples(examples string) Set {
	return source(map[string]string{"naming.rego": strings.Replace(naming()["naming.rego"], "#   fix: put", "#   examples:"+examples+"\n#   fix: put", 1)})
}

func TestExamples(t *testing.T) {
	rows := loaded(t, withExamples("\n#     - denied: orders, in namespace shop\n#     - allowed: shop-orders")).Policies()
	want := []Example{{Denied: "orders, in namespace shop"}, {Allowed: "shop-orders"}}
	if row := rows[len(rows)-1]; row.Policy != namingPolicy || !reflect.DeepEqual(row.Examples, want) {
		t.Errorf("got %+v", row)
	}
	for _, wrong := range []string{
		" orders",
		"\n#     - orders",
		"\n#     - denied: 7",
		"\n#     - denied: orders\n#       allowed: shop-orders",
		"\n#     - refused: orders",
	} {
		_, err := Load(context.Background(), withExamples(wrong), patient)
		if err == nil || !strings.Contains(err.Error(), "team/naming.rego: line 7: custom.examples is a list of {denied: text} and {allowed: text}") {
			t.Errorf("%s: got %v", wrong, err)
		}
	}
	_, err := Load(context.Background(), source(map[string]string{"naming.rego": strings.Replace(naming()["naming.rego"],
		"#   area", "#   examples: [{denied: orders}]\n#   area", 1)}), patient)
	if err == nil || !strings.Contains(err.Error(), "line 1: custom.examples belongs to a rule") {
		t.Errorf("got %v", err)
	}
}
