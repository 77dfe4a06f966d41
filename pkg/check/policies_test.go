package check

import (
	"errors"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

func TestPolicies(t *testing.T) {
	exception := func(left time.Duration) policy.Exception {
		return policy.Exception{Name: "configmap dbtether-system/legacy", Policy: "CLUSTER-NOT-ALLOWED", Expires: now.Add(left)}
	}
	for _, c := range []struct {
		name     string
		policies Policies
		want     []string
	}{
		{"nothing added", Policies{}, nil},
		{"not loaded", Policies{Failures: []error{errors.New("configmap a: line 1")}}, []string{"error policies-load: the policies cannot be loaded, so that those before them stand: configmap a: line 1"}},
		{"left out", Policies{Problems: []string{"configmap a is no exception"}}, []string{"warning policies-problems: left out of the policies: configmap a is no exception"}},
		{"expired", Policies{Exceptions: []policy.Exception{exception(0)}},
			[]string{"warning policies-exceptions: the exception of configmap dbtether-system/legacy from CLUSTER-NOT-ALLOWED expired at 2026-06-01T12:00:00Z: the policy denies again"}},
		{"ends soon", Policies{Exceptions: []policy.Exception{exception(6 * 24 * time.Hour)}},
			[]string{"warning policies-exceptions: the exception of configmap dbtether-system/legacy from CLUSTER-NOT-ALLOWED ends at 2026-06-07T12:00:00Z"}},
		{"ends later", Policies{Exceptions: []policy.Exception{exception(8 * 24 * time.Hour)}}, nil},
		{"loaded", Policies{Revision: "aa", Replicas: []Replica{{Name: "w", Revision: "aa"}}, Installed: true}, nil},
		{"others", Policies{Revision: "aa", Replicas: []Replica{{Name: "w", Revision: "bb"}}},
			[]string{"warning policies-replicas: the replica w has other policies (bb) than are there now (aa): it is of another version, or has not seen the change yet"}},
		{"none", Policies{Revision: "aa", Replicas: []Replica{{Name: "w", Error: "syntax"}}},
			[]string{"error policies-replicas: the replica w has no policies and refuses what they decide: syntax"}},
		{"older", Policies{Replicas: []Replica{{Name: "w", Revision: "bb", Error: "syntax"}}},
			[]string{"error policies-replicas: the replica w decides by older policies, because it cannot load these: syntax"}},
		{"silent", Policies{Installed: true}, []string{"warning policies-replicas: no replica of the webhook says which policies it has loaded"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.policies.Now = now
			compare(t, c.policies.Findings(), c.want...)
		})
	}
}
