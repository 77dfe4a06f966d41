package e2e

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestChanges changes the installation as those do who keep one: to another version and
// back, pods for pods, another certificate, a limit that is too low. All the while pods are
// created that ask for a credential, and no review may fail.
func TestChanges(t *testing.T) {
	s := newSite(t)
	before, missing := s.previous(t)
	first := before
	if missing != "" {
		first = s
	}
	first.install(t)
	s.webhookAnswers(t)
	first.provisions(t)
	first.leaves(t)
	l := s.startLoad(t)
	for _, step := range []struct {
		name     string
		versions bool // it takes another version
		but      *exception
		run      func(*testing.T)
	}{
		{"an upgrade", true, drain, func(t *testing.T) { s.changesTo(t, s, before) }},
		{"what was there before it is used", false, nil, s.goesOn},
		{"the pods are replaced, twice", false, nil, s.restartsTwice},
		{"the certificate is replaced", false, nil, s.replacesCertificate},
		{"a replica without memory", false, nil, s.replicaWithoutMemory},
		{"back to the version before", true, nil, func(t *testing.T) { s.changesTo(t, before, s) }},
		{"what was there is used by that", true, nil, func(t *testing.T) { before.goesBack(t) }},
	} {
		t.Run(step.name, func(t *testing.T) {
			if step.versions && missing != "" {
				t.Skip(missing)
			}
			l.during(t, step.but, step.run)
		})
		if t.Failed() {
			return
		}
	}
}

// previous is the same site with the plugin and the images of the version before this
// one, as hack/previous builds them. missing says why there are none.
func (s *site) previous(t *testing.T) (before *site, missing string) {
	t.Helper()
	root, err := testenv.Root()
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(root, "bin", "e2e", "previous")
	if text, err := os.ReadFile(filepath.Join(folder, "missing")); err == nil {
		return nil, strings.TrimSpace(string(text))
	}
	if _, err := os.Stat(filepath.Join(folder, "kubectl-dbtether")); err != nil {
		t.Fatal(err)
	}
	return &site{postgres: s.postgres, path: folder + ":" + os.Getenv("PATH"), version: "previous"}, ""
}

// leaves makes what a later version finds: a pod that runs, and a Secret with a history.
func (s *site) leaves(t *testing.T) {
	s.apply(t, app(t, "old"))
	s.eventuallySays(t, "orders_api as orders_owner in orders", "logs", "old", "-n", "shop")
	for _, value := range []string{"first", "second"} {
		if said, err := s.run(value, "dbtether", "secret", "set", "app-secrets", "KEY=-", "-n", "shop"); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
	}
}

// changesTo installs with the plugin of one version over what that of another has.
func (s *site) changesTo(t *testing.T, to, from *site) {
	if got := s.images(t); got != "registry.test/dbtether/webhook:"+from.version {
		t.Fatalf("before, the webhook is %q", got)
	}
	to.install(t)
	s.rolledOut(t)
	if got := s.images(t); got != "registry.test/dbtether/webhook:"+to.version {
		t.Errorf("afterwards, the webhook is %q", got)
	}
	said := to.kubectl(t, "dbtether", "check", "-A")
	if strings.Contains(said, "\n  warning ") || strings.Contains(said, "\n  error ") {
		t.Errorf("check is not content:\n%s", said)
	}
}

// images are those of the webhook's pods, each once.
func (s *site) images(t *testing.T) string {
	t.Helper()
	var images []string
	for _, image := range strings.Fields(s.kubectl(t, "get", "pods", "-n", "dbtether-system", "-l", webhookLabel, "-o", "jsonpath={.items[*].spec.containers[*].image}")) {
		if len(images) == 0 || images[len(images)-1] != image {
			images = append(images, image)
		}
	}
	return strings.Join(images, " ")
}

const webhookLabel = "app.kubernetes.io/component=webhook"

// rolledOut waits until only the pods of the last change are left.
func (s *site) rolledOut(t *testing.T) {
	t.Helper()
	s.kubectl(t, "rollout", "status", "deployment/dbtether-webhook", "-n", "dbtether-system", "--timeout=120s")
	eventually(t, "the pods of before are gone", func() error {
		if names := strings.Fields(s.replicas(t)); len(names) != 2 {
			return fmt.Errorf("there are %q", names)
		}
		return nil
	})
}

func (s *site) replicas(t *testing.T) string {
	t.Helper()
	return s.kubectl(t, "get", "pods", "-n", "dbtether-system", "-l", webhookLabel, "-o", "jsonpath={.items[*].metadata.name}")
}

// goesOn uses what the version before has left, rotates its user, and adds one.
func (s *site) goesOn(t *testing.T) {
	s.logsIn(t, "orders_api")
	mustContain(t, s.kubectl(t, "dbtether", "user", "rotate", "orders-api", "-n", "shop"), "orders_api_b can log in")
	s.kubectl(t, "dbtether", "reconcile", "-n", "shop")
	s.logsIn(t, "orders_api_b")
	mustContain(t, s.kubectl(t, "dbtether", "user", "create", "later", "--database", "orders", "-n", "shop"), "later can log in")
	s.rollsBack(t, "first")
}

