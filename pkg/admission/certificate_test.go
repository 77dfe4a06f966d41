package admission

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
)

var (
	testHosts  = []string{"dbtether-webhook.dbtether-system.svc", "127.0.0.1"}
	testWanted = wanted{testHosts, DefaultCertificateLifetime}
)

func newPair(t *testing.T, now time.Time) *keyPair {
	t.Helper()
	pair, err := testWanted.issue(now, nil)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

// trusted reports whether whoever trusts the bundle believes the certificate.
func trusted(bundle []byte, pair *keyPair, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(bundle)
	for _, host := range testHosts {
		if _, err := pair.tls.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: now}); err != nil {
			return err
		}
	}
	return nil
}

func TestIssue(t *testing.T) {
	now := time.Now()
	first := newPair(t, now)
	if err := trusted(first.bundlePEM, first, now); err != nil {
		t.Errorf("the first: %v", err)
	}
	second, err := testWanted.issue(now.Add(time.Hour), first.bundlePEM)
	if err != nil {
		t.Fatal(err)
	}
	third, err := testWanted.issue(now.Add(2*time.Hour), second.bundlePEM)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name         string
		bundle, leaf *keyPair
		at           time.Duration
		want         bool
	}{
		{"new bundle, new certificate", second, second, time.Hour, true},
		{"new bundle, old certificate", second, first, time.Hour, true},
		{"old bundle, new certificate", first, second, time.Hour, false},
		{"the one before the old is forgotten", third, first, 2 * time.Hour, false},
		{"expired", second, second, 2 * DefaultCertificateLifetime, false},
	} {
		if err := trusted(c.bundle.bundlePEM, c.leaf, now.Add(c.at)); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if late, err := testWanted.issue(now.Add(2*DefaultCertificateLifetime), first.bundlePEM); err != nil || bytes.Count(late.bundlePEM, []byte("BEGIN")) != 1 {
		t.Errorf("an expired authority is kept: %v", err)
	}
}

func TestDue(t *testing.T) {
	now := time.Now()
	pair := newPair(t, now)
	const day = 24 * time.Hour
	for _, c := range []struct {
		after    time.Duration
		host     string
		lifetime time.Duration
		want     bool
	}{
		{0, testHosts[0], 90 * day, false}, {59 * day, testHosts[0], 90 * day, false}, {61 * day, testHosts[0], 90 * day, true}, {0, "another.host", 90 * day, true},
		{0, testHosts[0], 89 * day, true}, {59 * day, testHosts[0], 365 * day, false}, {61 * day, testHosts[0], 365 * day, true},
	} {
		if got := pair.dueAt(now.Add(c.after), wanted{[]string{c.host}, c.lifetime}); got != c.want {
			t.Errorf("after %s, for %s, for %s: %v", c.after, c.host, c.lifetime, got)
		}
	}
}

// rotation is a keeper with a clock of its own, and what it had trusted when.
type rotation struct {
	certificateKeeper
	clock   time.Time
	bundles [][]byte
	fails   error
}

func newRotation(source certificateSource) *rotation {
	r := &rotation{clock: time.Now()}
	r.certificateKeeper = certificateKeeper{source: source, settle: certificateSettle, log: slog.New(slog.NewJSONHandler(io.Discard, nil)), expiry: newMetrics("test").expiry,
		now: func() time.Time { return r.clock },
		trust: func(_ context.Context, bundle []byte) error {
			if r.fails == nil {
				r.bundles = append(r.bundles, bundle)
			}
			return r.fails
		}}
	return r
}

