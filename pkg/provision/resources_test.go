package provision_test

import (
	"errors"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// Who may not list clusters is not told that there are none.
func TestUnknownCluster(t *testing.T) {
	s := newSite(t)
	s.grant(t, s.id, "get", "dbclusters")
	p := s.provisioner(t, s.id, nil)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := p.Cluster(t.Context(), s.id); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	_, err := p.Cluster(t.Context(), s.id+"-x")
	var failed *provision.Error
	if !errors.As(err, &failed) {
		t.Fatalf("got %v", err)
	}
	if failed.Hint() != "check the name; if it is right, register it: kubectl dbtether cluster add" {
		t.Errorf("got %v, hint %q", err, failed.Hint())
	}
}
