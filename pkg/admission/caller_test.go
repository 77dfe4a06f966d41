package admission

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// bearing is a client with the certificate of a kubeconfig, or without one.
func bearing(t *testing.T, kubeconfig string) *http.Client {
	t.Helper()
	shown := &tls.Config{InsecureSkipVerify: true}
	if kubeconfig != "" {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		pair, err := tls.X509KeyPair(config.CertData, config.KeyData)
		if err != nil {
			t.Fatal(err)
		}
		// Whatever authorities the server names.
		shown.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: shown}}
}

// ask sends a review and returns the code and the text, or why there is none.
func ask(client *http.Client, url string) string {
	response, err := client.Post(url+"/inject", "application/json", strings.NewReader(podReview))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	return fmt.Sprint(response.StatusCode)
}

// With an authority of client certificates the webhook answers the API server, which
// shows one, and nobody else.
func TestOnlyTheAPIServerMayAsk(t *testing.T) {
	const apiServer = "kube-apiserver"
	c := newClusterOf(t, testenv.ControlPlaneOptions{WebhookClient: apiServer})
	others := newCluster(t)
	user := func(c *cluster, name string) *http.Client {
		t.Helper()
		kubeconfig, err := c.KubeconfigFor(name)
		if err != nil {
			t.Fatal(err)
		}
		return bearing(t, kubeconfig)
	}
	authority := filepath.Join(t.TempDir(), "ca.crt")
	trust := func(c *cluster) {
		t.Helper()
		text, err := os.ReadFile(c.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(authority, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	trust(c)
	c.webhook = c.startWebhook(t, "--drain=0s", "--client-ca-file="+authority, "--client-name="+apiServer, "--client-name=another")
	c.webhook.waitReady(t)
	eventually(t, "the API server asks", c.asks)
	unnamed := c.alone(t, "--client-ca-file="+authority)
	unnamed.waitReady(t)

	const unknownAuthority = "tls: unknown certificate authority"
	for _, x := range []struct {
		name           string
		client         *http.Client
		named, unnamed string
	}{
		{"no certificate", bearing(t, ""), "401", "401"},
		{"a user of the cluster", user(c, "jane"), "403", "200"},
		{"a name in the list", user(c, "another"), "200", "200"},
		{"the API server's name, signed by somebody else", user(others, apiServer), unknownAuthority, unknownAuthority},
	} {
		for w, want := range map[*webhook]string{c.webhook: x.named, unnamed: x.unnamed} {
			if got := ask(x.client, w.url); !strings.HasSuffix(got, want) {
				t.Errorf("%s: %s, want %s", x.name, got, want)
			}
		}
	}
	if code, text, err := get(c.webhook.metrics + "/healthz"); code != http.StatusOK {
		t.Errorf("the probes: %d %s %v", code, text, err)
	}

	trust(others)
	if got := ask(user(c, "another"), c.webhook.url); !strings.HasSuffix(got, unknownAuthority) {
		t.Errorf("an authority that has left the file: %s", got)
	}
	if got := ask(user(others, apiServer), c.webhook.url); got != "200" {
		t.Errorf("an authority that has come into the file: %s", got)
	}
	if err := os.WriteFile(authority, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := ask(user(others, apiServer), c.webhook.url); !strings.HasSuffix(got, "tls: internal error") {
		t.Errorf("a file of nonsense: %s", got)
	}
	eventually(t, "the log says what is wrong with the file", func() error {
		if text := c.webhook.text(); !strings.Contains(text, authority+" holds no certificate in PEM") {
			return errors.New(text)
		}
		return nil
	})
}

// An API server that shows no certificate, or another's, is told what to do about it.
func TestAPIServerIsTold(t *testing.T) {
	without := newClusterOf(t, testenv.ControlPlaneOptions{})
	w := without.startWebhook(t, "--drain=0s", "--client-ca-file="+without.CAFile)
	without.webhook = w
	w.waitReady(t)
	eventually(t, "the API server says what it was told", func() error {
		err := without.asks()
		if err == nil || !strings.Contains(err.Error(), "AdmissionConfiguration") {
			return fmt.Errorf("it says: %w", err)
		}
		return nil
	})
}

func TestClientsThatMakeNoSense(t *testing.T) {
	nonsense := filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(nonsense, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{ClientNames: []string{"x"}}, "names of clients say nothing without the file of their authority"},
		{Options{ClientCAFile: nonsense}, nonsense + " holds no certificate in PEM"},
		{Options{ClientCAFile: nonsense + "x"}, "no such file"},
	} {
		if err := c.options.check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, and not: %s", err, c.want)
		}
	}
}
