package crash_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// meddled is a command, and what somebody else does while it runs.
type meddled struct {
	name    string
	prepare func(*testing.T, *site)
	args    func(*site) []string
	// after is the write after which meddle is called, once; empty: after each one.
	after  string
	meddle func(*testing.T, *site)
	check  func(*testing.T, *site)
}

var meddling = []meddled{
	{name: "db create", prepare: nothing, args: dbCreate, meddle: touch, check: checkAdmin},
	{name: "db create while the user is created", prepare: nothing, args: dbCreate, after: "POST databases", meddle: createUserMeanwhile, check: checkAdmin},
	{name: "user rotate", prepare: createRotatable("24h", "Alternate"), args: userRotate, meddle: touch, check: checkAlternated},
	{name: "user rotate while a revision is written", prepare: createRotatable("24h", "Alternate"), args: userRotate, after: "PATCH databaseusers",
		meddle: writeRevision, check: checkAlternatedAfter},
	{name: "user rotate with a restart while another user's is", prepare: withWorkloads("24h", "Alternate"), args: restarting, after: "PATCH deployments",
		meddle: restartForAnother, check: checkRestartedForBoth},
	{name: "user rotate in place", prepare: createRotatable("24h", "InPlace"), args: userRotate, meddle: touch, check: checkReplaced},
	{name: "user rotate in place while its Secret is deleted", prepare: createRotatable("24h", "InPlace"), args: userRotate, after: "COMMIT",
		meddle: deleteSecret, check: checkReplaced},
	{name: "user grant", prepare: grantable, args: grantOther("readwrite"), meddle: touch, check: checkGranted},
	{name: "reconcile of an old login", prepare: rotatedOwner("0s"), args: reconcile, meddle: touch, check: checkOldLoginEnded},
	{name: "user delete", prepare: createOwningUser, args: userDelete, meddle: touch, check: checkNoUser},
}

// TestOthersWriteMeanwhile has somebody who takes no locks write to what a command has
// read, while the command runs. It does its work nevertheless, and says nothing of that.
func TestOthersWriteMeanwhile(t *testing.T) {
	e := newEnvironment(t)
	each(meddling, func(m meddled) {
		t.Run(strings.ReplaceAll(m.name, " ", "-"), func(t *testing.T) {
			s := newSite(t, e, false)
			m.prepare(t, s)
			var times atomic.Int32
			s.journal.Observe(func(w crash.Write) {
				if m.after == "" || m.after == w.What && times.CompareAndSwap(0, 1) {
					m.meddle(t, s)
				}
			})
			if r := s.run(t, m.args(s)...); r.err != nil || r.stderr != "" {
				t.Error(r)
			}
			s.journal.Observe(nil)
			if m.after != "" && times.Load() == 0 {
				t.Errorf("it made no write %s that lasts", m.after)
			}
			m.check(t, s)
			s.checkSettled(t)
		})
	})
}

// touch annotates the resources and the live Secrets, as a person or another
// controller may at any time.
func touch(t *testing.T, s *site) {
	patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"example.com/touched":"%d"}}}`, touches.Add(1))
	for _, resource := range []schema.GroupVersionResource{v1alpha1.Databases, v1alpha1.DatabaseUsers} {
		for _, object := range s.list(t, resource) {
			_, err := s.env.objects.Resource(resource).Namespace(s.name).Patch(t.Context(), object.GetName(), types.MergePatchType, patch, metav1.PatchOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				t.Error(err)
			}
		}
	}
	for _, one := range s.secrets(t) {
		if one.Type == v1alpha1.SecretTypeRevision {
			continue
		}
		if _, err := s.env.core.Secrets(s.name).Patch(t.Context(), one.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
			t.Error(err)
		}
	}
}

// touches counts, so that each touch changes something.
var touches atomic.Int64

// createUserMeanwhile creates the user that the command is about to create.
func createUserMeanwhile(t *testing.T, s *site) {
	s.create(t, v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, s.user, map[string]any{
		"databaseRef": map[string]any{"name": s.database}, "privileges": "admin"})
}

// deleteSecret deletes the live Secret that the command has read, and is to write.
func deleteSecret(t *testing.T, s *site) {
	if err := s.env.core.Secrets(s.name).Delete(t.Context(), s.secretName(), metav1.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// writeRevision writes the revision that the command is about to write, with content
// that differs from the live Secret's in a key of no meaning.
func writeRevision(t *testing.T, s *site) {
	first := s.revision(t, 1)
	next := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: s.secretName() + ".v2", Labels: first.Labels, Annotations: first.Annotations},
		Type: first.Type, Immutable: first.Immutable, Data: first.Data}
	next.Annotations[v1alpha1.AnnotationRevision] = "2"
	next.Data["note"] = []byte("1")
	if _, err := s.env.core.Secrets(s.name).Create(t.Context(), next, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	}
}

// checkAlternatedAfter expects the rotation as the revision after the other one.
func checkAlternatedAfter(t *testing.T, s *site) {
	s.checkReady(t)
	s.checkRevisions(t, s.secretName(), 3)
	s.checkLoginNames(t, s.userName(), s.second())
	s.checkLoginTo(t, s.secret(t, s.secretName()), s.databaseName(), s.second(), s.databaseName()+"_owner")
	if slices.Contains(keysOf(s.secret(t, s.secretName())), "note") {
		t.Error("a key that the template does not have is in the Secret")
	}
}
