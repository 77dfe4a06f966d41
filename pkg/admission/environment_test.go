package admission

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// TestMain stops what the tests share.
func TestMain(m *testing.M) {
	code := testenv.Main(m)
	if err := theCluster.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "admission:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// cluster is an API server with our definitions and webhook configurations, and
// the built webhook that they call. It is not the server that the tests of other
// packages share: webhook configurations are for all of a cluster, and while the
// webhook is down nobody could write our resources there.
type cluster struct {
	*testenv.ControlPlane
	binary     string
	kubeconfig string // of the webhook's service account
	webhook    *webhook

	options testenv.ControlPlaneOptions
	group   *memoryGroup // in which the webhook runs

	once sync.Once
	err  error
}

var theCluster cluster

const (
	systemNamespace = "dbtether-system"
	serviceAccount  = "system:serviceaccount:" + systemNamespace + ":dbtether-webhook"
)

// newClusterOf returns a cluster of its own, without a webhook, that ends with the test.
func newClusterOf(t testing.TB, options testenv.ControlPlaneOptions) *cluster {
	t.Helper()
	c := &cluster{options: options}
	t.Cleanup(func() {
		if err := c.stop(); err != nil {
			t.Error(err)
		}
	})
	if err := c.start(); err != nil {
		t.Fatal(err)
	}
	return c
}

// newCluster returns the one cluster, with the webhook running.
func newCluster(t testing.TB) *cluster {
	t.Helper()
	c := &theCluster
	c.once.Do(func() { c.err = c.start() })
	if c.err != nil {
		t.Fatal(c.err)
	}
	c.running(t)
	return c
}

func (c *cluster) start() error {
	var err error
	c.ControlPlane, err = testenv.StartControlPlane(context.Background(), c.options)
	if err != nil {
		return err
	}
	root, err := testenv.Root()
	if err != nil {
		return err
	}
	c.binary = filepath.Join(c.Dir, "webhook")
	build := exec.Command("go", "build", "-o", c.binary, "./cmd/webhook")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the webhook: %w\n%s", err, out)
	}
	if c.kubeconfig, err = c.KubeconfigFor(serviceAccount, "system:serviceaccounts"); err != nil {
		return err
	}
	if _, err := c.kubectl("", "create", "namespace", systemNamespace); err != nil {
		return err
	}
	if err := c.Apply("crd/*.yaml", "policies/*.yaml", "webhook/*.yaml"); err != nil {
		return err
	}
	_, err = c.kubectl("", "wait", "--for=condition=Established", "--timeout=60s",
		"crd/dbclusters.dbtether.io", "crd/databases.dbtether.io", "crd/databaseusers.dbtether.io")
	return err
}

func (c *cluster) stop() error {
	if c.ControlPlane == nil {
		return nil
	}
	var err error
	if c.webhook != nil && !c.webhook.gone() {
		err = c.webhook.stop()
	}
	return errors.Join(err, c.ControlPlane.Stop())
}

// kubectl runs it as cluster-admin. The error has what it said.
func (c *cluster) kubectl(stdin string, args ...string) (string, error) {
	stdout, stderr, err := c.kubectlOutput(stdin, args...)
	if err != nil {
		return stdout, errors.New(strings.TrimSpace(stderr))
	}
	return strings.TrimSpace(stdout), nil
}

