package check

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// ago returns a time before now.
func ago(d time.Duration) *metav1.Time {
	at := metav1.NewTime(now.Add(-d))
	return &at
}

func user(name, phase string, change func(*v1alpha1.DatabaseUser)) v1alpha1.DatabaseUser {
	u := v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, UID: types.UID("uid-" + name), CreationTimestamp: *ago(time.Hour)},
		Status: v1alpha1.DatabaseUserStatus{Phase: phase}}
	if change != nil {
		change(&u)
	}
	return u
}

func TestOverdue(t *testing.T) {
	const note = "note runner-installed: no runner is installed: what falls due waits for somebody to run kubectl dbtether reconcile"
	rotation := func(r v1alpha1.RotationStatus) func(*v1alpha1.DatabaseUser) {
		return func(u *v1alpha1.DatabaseUser) { u.Status.Rotation = &r }
	}
	expires := func(at *metav1.Time) func(*v1alpha1.DatabaseUser) {
		return func(u *v1alpha1.DatabaseUser) { u.Spec.ExpiresAt = at }
	}
	for _, c := range []struct {
		name string
		user v1alpha1.DatabaseUser
		want []string
	}{
		{"ready", user("a", "Ready", nil), nil},
		{"rotation is due", user("a", "Ready", rotation(v1alpha1.RotationStatus{NextTime: ago(11 * time.Minute)})), []string{"warning runner-overdue: user shop/a: should have a new password by now"}},
		{"rotation has just become due", user("a", "Ready", rotation(v1alpha1.RotationStatus{NextTime: ago(9 * time.Minute)})), nil},
		{"an old login", user("a", "Ready", rotation(v1alpha1.RotationStatus{OldUsername: "a", OldUntil: ago(time.Hour)})), []string{"warning runner-overdue: user shop/a: should have no old login any more"}},
		{"an old login that a pod holds", user("a", "Ready", rotation(v1alpha1.RotationStatus{OldUsername: "a", OldUntil: ago(time.Hour), HeldBy: []string{"shop/pod"}})), nil},
		{"expired and open", user("a", "Ready", expires(ago(time.Second))), []string{"error runner-expired-users: user shop/a: expired, and nobody has ended its login and its sessions"}},
		{"expired and closed", user("a", "Expired", expires(ago(time.Hour))), nil},
		{"expires later", user("a", "Ready", expires(ago(-time.Hour))), nil},
		{"never provisioned", user("a", "", nil), []string{"warning runner-overdue: user shop/a: written more than ten minutes ago, and never provisioned"}},
		{"just written", user("a", "Pending", func(u *v1alpha1.DatabaseUser) { u.CreationTimestamp = *ago(time.Minute) }), nil},
		{"deletion pending", user("a", "Ready", func(u *v1alpha1.DatabaseUser) { u.DeletionTimestamp = ago(time.Hour) }),
			[]string{"warning runner-overdue: user shop/a: deleted more than ten minutes ago, and not cleaned up in PostgreSQL"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			work := Work{Users: []v1alpha1.DatabaseUser{c.user}, Now: now}
			compare(t, Runner{Work: work}.Findings(), append([]string{note}, c.want...)...)
		})
	}
}
