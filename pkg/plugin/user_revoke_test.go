package plugin

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// TestRevokeKeepsGrantsOfTheSameName takes one of two databases of a name, and then a
// database that has none beside it.
func TestRevokeKeepsGrantsOfTheSameName(t *testing.T) {
	user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "api"}, Spec: v1alpha1.DatabaseUserSpec{
		DatabaseRefs:     []v1alpha1.DatabaseAccess{{Name: "orders"}, {Name: "orders", Namespace: "billing"}, {Name: "reports"}},
		AdditionalGrants: []v1alpha1.TableGrant{{Database: "orders", Tables: []v1alpha1.TableName{"t"}}, {Database: "reports", Tables: []v1alpha1.TableName{"t"}}}}}
	for _, c := range []struct {
		database     string
		refs, grants int
	}{{"billing/orders", 2, 2}, {"reports", 1, 1}} {
		revoke := userGrant{database: c.database}
		if err := revoke.revoke(user); err != nil || len(user.Spec.DatabaseRefs) != c.refs || len(user.Spec.AdditionalGrants) != c.grants {
			t.Errorf("%s: %v, %+v, %+v", c.database, err, user.Spec.DatabaseRefs, user.Spec.AdditionalGrants)
		}
	}
}
