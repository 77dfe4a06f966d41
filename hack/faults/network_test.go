package faults_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/dbtether/kubectl-dbtether/hack/crash"
	"github.com/dbtether/kubectl-dbtether/hack/testenv"
	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// cutLimit is how long a cut network may go unnoticed: the silence after which the server is
// asked whether it is there, the time it has to answer, and as much again for a busy machine.
const cutLimit = 60 * time.Second

// TestNetworkCut cuts the network between the runner and PostgreSQL in the middle of its
// work. The connection ends, the status and a metric say so, and when the network is mended
// everything is completed. The writes to Kubernetes at which it is cut are that of the first
// password, whose role there is not yet, and that of the next one, whose role has still the
// one before.
func TestNetworkCut(t *testing.T) {
	e := newEnvironment(t)
	w := e.webhook(t, "")
	wire := newRelay(t, net.JoinHostPort(e.postgres.Host, strconv.Itoa(e.postgres.Port)))
	s := e.site(t, wire.host, wire.port)
	journal := &crash.Journal{}
	r := e.runnerThrough(t, journal)

	cutAtNextRevision(journal, wire)
	e.must(t, s.resources("orders"), "create", "-f", "-")
	s.checkCut(t, r, "orders-api")
	wire.mend()
	r.tells(t, cutLimit, "dbtether_runner_unreachable_clusters", "", equal(0))
	s.checkWhole(t, "orders")
	if got := s.revisions(t, "orders-api"); got != 1 {
		t.Errorf("%d revisions of the first password were made", got)
	}

	cutAtNextRevision(journal, wire)
	e.must(t, "", "annotate", "databaseuser", "orders-api", "-n", s.name, v1alpha1.AnnotationRotate+"=2030-01-02T03:04:05Z")
	s.checkCut(t, r, "orders-api")
	if err := s.logIn("orders"); err != nil {
		t.Errorf("while the network is cut, the live Secret does not work: %v", err)
	}
	wire.mend()
	r.tells(t, cutLimit, "dbtether_runner_unreachable_clusters", "", equal(0))
	s.checkWhole(t, "orders")
	if got := s.revisions(t, "orders-api"); got != 2 {
		t.Errorf("there are %d revisions after one rotation", got)
	}
	r.stop(t)
	w.stop(t)
}

// runnerThrough starts a runner whose writes to Kubernetes a journal is told of.
func (e *environment) runnerThrough(t *testing.T, journal *crash.Journal) *process {
	t.Helper()
	proxy, err := crash.ServeKubernetes(journal, e.config)
	must(t, err)
	t.Cleanup(func() { _ = proxy.Close() })
	config := clientcmdapi.NewConfig()
	config.Clusters["proxy"] = &clientcmdapi.Cluster{Server: proxy.URL}
	config.Contexts["proxy"] = &clientcmdapi.Context{Cluster: "proxy"}
	config.CurrentContext = "proxy"
	file := t.TempDir() + "/kubeconfig"
	must(t, clientcmd.WriteToFile(*config, file))
	p := e.startRunner(t, testenv.Home{Dir: e.home.Dir, Kubeconfig: file}, "")
	testenv.Within(t, time.Minute, "the runner works", p.ready)
	return p
}

// cutAtNextRevision cuts the network when the revision of a Secret has been written, and
// the process that wrote it waits for the answer.
func cutAtNextRevision(journal *crash.Journal, wire *relay) {
	var once sync.Once
	journal.Observe(func(write crash.Write) {
		if write.What == "POST secrets" {
			once.Do(wire.cutOff)
		}
	})
}

// checkCut expects that the status and the metrics say, in time, that the server is out of
// reach.
func (s *site) checkCut(t *testing.T, r *process, user string) {
	t.Helper()
	took := testenv.Within(t, cutLimit, "the status says that the server does not answer", func() error {
		phase, message := s.phase(v1alpha1.DatabaseUsers, user)
		for _, text := range []string{"stopped answering", "did not answer in time"} {
			if strings.Contains(message, text) {
				return nil
			}
		}
		return fmt.Errorf("%s: %s", phase, message)
	})
	t.Logf("the cut was told after %s", took.Round(time.Second))
	r.tells(t, cutLimit, "dbtether_runner_unreachable_clusters", "", equal(1))
	s.waitPhase(t, cutLimit, v1alpha1.DBClusters, s.name, v1alpha1.PhaseFailed, "")
}
