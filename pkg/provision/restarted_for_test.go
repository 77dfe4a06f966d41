package provision

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// An entry of the annotation stands for one revision of one user.
func TestRestartedFor(t *testing.T) {
	for _, c := range []struct {
		annotation, want string
		already          bool
	}{
		{"", "api@4/0c94e1f2", false},
		{"api@4/0c94e1f2", "api@4/0c94e1f2", true},
		{"api@4", "api@4/0c94e1f2", false},
		{"api@4/99999999", "api@4/0c94e1f2", false}, // of another user of that name
		{"api@3/0c94e1f2", "api@4/0c94e1f2", false},
		{"api@40/0c94e1f2", "api@4/0c94e1f2", false},
		{"zz@1,api@3/0c94e1f2,aa@2", "aa@2,api@4/0c94e1f2,zz@1", false},
		{"aa@2,api@4/0c94e1f2,zz@1", "aa@2,api@4/0c94e1f2,zz@1", true},
		{"api-b@4", "api-b@4,api@4/0c94e1f2", false},
		{" zz@1 ,, api ", "api@4/0c94e1f2,zz@1", false},
	} {
		user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: "api", UID: "0c94e1f2-1111-2222-3333-444444444444"}}
		if got := isRestartedFor(c.annotation, user, 4); got != c.already {
			t.Errorf("%q: whether it is restarted for api@4: %v", c.annotation, got)
		}
		if got := restartedFor(c.annotation, user, 4); got != c.want {
			t.Errorf("%q becomes %q, want %q", c.annotation, got, c.want)
		}
	}
}
