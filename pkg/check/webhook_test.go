package check

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T, name string, expires time.Time) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: now.AddDate(-1, 0, 0), NotAfter: expires,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// sign returns a Secret with a certificate for a host.
func (a authority) sign(t *testing.T, host string, begins, expires time.Time) *corev1.Secret {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "webhook"}, DNSNames: []string{host}, NotBefore: begins, NotAfter: expires,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return &corev1.Secret{Data: map[string][]byte{corev1.TLSCertKey: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}}
}

const (
	serviceHost = "dbtether-webhook.dbtether-system.svc"
	deployed    = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: dbtether-webhook, namespace: dbtether-system}, spec: {replicas: 2}, status: {readyReplicas: 2}}"
	fromFile    = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: dbtether-webhook, namespace: dbtether-system}, spec: {replicas: 2, template: {spec: {" +
		"volumes: [{name: tmp, emptyDir: {}}, {name: tls, secret: {secretName: webhook-tls}}], containers: [{args: [--listen=:9443, --cert-file=/tls/tls.crt], " +
		"volumeMounts: [{name: tmp, mountPath: /tmp}, {name: tls, mountPath: /tls}]}]}}}, status: {readyReplicas: 2}}"
	ourService = "{apiVersion: v1, kind: Service, metadata: {name: dbtether-webhook, namespace: dbtether-system}}"
	ourSlice   = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, endpoints: [{conditions: {ready: true}}]}"
)

// trusting sets the bundle of every entry.
func (w *Webhook) trusting(bundle ...[]byte) {
	var all []byte
	for _, text := range bundle {
		all = append(all, text...)
	}
	for _, objects := range []Objects{w.Mutating, w.Validating} {
		for _, object := range objects.Items {
			for _, entry := range object.Object["webhooks"].([]any) {
				entry.(map[string]any)["clientConfig"].(map[string]any)["caBundle"] = base64.StdEncoding.EncodeToString(all)
			}
		}
	}
}

func TestWebhook(t *testing.T) {
	later, yesterday := now.AddDate(0, 2, 0), now.AddDate(0, 0, -1)
	ours, others, gone := newAuthority(t, "ours", later), newAuthority(t, "others", later), newAuthority(t, "gone", yesterday)
	entry := func(w *Webhook, n int) map[string]any {
		return w.Validating.Items[0].Object["webhooks"].([]any)[n].(map[string]any)
	}
	const secret = "the Secret dbtether-system/dbtether-webhook-certificate"
	const all = "the entries default.dbtether.io, inject.dbtether.io, enforce.dbtether.io and 3 more"
	for _, c := range []struct {
		name   string
		change func(*Webhook)
		want   []string
	}{
		{"well", func(*Webhook) {}, nil},
		{"nothing at all", func(w *Webhook) { *w = Webhook{Shipped: w.Shipped, Answer: Answer{Unasked: true}} },
			[]string{"warning webhook-installed: the webhook is not installed: pods get no credentials, and policies judge only what kubectl dbtether provisions"}},
		{"no configuration", func(w *Webhook) { w.Mutating.Items = nil }, []string{"error webhook-entries: the MutatingWebhookConfiguration dbtether is not there"}},
		{"an entry of another version", func(w *Webhook) { entry(w, 0)["name"] = "old.dbtether.io" }, []string{
			"error webhook-entries: the ValidatingWebhookConfiguration dbtether has no entry enforce.dbtether.io",
			"warning webhook-shipped: the ValidatingWebhookConfiguration dbtether has an entry old.dbtether.io, which is none of this version"}},
		{"another path", func(w *Webhook) {
			entry(w, 0)["clientConfig"].(map[string]any)["service"].(map[string]any)["path"] = "/guard"
		}, []string{`error webhook-reached: the entry enforce.dbtether.io is called at the path "/guard", where "/enforce" answers it`}},
		{"no Deployment", func(w *Webhook) { w.Deployment = Objects{} }, []string{"error webhook-replicas: the Deployment dbtether-system/dbtether-webhook is not there"}},
		{"scaled down", func(w *Webhook) { set(t, &w.Deployment.Items[0], int64(0), "spec", "replicas") },
			[]string{"error webhook-replicas: the Deployment dbtether-system/dbtether-webhook is scaled to nothing: the webhook does not run"}},
		{"no Service", func(w *Webhook) { w.Service = Objects{} }, []string{"error webhook-endpoints: the Service dbtether-system/dbtether-webhook is not there"}},
		{"an unreadable bundle", func(w *Webhook) { w.trusting([]byte("no PEM")) }, []string{"error webhook-authority: the caBundle of " + all + " holds no certificate in PEM"}},
		{"an expired authority", func(w *Webhook) { w.trusting(gone.pem) }, []string{
			"error webhook-authority: the caBundle of " + all + " has only authorities that have expired: gone at 2026-05-31T12:00:00Z",
			"error webhook-certificate: the certificate in " + secret + " is signed by no authority in the caBundle of " + all}},
		{"one expired authority of two", func(w *Webhook) { w.trusting(gone.pem, ours.pem) },
			[]string{"warning webhook-authority: the caBundle of " + all + " has an authority that has expired: gone at 2026-05-31T12:00:00Z"}},
		{"another authority", func(w *Webhook) { w.trusting(others.pem) }, []string{"error webhook-certificate: the certificate in " + secret + " is signed by no authority in the caBundle of " + all}},
		{"expired", func(w *Webhook) { w.Certificate = ours.sign(t, serviceHost, now.AddDate(0, 0, -9), yesterday) },
			[]string{"error webhook-certificate: the certificate in " + secret + " expired at 2026-05-31T12:00:00Z"}},
		{"expires soon", func(w *Webhook) { w.Certificate = ours.sign(t, serviceHost, yesterday, now.AddDate(0, 0, 6)) },
			[]string{"warning webhook-certificate: the certificate in " + secret + " expires at 2026-06-07T12:00:00Z"}},
		{"not valid yet", func(w *Webhook) { w.Certificate = ours.sign(t, serviceHost, now.AddDate(0, 0, 1), later) },
			[]string{"error webhook-certificate: the certificate in " + secret + " is not valid before 2026-06-02T12:00:00Z"}},
		{"for another name", func(w *Webhook) { w.Certificate = ours.sign(t, "webhook.example.com", yesterday, later) },
			[]string{"error webhook-certificate: the certificate in " + secret + " is not for dbtether-webhook.dbtether-system.svc, by which the API server calls the webhook"}},
		{"no certificate", func(w *Webhook) { w.Certificate = nil }, []string{"error webhook-certificate: " + secret + " with the webhook's certificate is not there"}},
		{"a certificate of another Secret", func(w *Webhook) {
			w.Certificate = others.sign(t, serviceHost, now.AddDate(0, 0, -9), yesterday)
			w.trusting(others.pem)
			w.Deployment = seen(t, fromFile)
		}, []string{"error webhook-certificate: the certificate in the Secret dbtether-system/webhook-tls expired at 2026-05-31T12:00:00Z"}},
		{"another Secret is not there", func(w *Webhook) { w.Certificate, w.Deployment = nil, seen(t, fromFile) },
			[]string{"error webhook-certificate: the Secret dbtether-system/webhook-tls with the webhook's certificate is not there"}},
		{"a certificate in memory", func(w *Webhook) {
			w.Certificate = nil
			set(t, &w.Deployment.Items[0], []any{map[string]any{"args": []any{"--cert-secret="}}}, "spec", "template", "spec", "containers")
		}, []string{"note webhook-certificate: the webhook serves a certificate from a file or from memory, which is not looked at"}},
		{"a webhook that runs elsewhere", func(w *Webhook) {
			w.Certificate, w.Deployment, w.Service = nil, Objects{}, Objects{}
			for _, objects := range []Objects{w.Mutating, w.Validating} {
				for _, e := range objects.Items[0].Object["webhooks"].([]any) {
					config := e.(map[string]any)["clientConfig"].(map[string]any)
					config["url"] = "https://webhook.example.com:9443" + textAt(config, "service", "path")
					delete(config, "service")
				}
			}
		}, []string{"note webhook-reached: the webhook is called at webhook.example.com, not through its Service",
			"note webhook-certificate: the webhook runs elsewhere and keeps its certificate there, where it is not looked at"}},
		{"a certificate that may not be read", func(w *Webhook) {
			w.Certificate, w.CertificateErr = nil, apierrors.NewForbidden(schema.GroupResource{Resource: "secrets"}, CertificateName, nil)
		}, []string{"warning webhook-certificate: the contents of " + secret + " could not be looked at: you lack the right to read"}},
		{"not refused", func(w *Webhook) { w.Answer.Err = nil },
			[]string{`error webhook-answer: the webhook was not asked, or did not refuse: a DatabaseUser that DATABASE-NOT-SHARED forbids would have been taken in namespace "default"`}},
		{"not refused, and perhaps not installed", func(w *Webhook) {
			w.Answer.Err, w.Validating.Err = nil, apierrors.NewForbidden(schema.GroupResource{Resource: "validatingwebhookconfigurations"}, "", nil)
		}, []string{"warning webhook-read: the validating webhook configurations could not be looked at: you lack the right to read",
			`warning webhook-answer: the webhook is not installed, or was not asked: a DatabaseUser that DATABASE-NOT-SHARED forbids would have been taken in namespace "default"`}},
		{"only warned of", func(w *Webhook) { w.Answer.Err, w.Answer.Warnings = nil, []string{"DATABASE-NOT-SHARED: no"} }, nil},
		{"refused for another reason", func(w *Webhook) {
			w.Answer.Err = errors.New(`admission webhook "resources.dbtether.io" denied the request: NOT-DECIDED: nothing can be decided`)
		}, []string{`error webhook-answer: the webhook refuses for another reason than it should: admission webhook "resources.dbtether.io" denied the request: NOT-DECIDED: nothing can be decided`}},
		{"not allowed to ask", func(w *Webhook) {
			w.Answer.Err = apierrors.NewForbidden(schema.GroupResource{Resource: "databaseusers"}, "", nil)
		}, []string{`warning webhook-answer: whether the webhook answers was not tried: you may not create a DatabaseUser in namespace "default"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := Webhook{Shipped: shippedNow(t), Mutating: installedAs(t, kindMutating), Validating: installedAs(t, kindValidating), Now: now,
				Deployment: seen(t, deployed), Service: seen(t, ourService), EndpointSlices: seen(t, ourSlice), Certificate: ours.sign(t, serviceHost, yesterday, later),
				Answer: Answer{Namespace: "default", Err: errors.New(`admission webhook "resources.dbtether.io" denied the request: DATABASE-NOT-SHARED: no`)}}
			w.trusting(ours.pem)
			c.change(&w)
			compare(t, w.Findings(), c.want...)
		})
	}
}
