package check

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// soon is how long before the end of a certificate, or of an exception, there is a warning. The
// webhook renews its own certificate a month before.
const soon = 7 * 24 * time.Hour

// trust looks at whom the API server is told to trust when it calls the entries, and at
// the certificate that is served to it. What is wrong with several entries is said once.
func (w Webhook) trust(f *findings, entries []map[string]any) {
	wrong := alike{}
	for _, entry := range entries {
		authorities, err := authoritiesOf(entry)
		if err != nil {
			wrong.add(LevelError, err.Error(), entry)
			continue
		}
		if level, text := w.expired(authorities); text != "" {
			wrong.add(level, text, entry)
		}
	}
	for _, x := range wrong {
		f.add(checkTrust, x.level, fixRestart+"; it writes the bundle anew", "the caBundle of %s %s", x.entries(), x.text)
	}
	if len(entries) > 0 {
		f.okUnless(checkTrust, "each entry has a caBundle whose certificates are valid")
	}
	w.certificate(f, entries)
}

// alike groups entries by what is wrong with them, in the order in which that is first found.
type alike []sameText

// sameText is one thing that is wrong, and the names of the entries that it is wrong with.
type sameText struct {
	level Level
	text  string
	names []string
}

func (a *alike) add(level Level, text string, entry map[string]any) {
	name := textAt(entry, "name")
	for i := range *a {
		if (*a)[i].text == text {
			(*a)[i].names = append((*a)[i].names, name)
			return
		}
	}
	*a = append(*a, sameText{level, text, []string{name}})
}

// entries names them.
func (s sameText) entries() string {
	if len(s.names) == 1 {
		return "the entry " + s.names[0]
	}
	return "the entries " + few(s.names)
}

// authoritiesOf returns the certificates of an entry's bundle. The error says what is
// wrong with the bundle, without naming it.
func authoritiesOf(entry map[string]any) ([]*x509.Certificate, error) {
	bundle, err := base64.StdEncoding.DecodeString(textAt(entry, "clientConfig", "caBundle"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", err)
	case len(bundle) == 0:
		return nil, errors.New("is empty: the API server trusts no certificate of the webhook that is not of a public authority")
	}
	return readCertificates(bundle)
}

// readCertificates returns the certificates of a PEM text, at least one.
func readCertificates(text []byte) ([]*x509.Certificate, error) {
	var certificates []*x509.Certificate
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("has a certificate that cannot be read: %w", err)
		}
		certificates = append(certificates, certificate)
	}
	if certificates == nil {
		return nil, errors.New("holds no certificate in PEM")
	}
	return certificates, nil
}

// expired says which of an entry's authorities have expired; text is "" where none has. While
// a certificate is renewed there are two authorities, and one that is valid is enough: that is
// a warning only.
func (w Webhook) expired(authorities []*x509.Certificate) (level Level, text string) {
	var expired []string
	for _, a := range authorities {
		if w.Now.After(a.NotAfter) {
			expired = append(expired, a.Subject.CommonName+" at "+day(a.NotAfter))
		}
	}
	switch len(expired) {
	case 0:
		return LevelOK, ""
	case len(authorities):
		return LevelError, "has only authorities that have expired: " + few(expired)
	default:
		return LevelWarning, "has an authority that has expired: " + few(expired)
	}
}

// certificate looks at the certificate that the replicas share.
func (w Webhook) certificate(f *findings, entries []map[string]any) {
	name := certificateName(w.Deployment.named(WebhookName))
	object := "the Secret " + v1alpha1.SystemNamespace + "/" + name
	switch {
	case name == "":
		f.add(checkCertificate, LevelNote, "", "the webhook serves a certificate from a file or from memory, which is not looked at")
		return
	case w.CertificateErr != nil:
		f.unread(checkCertificate, "the contents of "+object, w.CertificateErr)
		return
	case w.Certificate == nil && w.Deployment.named(WebhookName) == nil && elsewhere(entries):
		f.add(checkCertificate, LevelNote, "", "the webhook runs elsewhere and keeps its certificate there, where it is not looked at")
		return
	case w.Certificate == nil:
		f.add(checkCertificate, LevelError, renewing(name), "%s with the webhook's certificate is not there", object)
		return
	}
	chain, err := readCertificates(w.Certificate.Data[corev1.TLSCertKey])
	if err != nil {
		f.add(checkCertificate, LevelError, renewing(name), "the key %s of %s %v", corev1.TLSCertKey, object, err)
		return
	}
	w.leaf(f, name, chain, entries)
}

