package plugin

import (
	"reflect"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// The mode of a policy is that of its strictest rule, wherever that stands.
func TestListPolicies(t *testing.T) {
	got := listPolicies([]policy.Metadata{
		{Policy: "a", Rule: "warn", Code: "A-1", Mode: policy.ModeWarn},
		{Policy: "a", Rule: "deny", Code: "A-2", Mode: policy.ModeDeny},
		{Policy: "a", Rule: "warn", Code: "A-1", Mode: policy.ModeWarn},
		{Policy: "b", Mode: policy.ModeDryRun},
	})
	if len(got) != 2 || got[0].Mode != policy.ModeDeny || !reflect.DeepEqual(got[0].codes(), []string{"A-1", "A-2"}) ||
		got[1].Mode != policy.ModeDryRun || len(got[1].Rules) != 0 {
		t.Errorf("got %+v", got)
	}
}