// goesBack is the same with what a later version has left.
func (s *site) goesBack(t *testing.T) {
	s.logsIn(t, "orders_api_b")
	// The other user's rotation is not over: a pod still has the old login.
	mustContain(t, s.kubectl(t, "dbtether", "user", "rotate", "later", "-n", "shop"), "later_b can log in")
	s.kubectl(t, "dbtether", "reconcile", "-n", "shop")
	mustContain(t, s.kubectl(t, "dbtether", "user", "create", "earlier", "--database", "orders", "-n", "shop"), "earlier can log in")
	s.rollsBack(t, "second")
}

// logsIn logs in as a role in the pod of before, and in another one. The variables of that
// of before stay as they were.
func (s *site) logsIn(t *testing.T, login string) {
	t.Helper()
	says := login + " as orders_owner in orders"
	s.eventuallySays(t, "orders_api as orders_owner in orders", loginBy("old", "environment")...)
	s.eventuallySays(t, says, loginBy("old", "files", "orders-api")...)
	s.kubectl(t, "delete", "pod", "new", "-n", "shop", "--ignore-not-found", "--timeout=60s")
	s.apply(t, app(t, "new"))
	s.eventuallySays(t, says, "logs", "new", "-n", "shop")
}

// rollsBack rolls a Secret of the team back by one revision.
func (s *site) rollsBack(t *testing.T, want string) {
	t.Helper()
	history := s.kubectl(t, "dbtether", "secret", "history", "app-secrets", "-n", "shop")
	mustContain(t, history, "+KEY")
	mustContain(t, history, "~KEY")
	s.kubectl(t, "dbtether", "secret", "rollback", "app-secrets", "-n", "shop")
	if value := s.kubectl(t, "get", "secret", "app-secrets", "-n", "shop", "-o", "go-template={{.data.KEY | base64decode}}"); value != want {
		t.Errorf("the Secret is rolled back to %q, not to %q", value, want)
	}
}

func (s *site) restartsTwice(t *testing.T) {
	for range 2 {
		before := strings.Fields(s.replicas(t))
		s.kubectl(t, "rollout", "restart", "deployment/dbtether-webhook", "-n", "dbtether-system")
		s.rolledOut(t)
		after := s.replicas(t)
		for _, name := range before {
			if strings.Contains(after, name) {
				t.Errorf("%s was not replaced", name)
			}
		}
	}
}

// replacesCertificate lets the replicas make another authority and certificate, as
// docs/install.md has it: by deleting the Secret.
func (s *site) replacesCertificate(t *testing.T) {
	before := s.certificate(t)
	s.kubectl(t, "delete", "secret", "dbtether-webhook-certificate", "-n", "dbtether-system")
	var now []byte
	eventually(t, "there is another certificate", func() error {
		if now = s.certificate(t); len(now) == 0 || bytes.Equal(now, before) {
			return errors.New("it is the same, or none")
		}
		return nil
	})
	for _, address := range strings.Fields(s.kubectl(t, "get", "pods", "-n", "dbtether-system", "-l", webhookLabel, "-o", "jsonpath={.items[*].status.podIP}")) {
		eventually(t, address+" serves it", func() error { return serves(net.JoinHostPort(address, "9443"), now) })
	}
}

// certificate is what the Secret holds; nothing: there is none.
func (s *site) certificate(t *testing.T) []byte {
	t.Helper()
	text := s.kubectl(t, "get", "secret", "dbtether-webhook-certificate", "-n", "dbtether-system", "--ignore-not-found", "-o", `jsonpath={.data.tls\.crt}`)
	certificate, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// serves returns an error unless the server at an address shows exactly a certificate, in
// PEM.
func serves(address string, certificate []byte) error {
	block, _ := pem.Decode(certificate)
	if block == nil {
		return errors.New("the Secret holds no certificate")
	}
	// It is compared, which is more than to verify it.
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS13}
	connection, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", address, config)
	if err != nil {
		return err
	}
	defer connection.Close()
	if shown := connection.ConnectionState().PeerCertificates; !bytes.Equal(shown[0].Raw, block.Bytes) {
		return fmt.Errorf("it shows another one, of %s", shown[0].NotBefore)
	}
	return nil
}

// replicaWithoutMemory gives the pods a limit at which the new one is killed. It does not
// become ready, so those of before go on; then it is put back.
func (s *site) replicaWithoutMemory(t *testing.T) {
	before := strings.Fields(s.replicas(t))
	s.kubectl(t, "set", "resources", "deployment/dbtether-webhook", "-n", "dbtether-system", "--limits=memory=8Mi", "--requests=memory=8Mi")
	eventually(t, "a new pod is killed for its memory", func() error {
		said := s.kubectl(t, "get", "pods", "-n", "dbtether-system", "-l", webhookLabel, "-o", "jsonpath={.items[*].status.containerStatuses[*]['state','lastState'].terminated.reason}")
		if strings.Count(said, "OOMKilled") == 0 {
			return fmt.Errorf("the reasons of ends are %q", said)
		}
		return nil
	})
	if said, err := s.run("", "rollout", "status", "deployment/dbtether-webhook", "-n", "dbtether-system", "--timeout=15s"); err == nil {
		t.Errorf("the rollout completes: %s", said)
	}
	if now := s.replicas(t); !strings.Contains(now, before[0]) || !strings.Contains(now, before[1]) {
		t.Errorf("of %q are left %s", before, now)
	}
	s.kubectl(t, "rollout", "undo", "deployment/dbtether-webhook", "-n", "dbtether-system")
	s.rolledOut(t)
}