// elsewhere reports whether all entries are called by a URL.
func elsewhere(entries []map[string]any) bool {
	return !slices.ContainsFunc(entries, func(e map[string]any) bool { return textAt(e, "clientConfig", "url") == "" })
}

// renewing returns what to do for a new certificate in the Secret of a name. The webhook makes
// its own; what it serves from a file is made by whoever wrote the Secret.
func renewing(name string) string {
	if name == CertificateName {
		return fixRestart + "; it makes the certificate anew"
	}
	return fmt.Sprintf("see why nobody writes it: kubectl describe secret %s -n %s; with cert-manager: kubectl describe certificate -n %[2]s", name, v1alpha1.SystemNamespace)
}

// certificateName returns the name of the Secret that a Deployment of the webhook serves
// its certificate from: its own, or the one that holds the file; nothing where there is
// none. Where there is no Deployment it is that of the default.
func certificateName(deployment *unstructured.Unstructured) string {
	if deployment == nil {
		return CertificateName
	}
	name := CertificateName
	for _, container := range objectsAt(deployment.Object, "spec", "template", "spec", "containers") {
		arguments, _, _ := unstructured.NestedStringSlice(container, "args")
		for _, argument := range arguments {
			if file, is := strings.CutPrefix(argument, "--cert-file="); is {
				return secretOfFile(deployment, container, file)
			}
			if secret, is := strings.CutPrefix(argument, "--cert-secret="); is {
				name = secret
			}
		}
	}
	return name
}

// secretOfFile returns the name of the Secret that a file of a container comes from, empty
// where it comes from elsewhere.
func secretOfFile(deployment *unstructured.Unstructured, container map[string]any, file string) string {
	for _, mount := range objectsAt(container, "volumeMounts") {
		if textAt(mount, "mountPath") != path.Dir(file) {
			continue
		}
		for _, volume := range objectsAt(deployment.Object, "spec", "template", "spec", "volumes") {
			if textAt(volume, "name") == textAt(mount, "name") {
				return textAt(volume, "secret", "secretName")
			}
		}
	}
	return ""
}

// leaf says why the API server would not accept a certificate.
func (w Webhook) leaf(f *findings, name string, chain []*x509.Certificate, entries []map[string]any) {
	object, leaf := "the Secret "+v1alpha1.SystemNamespace+"/"+name, chain[0]
	switch left := leaf.NotAfter.Sub(w.Now); {
	case left <= 0:
		f.add(checkCertificate, LevelError, renewing(name), "the certificate in %s expired at %s", object, day(leaf.NotAfter))
	case w.Now.Before(leaf.NotBefore):
		f.add(checkCertificate, LevelError, "set the clocks of this machine and of the nodes", "the certificate in %s is not valid before %s", object, day(leaf.NotBefore))
	case left < soon:
		f.add(checkCertificate, LevelWarning, "see why it is not renewed: kubectl logs deployment/"+WebhookName+" -n "+v1alpha1.SystemNamespace,
			"the certificate in %s expires at %s", object, day(leaf.NotAfter))
	}
	var hosts []string
	unsigned := alike{}
	for _, entry := range entries {
		host := hostOf(entry)
		if !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
			if leaf.VerifyHostname(host) != nil {
				f.add(checkCertificate, LevelError, renewing(name), "the certificate in %s is not for %s, by which the API server calls the webhook", object, host)
			}
		}
		if authorities, err := authoritiesOf(entry); err == nil && !signedBy(chain, authorities) {
			unsigned.add(LevelError, "", entry)
		}
	}
	for _, x := range unsigned {
		f.add(checkCertificate, x.level, fixRestart+"; it writes anew whom to trust", "the certificate in %s is signed by no authority in the caBundle of %s", object, x.entries())
	}
	f.okUnless(checkCertificate, "its certificate is signed by them, for %s, until %s", few(hosts), day(leaf.NotAfter))
}

// signedBy reports whether one of the authorities signed a certificate. It does not look at the
// time: what has expired is a finding of its own.
func signedBy(chain, authorities []*x509.Certificate) bool {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, a := range authorities {
		roots.AddCert(a)
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	leaf := chain[0]
	_, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)})
	return err == nil
}

// day returns a time as findings show it.
func day(at time.Time) string { return at.UTC().Format(time.RFC3339) }
