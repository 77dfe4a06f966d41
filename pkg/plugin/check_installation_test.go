package plugin_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// installation is an API server of its own with everything of dbtether on it, and the
// built webhook that it calls. Webhook configurations are for all of a cluster, so that it
// cannot be the server that other tests share.
type installation struct {
	program
	*testenv.ControlPlane
	binary, identity string // the webhook, and the kubeconfig of its service account
	webhook          runningWebhook
}

// runningWebhook is the process, and where the API server calls it.
type runningWebhook struct {
	cmd              *exec.Cmd
	address, metrics string
	exited           chan struct{}
}

// newInstallation starts one that ends with the test.
func newInstallation(t *testing.T) *installation {
	t.Helper()
	server := ownControlPlane(t)
	c := &installation{ControlPlane: server, binary: filepath.Join(server.Dir, "webhook")}
	var err error
	if c.program, err = build(server); err != nil {
		t.Fatal(err)
	}
	if err := compile(c.binary, "./cmd/webhook"); err != nil {
		t.Fatal(err)
	}
	if c.identity, err = server.KubeconfigFor(webhookAccount, "system:serviceaccounts"); err != nil {
		t.Fatal(err)
	}
	c.must(t, "", "create", "namespace", system)
	if err := c.Apply("crd/*.yaml", "policies/*.yaml", "webhook/*.yaml"); err != nil {
		t.Fatal(err)
	}
	c.must(t, "", "wait", "--for=condition=Established", "--timeout=60s", "crd/dbclusters.dbtether.io", "crd/databases.dbtether.io", "crd/databaseusers.dbtether.io")
	c.behind(t)
	c.webhook.address, c.webhook.metrics = freeAddress(t), freeAddress(t)
	c.startWebhook(t)
	t.Cleanup(func() { c.stopWebhook(t) })
	return c
}

// behind makes the Service, its endpoints and the Deployment as controllers leave them:
// there are none here, and the webhook runs beside the API server.
func (c *installation) behind(t *testing.T) {
	t.Helper()
	c.must(t, `
apiVersion: v1
kind: Service
metadata: {name: dbtether-webhook, namespace: dbtether-system}
spec: {selector: {app: dbtether-webhook}, ports: [{port: 443, targetPort: 9443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dbtether-webhook, namespace: dbtether-system, labels: {kubernetes.io/service-name: dbtether-webhook}}
addressType: IPv4
ports: [{port: 9443}]
endpoints:
  - {addresses: [10.1.0.1], conditions: {ready: true}}
  - {addresses: [10.1.0.2]}
  - {addresses: [10.1.0.3], conditions: {ready: false}}
`, "apply", "--server-side", "--force-conflicts", "-f", "-")
	if _, err := c.kubectl("", "get", "deployment", "dbtether-webhook", "-n", system); err != nil {
		c.must(t, `
apiVersion: apps/v1
kind: Deployment
metadata: {name: dbtether-webhook, namespace: dbtether-system}
spec:
  replicas: 2
  selector: {matchLabels: {app: dbtether-webhook}}
  template:
    metadata: {labels: {app: dbtether-webhook}}
    spec: {containers: [{name: webhook, image: "dbtether/webhook:test"}]}
`, "create", "-f", "-")
	}
	c.must(t, "", "patch", "deployment", "dbtether-webhook", "-n", system, "--subresource=status", "--type=merge", "-p", `{"status":{"replicas":2,"readyReplicas":2}}`)
}

func (c *installation) startWebhook(t *testing.T) {
	t.Helper()
	log, err := os.CreateTemp(c.Dir, "webhook-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	w := &c.webhook
	w.exited = make(chan struct{})
	exited := w.exited
	w.cmd = exec.Command(c.binary, "--kubeconfig="+c.identity, "--listen="+w.address, "--metrics-listen="+w.metrics, "--url=https://"+w.address,
		"--drain=1s", "--replica="+strings.TrimSuffix(filepath.Base(log.Name()), ".log"))
	w.cmd.Stdout, w.cmd.Stderr = log, log
	release, err := testenv.StartBound(w.cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	cmd := w.cmd
	go func() {
		_ = cmd.Wait()
		release()
		close(exited)
	}()
	for deadline := time.Now().Add(60 * time.Second); ; {
		response, err := http.Get("http://" + w.metrics + "/readyz")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("the webhook is not ready within a minute: %v\n%s", err, text)
		}
	}
}

// stopWebhook ends it as Kubernetes would, if it runs.
func (c *installation) stopWebhook(t *testing.T) {
	t.Helper()
	select {
	case <-c.webhook.exited:
		return
	default:
	}
	if err := c.webhook.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	<-c.webhook.exited
}

func (c *installation) environment() []string {
	return append(os.Environ(), "KUBECONFIG="+c.Kubeconfig, "PATH="+c.path(), "HOME="+c.Dir)
}

func (c *installation) kubectl(stdin string, args ...string) (string, error) {
	cmd := exec.Command(c.Kubectl, append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", errors.New(strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}

func (c *installation) must(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := c.kubectl(stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), err)
	}
	return out
}

// kept returns an object as it is now, to be created again or put back.
func (c *installation) kept(t *testing.T, kindAndName ...string) string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(c.must(t, "", append([]string{"get", "-o", "json"}, kindAndName...)...)), &object); err != nil {
		t.Fatal(err)
	}
	metadata, _ := object["metadata"].(map[string]any)
	for _, field := range []string{"resourceVersion", "uid", "creationTimestamp", "generation", "managedFields"} {
		delete(metadata, field)
	}
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (c *installation) bundleOf(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

// expireCertificate puts a certificate that expired an hour ago in the place of the
// webhook's.
func (c *installation) expireCertificate(t *testing.T) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "expired"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(-time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	c.must(t, "", "patch", "secret", "dbtether-webhook-certificate", "-n", system, "--type=merge", "-p", fmt.Sprintf(`{"data":{"tls.crt":%q}}`, base64.StdEncoding.EncodeToString(text)))
}

// freeAddress returns a loopback address below the ports of outgoing connections, so that
// nobody takes it while the webhook is down.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+mathrand.IntN(12000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}
