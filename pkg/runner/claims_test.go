package runner

import (
	"slices"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// TestClaims checks that two runs are never about one resource, and that who finds it
// taken is told when it is free.
func TestClaims(t *testing.T) {
	c := newClaims()
	db, user, other, third := key{name: "db"}, key{name: "user"}, key{name: "other"}, key{name: "third"}
	if !c.take(user, []key{user, db}) || c.take(db, []key{db, other}) || c.take(third, []key{third, db}) {
		t.Error("a resource is claimed twice, or none can be")
	}
	if !c.take(other, []key{other}) {
		t.Error("who found one resource taken has kept another one")
	}
	if waited := c.release([]key{user, db}); len(waited) != 2 || waited[0] != db || waited[1] != third {
		t.Errorf("those who waited are %v", waited)
	}
	if waited := c.release([]key{other}); len(waited) != 0 || !c.take(db, []key{db, other}) {
		t.Errorf("what was given back is taken: %v", waited)
	}
}

// TestClaimsOf checks what a run is about.
func TestClaimsOf(t *testing.T) {
	meta := metav1.ObjectMeta{Namespace: "shop", Name: "x"}
	d := func(namespace, name string) key { return key{v1alpha1.KindDatabase, namespace, name} }
	u := func(namespace, name string) key { return key{v1alpha1.KindDatabaseUser, namespace, name} }
	user := &v1alpha1.DatabaseUser{ObjectMeta: meta}
	user.Spec.DatabaseRefs = []v1alpha1.DatabaseAccess{{Name: "a"}, {Name: "b", Namespace: "team"}}
	user.Status.Databases = []v1alpha1.DatabaseAccessStatus{{Name: "a", Namespace: "shop"}, {Name: "c", Namespace: "shop"}}
	db := &v1alpha1.Database{ObjectMeta: meta}
	owned := db.DeepCopy()
	owned.Spec.Owner = "api"
	for _, c := range []struct {
		got, want []key
	}{
		{claimsOfUser(user), []key{u("shop", "x"), d("shop", "a"), d("team", "b"), d("shop", "c")}},
		{claimsOfDatabase(db), []key{d("shop", "x")}},
		{claimsOfDatabase(owned), []key{d("shop", "x"), u("shop", "api")}},
	} {
		if !slices.Equal(c.got, c.want) {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
}
