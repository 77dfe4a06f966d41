package skew

import (
	"strings"
	"testing"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// The ends of what is supported: each Kubernetes with the PostgreSQL at its own end.
func TestKubernetes(t *testing.T) {
	for _, c := range []struct {
		name       string
		kubernetes testenv.Kubernetes
		postgres   int
	}{{"oldest", testenv.Oldest, 14}, {"newest", testenv.Newest, 18}} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.kubernetes, c.postgres, present)
			s.use(present)
			if c.kubernetes == testenv.Oldest && !strings.HasPrefix(s.server.Version, "v"+install.OldestKubernetes+".") {
				t.Errorf("the oldest Kubernetes of the tests is %s, that of the plugin %s: change hack/controlplane/oldest and pkg/install together", s.server.Version, install.OldestKubernetes)
			}
			s.do("", "dbtether check --pre")
			s.install()
			s.walk(c.name)
			s.uninstall()
		})
	}
}
