package v1alpha1_test

import (
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestAccess(t *testing.T) {
	for _, c := range []struct {
		name string
		spec v1alpha1.DatabaseUserSpec
		want []v1alpha1.DatabaseAccess
	}{
		{"one", v1alpha1.DatabaseUserSpec{DatabaseRef: &v1alpha1.DatabaseAccess{Name: "a"}, Privileges: "admin"},
			[]v1alpha1.DatabaseAccess{{Name: "a", Namespace: "shop", Privileges: "admin"}}},
		{"several", v1alpha1.DatabaseUserSpec{Privileges: "readwrite", DatabaseRefs: []v1alpha1.DatabaseAccess{{Name: "a", Privileges: "admin"}, {Name: "a", Namespace: "billing"}}},
			[]v1alpha1.DatabaseAccess{{Name: "a", Namespace: "shop", Privileges: "admin"}, {Name: "a", Namespace: "billing", Privileges: "readwrite"}}},
		{"before the defaults", v1alpha1.DatabaseUserSpec{DatabaseRef: &v1alpha1.DatabaseAccess{Name: "a"}},
			[]v1alpha1.DatabaseAccess{{Name: "a", Namespace: "shop", Privileges: "readonly"}}},
		{"none", v1alpha1.DatabaseUserSpec{}, []v1alpha1.DatabaseAccess{}},
	} {
		user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "api", Namespace: "shop"}, Spec: c.spec}
		if got := user.Access(); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		for _, ref := range c.want {
			if !user.Refers(ref.Namespace, ref.Name) || user.Refers("other", ref.Name) || user.Refers(ref.Namespace, "other") {
				t.Errorf("%s: Refers is wrong about %v", c.name, ref)
			}
		}
		if c.spec.DatabaseRef != nil && c.spec.DatabaseRef.Namespace != "" {
			t.Errorf("%s: the spec was changed", c.name)
		}
	}
}
