package provision_test

import (
	"errors"
	"testing"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// Who may not list clusters is not told that there are none.
func TestUnknownCluster(t *testing.T) {
	s := newSite(t)
	s.grant(t, s.id, rule(v1alpha1.GroupVersion.Group, []any{"dbclusters"}, []any{"get"}))
	p := s.provisioner(t, s.id, nil)
	s.awaitRights(t, p)
	_, err := p.Cluster(t.Context(), s.id+"-x")
	var failed *provision.Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	if failed.Hint() != "check the name; if it is right, register it: kubectl dbtether cluster add" {
		t.Errorf("got %v, hint %q", err, failed.Hint())
	}
}
