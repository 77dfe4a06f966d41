package admission

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// alone starts a webhook that is in nobody's webhook configuration.
func (c *cluster) alone(t *testing.T, args ...string) *webhook {
	t.Helper()
	w := c.startWebhook(t, append([]string{"--configuration=nobody", "--cert-secret="}, args...)...)
	t.Cleanup(func() {
		if !w.gone() {
			_ = w.cmd.Process.Kill()
			<-w.exited
		}
	})
	return w
}

// dial opens a connection to a webhook, without looking at its certificate.
func (w *webhook) dial(t *testing.T) *tls.Conn {
	t.Helper()
	connection, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

// waitNotReady waits until /readyz says why the webhook is not ready.
func (w *webhook) waitNotReady(t *testing.T, why string) {
	t.Helper()
	eventually(t, "it is not ready: "+why, func() error {
		code, text, err := get(w.metrics + "/readyz")
		if code == http.StatusServiceUnavailable && strings.Contains(text, why) {
			return nil
		}
		return fmt.Errorf("%d %s %w", code, text, err)
	})
}

// anyone is a client that believes every certificate.
func anyone() *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: 10 * time.Second, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

func post(url string, body io.Reader) (int, string, error) {
	request, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		return 0, "", err
	}
	// The server closes on a body that it does not want; this way it can say so first.
	request.Header.Set("Expect", "100-continue")
	response, err := anyone().Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

func TestServerAnswersWhateverIsSent(t *testing.T) {
	w := newCluster(t).alone(t)
	w.waitReady(t)
	deployment := strings.NewReplacer(`"kind":"Pod"`, `"kind":"Deployment"`, `"resource":"pods"`, `"resource":"deployments"`, `"group":""`, `"group":"apps"`).Replace(podReview)
	for _, c := range []struct {
		name, path, says string
		body             io.Reader
		code             int
	}{
		{"no review", "/inject", "not AdmissionReview of admission.k8s.io/v1", strings.NewReader("{}"), 400},
		{"request null", "/enforce", "request is missing or null", strings.NewReader(`{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":null}`), 400},
		{"too large", "/enforce", "more than 6291456 bytes", bytes.NewReader(make([]byte, maxBody+1)), 413},
		{"a Deployment to inject", "/inject", "WRONG-KIND: this entry answers CREATE of pods", strings.NewReader(deployment), 200},
		{"a Deployment to enforce", "/enforce", "WRONG-KIND: this entry answers CREATE of pods", strings.NewReader(deployment), 200},
		{"a Pod to resources", "/resources", "WRONG-KIND: this entry answers CREATE and UPDATE of dbclusters", strings.NewReader(podReview), 200},
		{"a path that is not there", "/mutate", "404", strings.NewReader(podReview), 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, text, err := post(w.url+c.path+"?timeout=3s", c.body)
			if err != nil || code != c.code || !strings.Contains(text, c.says) {
				t.Errorf("got %d %s %v", code, text, err)
			}
		})
	}
	if response, err := anyone().Get(w.url + "/inject"); err != nil || response.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET: %v, %v", response, err)
	}
	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}
	if connection, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), old); err == nil {
		connection.Close()
		t.Error("TLS 1.2 is spoken")
	}
	if _, text, err := get(w.metrics + "/metrics"); err != nil || !strings.Contains(text, `dbtether_webhook_reviews_total{entry="enforce",outcome="too_large"} 1`) {
		t.Errorf("%v\n%s", err, text)
	}
	if err := w.stop(); err != nil {
		t.Error(err)
	}
}

