package review

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestSecretNames(t *testing.T) {
	several := []v1alpha1.DatabaseAccess{{Name: "orders"}, {Name: "bills"}}
	for _, c := range []struct {
		name   string
		spec   v1alpha1.DatabaseUserSpec
		status v1alpha1.DatabaseUserStatus
		want   []string
	}{
		{"nothing but a name", v1alpha1.DatabaseUserSpec{DatabaseRefs: several}, v1alpha1.DatabaseUserStatus{}, []string{"api-credentials"}},
		{"where it is", v1alpha1.DatabaseUserSpec{DatabaseRefs: several}, v1alpha1.DatabaseUserStatus{SecretName: "api-credentials"}, []string{"api-credentials"}},
		{"where it was and will be", v1alpha1.DatabaseUserSpec{SecretTemplate: v1alpha1.SecretTemplate{Name: "login"}},
			v1alpha1.DatabaseUserStatus{SecretName: "api-credentials"}, []string{"login", "api-credentials"}},
		{"one for each database", v1alpha1.DatabaseUserSpec{DatabaseRefs: several, SecretGeneration: v1alpha1.SecretPerDatabase},
			v1alpha1.DatabaseUserStatus{SecretName: "api-orders-credentials", Databases: []v1alpha1.DatabaseAccessStatus{{Name: "orders", SecretName: "api-orders-credentials"}, {Name: "old", SecretName: "api-old-credentials"}, {Name: "x"}}},
			[]string{"api-orders-credentials", "api-bills-credentials", "api-old-credentials"}},
	} {
		user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "api", Namespace: "shop"}, Spec: c.spec, Status: c.status}
		if got := SecretNames(user); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
