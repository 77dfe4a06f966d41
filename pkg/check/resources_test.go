package check

import (
	"errors"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func TestResources(t *testing.T) {
	is := func(condition string) func(*v1alpha1.DatabaseUser) {
		return func(u *v1alpha1.DatabaseUser) {
			u.Status.Message = "first line\nsecond"
			u.Status.Conditions = []metav1.Condition{{Type: condition, Status: metav1.ConditionTrue}}
		}
	}
	users := []v1alpha1.DatabaseUser{user("a", "Ready", nil), user("b", "Failed", is("Other")), user("c", "Failed", is("Conflict")), user("d", "Ready", is("Drifted")),
		user("e", "Deleting", is("DeletionBlocked")), user("f", "Pending", nil), user("g", "Failed", nil), user("h", "Failed", nil), user("i", "Failed", nil), user("j", "Expired", nil)}
	compare(t, Work{Users: users, Now: now}.Findings(),
		"error resources-conflict: 1 of 10 DatabaseUsers: in conflict with what is in PostgreSQL already: shop/c (shop/c says: first line)",
		"error resources-deletion-blocked: 1 of 10 DatabaseUsers: not deleted, because something in PostgreSQL keeps it: shop/e (shop/e says: first line)",
		"error resources-ready: 4 of 10 DatabaseUsers: failed: shop/b, shop/g, shop/h and 1 more (shop/b says: first line)",
		"warning resources-drifted: 1 of 10 DatabaseUsers: other in PostgreSQL than its resource says: shop/d (shop/d says: first line)",
		"note resources-ready: 1 of 10 DatabaseUsers: not provisioned yet: shop/f")
	compare(t, Work{Namespace: "shop", Databases: []v1alpha1.Database{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "orders"}, Status: v1alpha1.DatabaseStatus{Phase: "Failed"}}}}.Findings(),
		"error resources-ready: 1 of 1 Database: failed: orders")
	compare(t, Work{DatabasesErr: errors.New("no route"), UsersErr: errors.New("no route")}.Findings(),
		"error resources-read: the Databases could not be looked at: no route", "error resources-read: the DatabaseUsers could not be looked at: no route")
}
