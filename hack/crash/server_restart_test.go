package crash_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// TestServerRestartedMeanwhile restarts PostgreSQL while reconcile is at work on many
// resources: what it says names the cluster and what to do, nothing stays half made, and
// the next run completes it.
func TestServerRestartedMeanwhile(t *testing.T) {
	e := newEnvironmentOn(t, testenv.SharedControlPlane(t), testenv.OwnPostgreSQL(t, testenv.PostgreSQLOptions{Version: 18}))
	for _, at := range []int32{2, 9, 20} {
		t.Run(fmt.Sprintf("at-write-%d", at), func(t *testing.T) {
			s := newSite(t, e, false)
			s.withoutProxy(t)
			f := s.createFleet(t, 3, 4)
			s.restartAt(t, at)
			r := s.run(t, "reconcile")
			s.journal.Observe(nil)
			if r.err == nil {
				t.Errorf("the server was restarted, and nothing failed: %v", r)
			}
			s.checkLossTold(t, r)
			f.checkWhole(t)
			s.mustRun(t, "reconcile")
			f.check(t)
		})
	}
}

// withoutProxy lets the plugin connect to the server itself, so that it sees what the
// operating system says of a server that is down.
func (s *site) withoutProxy(t *testing.T) {
	t.Helper()
	patch := fmt.Appendf(nil, `{"spec":{"endpoint":"%s","port":%d}}`, s.env.postgres.Host, s.env.postgres.Port)
	if _, err := s.env.objects.Resource(v1alpha1.DBClusters).Patch(t.Context(), s.name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
}

// restartAt restarts the server after the given write to Kubernetes, while the one of
// the runs under way that made it waits for the answer.
func (s *site) restartAt(t *testing.T, at int32) {
	var writes atomic.Int32
	s.journal.Observe(func(crash.Write) {
		if writes.Add(1) != at {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := s.env.postgres.Restart(ctx); err != nil {
			t.Error(err)
		}
	})
}

// checkLossTold expects that each failure says which server was lost, and what to do.
func (s *site) checkLossTold(t *testing.T, r result) {
	t.Helper()
	lines := strings.Split(r.stderr, "\n")
	told := 0
	for i, line := range lines {
		consequence := strings.HasSuffix(line, " is not provisioned so far") || strings.HasSuffix(line, " failed")
		if !strings.HasPrefix(line, "error: ") || consequence {
			continue
		}
		told++
		lost := strings.Contains(line, fmt.Sprintf("connection to cluster %q was lost: ", s.name)) || strings.Contains(line, fmt.Sprintf("connect to cluster %q: ", s.name))
		if !lost || i+1 == len(lines) || !strings.HasPrefix(lines[i+1], "hint:  ") {
			t.Errorf("it does not say which server was lost and what to do: %v", r)
			return
		}
	}
	if told == 0 {
		t.Errorf("no failure was told: %v", r)
	}
}