func TestServerDrains(t *testing.T) {
	w := newCluster(t).alone(t, "--drain=6s")
	w.waitReady(t)
	// One review has come in by half.
	connection := w.dial(t)
	half := len(podReview) / 2
	if _, err := fmt.Fprintf(connection, "POST /resources HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(podReview), podReview[:half]); err != nil {
		t.Fatal(err)
	}
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.waitNotReady(t, "shutting down")
	// Others have not heard of it yet.
	if code, text, err := post(w.url+"/resources", strings.NewReader(podReview)); code != 200 {
		t.Errorf("a review while draining: %d %s %v", code, text, err)
	}
	eventually(t, "it takes no more connections", func() error {
		late, err := net.Dial("tcp", strings.TrimPrefix(w.url, "https://"))
		if err == nil {
			late.Close()
			return fmt.Errorf("it does")
		}
		return nil
	})
	if w.gone() {
		t.Fatal("it has ended before it answered the first review")
	}
	if _, err := io.WriteString(connection, podReview[half:]); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(connection)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 200 OK")) || !bytes.Contains(answer, []byte("WRONG-KIND")) {
		t.Errorf("the first review: %v\n%s", err, answer)
	}
	<-w.exited
	if code := w.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("it ended with code %d\n%s", code, w.text())
	}
}

// An API server keeps its connections, and knows of no end before it is told: what it asks
// on one while we drain is answered, and the answer says that it is the last.
func TestServerSendsConnectionsAway(t *testing.T) {
	w := newCluster(t).alone(t, "--drain=6s")
	w.waitReady(t)
	connection := w.dial(t)
	answers := bufio.NewReader(connection)
	ask := func() *http.Response {
		t.Helper()
		if _, err := fmt.Fprintf(connection, "POST /resources HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(podReview), podReview); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s, %v", response.Status, err)
		}
		return response
	}
	if ask().Close {
		t.Error("the connection ends with its first review")
	}
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	w.waitNotReady(t, "shutting down")
	if !ask().Close {
		t.Error("the connection is kept while it drains")
	}
	if _, err := answers.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("after the last answer: %v", err)
	}
	<-w.exited
}

func TestServerReadsItsCertificateAgain(t *testing.T) {
	c := newCluster(t)
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")
	write := func(pair *keyPair) {
		t.Helper()
		if err := os.WriteFile(certificate, pair.certificatePEM, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(key, pair.keyPEM, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(newPair(t, time.Now().Add(-2*DefaultCertificateLifetime)))
	w := c.alone(t, "--cert-file="+certificate, "--key-file="+key)
	w.waitNotReady(t, "the certificate expired at")
	fresh := newPair(t, time.Now())
	write(fresh)
	w.waitReady(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(fresh.bundlePEM)
	connection, err := tls.Dial("tcp", strings.TrimPrefix(w.url, "https://"), &tls.Config{RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	connection.Close()

	// Half of what is written, or nonsense, does not take the good one away.
	if err := os.WriteFile(certificate, []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it complains", func() error {
		if text := w.text(); !strings.Contains(text, "keep certificate") {
			return fmt.Errorf("%s", text)
		}
		return nil
	})
	if code, text, err := get(w.metrics + "/readyz"); code != http.StatusOK {
		t.Errorf("with a file of nonsense: %d %s %v", code, text, err)
	}
}

// Without an API server that answers there are no facts to judge by.
func TestServerIsNotReadyWithoutFacts(t *testing.T) {
	c := newCluster(t)
	nobody, err := c.KubeconfigFor("nobody")
	if err != nil {
		t.Fatal(err)
	}
	w := c.alone(t, "--kubeconfig="+nobody)
	eventually(t, "it has tried", func() error {
		if text := w.text(); !strings.Contains(text, "cannot list resource") {
			return fmt.Errorf("%s", text)
		}
		return nil
	})
	if code, text, err := get(w.metrics + "/readyz"); code != http.StatusServiceUnavailable || !strings.Contains(text, "namespaces have not been read yet") {
		t.Errorf("readyz: %d %s %v", code, text, err)
	}
	for line := range strings.Lines(w.text()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON in the log: %s", line)
		}
	}
	if code, _, err := get(w.metrics + "/healthz"); code != http.StatusOK {
		t.Errorf("healthz: %d, %v", code, err)
	}
}
