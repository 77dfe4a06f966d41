package plugin

import (
	"reflect"
	"testing"
)

func TestShortNames(t *testing.T) {
	got := shortNames([]string{"dbtether.policies.workload.binding", "dbtether.policies.workload.binding", "dbtether.user.workload.binding", "dbtether.user.shop.naming"})
	want := map[string]string{
		"dbtether.policies.workload.binding": "dbtether.policies.workload.binding",
		"dbtether.user.workload.binding":     "dbtether.user.workload.binding",
		"dbtether.user.shop.naming":          "shop.naming",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v", got)
	}
}