// At no time may a certificate be served that the bundle, as it stands in the
// webhook configurations, does not cover.
func TestKeeperRotatesWithoutAGap(t *testing.T) {
	r := newRotation(certificateMemory{testWanted})
	if r.ready() == nil {
		t.Error("ready without a certificate")
	}
	step := func(forward time.Duration) *keyPair {
		t.Helper()
		r.clock = r.clock.Add(forward)
		if err := r.refresh(t.Context()); !errors.Is(err, r.fails) {
			t.Fatal(err)
		}
		if err := trusted(r.bundles[len(r.bundles)-1], r.serving.Load(), r.clock); err != nil {
			t.Errorf("what is served is not trusted: %v", err)
		}
		if err := r.ready(); err != nil {
			t.Error(err)
		}
		return r.serving.Load()
	}
	first := step(0)
	if step(59*24*time.Hour) != first {
		t.Error("replaced before it was due")
	}
	r.fails = errors.New("the API server does not answer")
	if step(24*time.Hour) != first {
		t.Error("a certificate is served that nobody could be told to trust")
	}
	r.fails = nil
	if step(time.Second) != first {
		t.Error("the API server had no time to read the new authority")
	}
	if step(certificateSettle-time.Second) != first {
		t.Error("the API server had too little time to read the new authority")
	}
	second := step(2 * time.Second)
	if second == first {
		t.Error("not replaced")
	}
	if step(time.Minute) != second {
		t.Error("replaced again")
	}
	// A whole life later nobody believes the old one, so there is nothing to wait for.
	r.clock = r.clock.Add(DefaultCertificateLifetime)
	if r.ready() == nil {
		t.Error("ready with an expired certificate")
	}
	if step(0) == second {
		t.Error("an expired certificate is kept")
	}
}

