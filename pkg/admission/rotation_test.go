package admission

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/yaml"

	"github.com/dbtether/kubectl-dbtether/hack/testenv"
)

// rotationDuration is how long TestRotationUnderLoad goes on, unless DBTETHER_SOAK says
// otherwise. rotationInterval is how often certificates are replaced meanwhile, when two
// thirds of their life are over, and how long it may take until that is noticed.
const (
	rotationDuration = 45 * time.Second
	rotationInterval = minCertificateLifetime*2/3 + minCertificateLifetime/30
)

// TestRotationUnderLoad lets two replicas replace their certificate every 20 seconds while
// pods are created through them as fast as the API server takes them. No review may fail,
// and at no time may a replica serve what the webhook configuration does not cover.
func TestRotationUnderLoad(t *testing.T) {
	duration := rotationDuration
	if text := os.Getenv("DBTETHER_SOAK"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	c := newClusterOf(t, testenv.ControlPlaneOptions{})
	replicas := newReplicas(t, c)
	ns := c.namespace(t, enabled)
	c.user(t, ns, "orders-api", 3)
	client, err := kubernetes.NewForConfig(c.unlimited(t))
	if err != nil {
		t.Fatal(err)
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal([]byte(podNamed("x", "dbtether.io/inject: orders-api")), &pod); err != nil {
		t.Fatal(err)
	}
	pod.Name, pod.GenerateName = "", "load-"

	ctx, stop := context.WithCancel(t.Context())
	var probing sync.WaitGroup
	probing.Go(func() { replicas.probe(ctx, client) })
	// Not stored: for what the API server asks of the webhook that makes no difference.
	took, err := createFor(t.Context(), duration, client.CoreV1().Pods(ns), &pod, "orders-api@3:env+files", metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	stop()
	probing.Wait()
	if err != nil {
		t.Errorf("after %d pods: %v", len(took), err)
	}
	if failed := failedReviews(t, client); failed != "" {
		t.Errorf("the API server counts reviews that failed:\n%s", failed)
	}
	if replicas.untrusted != nil {
		t.Errorf("after %d handshakes: %v", replicas.handshakes.Load(), replicas.untrusted)
	}
	t.Logf("%d pods, %d handshakes", len(took), replicas.handshakes.Load())
	least := int((duration-minCertificateLifetime/3)/rotationInterval) + 1
	for _, w := range replicas.all {
		if got := strings.Count(w.text(), `"msg":"serving certificate"`); got < least {
			t.Errorf("%s served %d certificates, not %d", w.replica, got, least)
		}
	}
	if len(took) < 100*int(duration/time.Minute+1) {
		t.Errorf("only %d pods were created: that is no load", len(took))
	}
}

// replicas are webhooks that share a certificate, behind one address.
type replicas struct {
	t   *testing.T
	all []*webhook

	next       atomic.Int64
	handshakes atomic.Int64
	untrusted  error
}

// newReplicas starts two, and makes the API server call one after the other.
func newReplicas(t *testing.T, c *cluster) *replicas {
	t.Helper()
	r := &replicas{t: t}
	service, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { service.Close() })
	for range 2 {
		w := c.startWebhook(t, "--drain=1s", "--url=https://"+service.Addr().String(), "--cert-lifetime="+minCertificateLifetime.String())
		t.Cleanup(func() {
			if err := w.stop(); err != nil {
				t.Error(err)
			}
		})
		r.all = append(r.all, w)
	}
	go r.serve(service)
	for _, w := range r.all {
		w.waitReady(t)
	}
	eventually(t, "the API server calls the webhook", c.asks)
	return r
}

// serve passes each connection on to another replica, as a Service does, until the
// listener is closed.
func (r *replicas) serve(service net.Listener) {
	for {
		from, err := service.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", r.address(int(r.next.Add(1))))
		if err != nil {
			from.Close() // the API server says that it could not ask
			continue
		}
		pass := func(a, b net.Conn) {
			_, _ = io.Copy(a, b)
			a.Close()
		}
		go pass(from, to)
		go pass(to, from)
	}
}

func (r *replicas) address(i int) string {
	return strings.TrimPrefix(r.all[i%len(r.all)].url, "https://")
}

// probe shakes hands with each replica, again and again, trusting what the webhook
// configuration says at the time.
func (r *replicas) probe(ctx context.Context, client kubernetes.Interface) {
	for i := 0; ctx.Err() == nil && r.untrusted == nil; i++ {
		have, err := client.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(ctx, "dbtether", metav1.GetOptions{})
		if err == nil {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(have.Webhooks[0].ClientConfig.CABundle)
			err = shakeHands(ctx, r.address(i), &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13})
		}
		if err != nil && ctx.Err() == nil {
			r.untrusted = err
		}
		r.handshakes.Add(1)
		time.Sleep(20 * time.Millisecond)
	}
}

func shakeHands(ctx context.Context, address string, config *tls.Config) error {
	connection, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return connection.Close()
}

// failedReviews returns what the API server counts of reviews that it could not have done.
func failedReviews(t *testing.T, client kubernetes.Interface) string {
	t.Helper()
	text, err := client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	failed, err := testenv.FailedReviews(string(text))
	if err != nil {
		t.Fatal(err)
	}
	return failed
}