// kubectlOutput is kubectl, and returns all that it wrote.
func (c *cluster) kubectlOutput(stdin string, args ...string) (stdout, stderr string, err error) {
	cmd := exec.Command(c.Kubectl, append([]string{"--kubeconfig", c.Kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err = cmd.Run()
	return out.String(), said.String(), err
}

// must is kubectl, and fails the test if that does.
func (c *cluster) must(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	out, err := c.kubectl(stdin, args...)
	if err != nil {
		t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, stdin)
	}
	return out
}

// webhook is a running one.
type webhook struct {
	cmd     *exec.Cmd
	url     string
	metrics string // URL
	log     string // file
	replica string
	exited  chan struct{}
}

// running makes sure that the webhook runs and that the API server reaches it.
func (c *cluster) running(t testing.TB) {
	t.Helper()
	if c.webhook != nil && !c.webhook.gone() {
		return
	}
	c.webhook = c.startWebhook(t, "--drain=1s", "--cert-secret=dbtether-webhook-certificate")
	c.webhook.waitReady(t)
	// Ready says that we could be called; that the API server would believe us is
	// another matter of seconds.
	eventually(t, "the API server calls the webhook", c.asks)
}

// asks lets the API server ask the webhook something that it allows.
func (c *cluster) asks() error {
	_, err := c.kubectl(manifestOf("DBCluster", "", "probe", `{endpoint: db, credentialsSecretRef: {name: admin, namespace: dbtether-system}}`), "create", "--dry-run=server", "-f", "-")
	return err
}

func (c *cluster) startWebhook(t testing.TB, args ...string) *webhook {
	t.Helper()
	listen, metrics := freeAddress(t), freeAddress(t)
	log, err := os.CreateTemp(c.Dir, "webhook-*.log")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	w := &webhook{url: "https://" + listen, metrics: "http://" + metrics, log: log.Name(), exited: make(chan struct{}),
		replica: strings.TrimSuffix(filepath.Base(log.Name()), ".log")}
	w.cmd = c.group.command(c.binary, append([]string{"--kubeconfig=" + c.kubeconfig, "--listen=" + listen, "--metrics-listen=" + metrics, "--url=" + w.url, "--debug", "--replica=" + w.replica}, args...)...)
	w.cmd.Stdout, w.cmd.Stderr = log, log
	release, err := testenv.StartBound(w.cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = w.cmd.Wait()
		release()
		close(w.exited)
	}()
	return w
}

func (w *webhook) gone() bool {
	select {
	case <-w.exited:
		return true
	default:
		return false
	}
}

// stop ends it as Kubernetes would, and returns an error if it did not end well.
func (w *webhook) stop() error {
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-w.exited:
	case <-time.After(30 * time.Second):
		_ = w.cmd.Process.Kill()
		return errors.New("the webhook does not end")
	}
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("the webhook ended with code %d\n%s", code, w.text())
	}
	return nil
}

func (w *webhook) text() string {
	text, err := os.ReadFile(w.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (w *webhook) waitReady(t testing.TB) {
	t.Helper()
	eventually(t, "the webhook is ready", func() error {
		code, text, err := get(w.metrics + "/readyz")
		if err == nil && code == http.StatusOK {
			return nil
		}
		return fmt.Errorf("%d %s %w\n%s", code, text, err, w.text())
	})
}

func get(url string) (code int, text string, err error) {
	response, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(response.Body)
	return response.StatusCode, body.String(), err
}

func eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatalf("not within a minute: %s: %v", what, err)
}

// freeAddress returns a loopback address below the ports of outgoing connections.
func freeAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20000+rand.IntN(12000))
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
	t.Fatal("no free port")
	return ""
}

// manifestOf returns an object of our API as YAML.
func manifestOf(kind, namespace, name, spec string) string {
	meta := "{name: " + name + "}"
	if namespace != "" {
		meta = "{name: " + name + ", namespace: " + namespace + "}"
	}
	return fmt.Sprintf("apiVersion: dbtether.io/v1alpha1\nkind: %s\nmetadata: %s\nspec: %s\n", kind, meta, spec)
}

// namespace makes one that no other test has. labels are as kubectl label takes them.
func (c *cluster) namespace(t testing.TB, labels ...string) string {
	t.Helper()
	name := fmt.Sprintf("shop-%06x", rand.IntN(1<<24))
	c.must(t, "", "create", "namespace", name)
	if len(labels) > 0 {
		c.must(t, "", append([]string{"label", "namespace", name}, labels...)...)
	}
	return name
}

const enabled = "dbtether.io/injection=enabled"

// user makes a DatabaseUser whose credential is ready, as far as its status says.
func (c *cluster) user(t testing.TB, namespace, name string, revision int) {
	t.Helper()
	c.must(t, manifestOf("DatabaseUser", namespace, name, "{databaseRef: {name: orders}, username: login}"), "create", "-f", "-")
	c.setUser(t, namespace, name, revision, "True")
}

func (c *cluster) setUser(t testing.TB, namespace, name string, revision int, ready string) {
	t.Helper()
	c.must(t, "", "patch", "databaseuser", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", fmt.Sprintf(
		`{"status":{"phase":"Ready","message":"set by a test","secretName":"%s-credentials","secretRevision":%d,"conditions":[{"type":"CredentialsReady","status":"%s","reason":"Test","message":"","lastTransitionTime":"2026-01-01T00:00:00Z"}]}}`,
		name, revision, ready))
}