// Whatever somebody puts into the Secret, again and again: what is served meanwhile stays
// trusted.
func TestKeeperOfAForeignSecret(t *testing.T) {
	source := &foreignSource{}
	r := newRotation(source)
	for i := range 40 {
		if i > 0 {
			source.pair = newPair(t, r.clock) // of an authority that knows no other
		}
		if err := r.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := trusted(r.bundles[len(r.bundles)-1], r.serving.Load(), r.clock); err != nil {
			t.Fatalf("after %d rounds what is served is not trusted: %v", i, err)
		}
		r.clock = r.clock.Add(certificateRetry)
	}
	first := r.serving.Load()
	for range 10 {
		r.clock = r.clock.Add(certificateRetry)
		if err := r.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if r.serving.Load() == first || !r.serving.Load().equal(source.pair) {
		t.Error("what stays in the Secret is not served")
	}
}

// That an expired certificate is served, because its source has no other, is logged once.
func TestKeeperWithoutAnother(t *testing.T) {
	var log bytes.Buffer
	source := &foreignSource{}
	r := newRotation(source)
	r.trust, r.log = nil, slog.New(slog.NewJSONHandler(&log, nil))
	source.pair = newPair(t, r.clock)
	r.clock = r.clock.Add(2 * DefaultCertificateLifetime)
	for range 3 {
		if err := r.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if r.ready() == nil || !r.serving.Load().equal(source.pair) || strings.Count(log.String(), "serving certificate") != 1 {
		t.Errorf("ready: %v, and it logged\n%s", r.ready(), &log)
	}
	source.pair = newPair(t, r.clock)
	if err := r.refresh(t.Context()); err != nil || r.ready() != nil || strings.Count(log.String(), "serving certificate") != 2 {
		t.Errorf("with a valid one: %v, %v, and it logged\n%s", err, r.ready(), &log)
	}
}

// The end of the process, which cuts off what the source asks for, is not logged as an
// error.
func TestKeeperEndsQuietly(t *testing.T) {
	var log bytes.Buffer
	ctx, end := context.WithCancel(t.Context())
	r := newRotation(endingSource{end})
	r.interval, r.log = time.Hour, slog.New(slog.NewJSONHandler(&log, nil))
	r.run(ctx)
	if log.Len() > 0 {
		t.Errorf("it logged\n%s", &log)
	}
}

// endingSource is a source that is asked when the process ends.
type endingSource struct{ end context.CancelFunc }

func (s endingSource) load(ctx context.Context, _ time.Time, _ *keyPair) (*keyPair, error) {
	s.end()
	return nil, ctx.Err()
}

// foreignSource is a Secret that somebody else writes.
type foreignSource struct{ pair *keyPair }

func (f *foreignSource) load(_ context.Context, now time.Time, _ *keyPair) (*keyPair, error) {
	if f.pair == nil {
		var err error
		if f.pair, err = testWanted.issue(now, nil); err != nil {
			return nil, err
		}
	}
	return f.pair, nil
}

// All replicas end up with the same certificate, whoever came first.
func TestSecretIsShared(t *testing.T) {
	c := newCluster(t)
	config, err := clientcmd.BuildConfigFromFlags("", c.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	source := certificateSecret{client: core.Secrets(systemNamespace), name: fmt.Sprintf("certificate-%06x", rand.IntN(1<<24)), wanted: testWanted}
	all := func(now time.Time) *keyPair {
		t.Helper()
		var replicas sync.WaitGroup
		pairs := make([]*keyPair, 4)
		errs := make([]error, len(pairs))
		for i := range pairs {
			replicas.Go(func() { pairs[i], errs[i] = source.load(t.Context(), now, nil) })
		}
		replicas.Wait()
		for i := range pairs {
			if errs[i] != nil {
				t.Fatal(errs[i])
			}
			if !pairs[i].equal(pairs[0]) {
				t.Error("replicas have different certificates")
			}
		}
		return pairs[0]
	}
	now := time.Now()
	first := all(now)
	second := all(now.Add(61 * 24 * time.Hour))
	if second.equal(first) {
		t.Error("the certificate was due and is the same")
	}
	for _, pair := range []*keyPair{first, second} {
		if err := trusted(second.bundlePEM, pair, now.Add(61*24*time.Hour)); err != nil {
			t.Errorf("not covered by the bundle of the rotation: %v", err)
		}
	}
	c.must(t, "", "patch", "secret", source.name, "-n", systemNamespace, "--type=merge", "-p", `{"data":{"tls.key":"bm9uc2Vuc2U="}}`)
	if third := all(now.Add(61 * 24 * time.Hour)); third.equal(second) || trusted(third.bundlePEM, second, now.Add(61*24*time.Hour)) != nil {
		t.Error("a Secret that cannot be read is not replaced by one that overlaps")
	}
}

// The webhook writes how it is reached, and nothing else: what it has written is
// repaired when somebody applies the manifests again.
func TestConfigurationIsPatchedSparingly(t *testing.T) {
	c := newCluster(t)
	var have admissionregistrationv1.ValidatingWebhookConfiguration
	if err := json.Unmarshal([]byte(c.must(t, "", "get", "validatingwebhookconfiguration", "dbtether", "-o", "json", "--show-managed-fields")), &have); err != nil {
		t.Fatal(err)
	}
	for _, fields := range have.ManagedFields {
		if fields.Manager != fieldManager {
			continue
		}
		if text := fields.FieldsV1.String(); strings.Contains(text, "f:rules") || strings.Contains(text, "f:failurePolicy") {
			t.Errorf("the webhook has written more than how it is reached: %s", text)
		}
	}
	if len(have.Webhooks) != 4 {
		t.Errorf("%d entries", len(have.Webhooks))
	}
	for _, entry := range have.Webhooks {
		address := c.webhook.url + "/" + strings.TrimSuffix(entry.Name, ".dbtether.io")
		if entry.ClientConfig.URL == nil || *entry.ClientConfig.URL != address || len(entry.ClientConfig.CABundle) == 0 {
			t.Errorf("for %s the API server calls %+v", entry.Name, entry.ClientConfig)
		}
	}

	// Where the address is right, only the bundle is written.
	bundle := []byte("bundle")
	service := admissionregistrationv1.WebhookClientConfig{Service: &admissionregistrationv1.ServiceReference{Name: "dbtether-webhook"}}
	for _, x := range []struct {
		name, url, want string
		have            admissionregistrationv1.WebhookClientConfig
	}{
		{"by service", "", `[{"op":"test","path":"/webhooks/0/name","value":"a"},{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"YnVuZGxl"}]`, service},
		{"by its URL", c.webhook.url, `[{"op":"test","path":"/webhooks/0/name","value":"a"},{"op":"add","path":"/webhooks/0/clientConfig/caBundle","value":"YnVuZGxl"}]`,
			admissionregistrationv1.WebhookClientConfig{URL: have.Webhooks[0].ClientConfig.URL}},
		{"nothing to do", "", "", admissionregistrationv1.WebhookClientConfig{Service: service.Service, CABundle: bundle}},
	} {
		got, err := configurations{url: x.url}.patch([]entryConfig{{"a", x.have}}, bundle)
		if err != nil || string(got) != x.want {
			t.Errorf("%s: %s, %v", x.name, got, err)
		}
	}
}
