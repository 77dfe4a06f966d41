package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// ConfigurationName is the name of the Secret that says who is told about the Secrets of
// its namespace.
const ConfigurationName = "dbtether-notifications"

// The keys of that Secret. Others are left alone.
const (
	configurationURL = "url"
	configurationKey = "key"
	configurationCA  = "ca"
)

// idleTimeout is how long a connection waits for the next change to be told.
const idleTimeout = 2 * time.Second

// receiver is who is told about the Secrets of a namespace.
type receiver struct {
	// url is a secret: it may have a token in any of its parts.
	url secret.Value
	// origin is scheme://host of it.
	origin    string
	key       secret.Value
	transport *http.Transport
}

// receiver returns who is told about the Secrets of a namespace; nil: nobody. The first call
// for a namespace reads its configuration.
func (n *Notifier) receiver(ctx context.Context, namespace string) (*receiver, *Error) {
	n.mu.Lock()
	read := n.read[namespace]
	if read == nil {
		if n.read == nil {
			n.read = map[string]*reading{}
		}
		read = &reading{}
		n.read[namespace] = read
	}
	n.mu.Unlock()
	read.once.Do(func() { read.receiver, read.failed = n.configured(ctx, namespace) })
	return read.receiver, read.failed
}

// configured reads the configuration of a namespace; nil: there is none.
func (n *Notifier) configured(ctx context.Context, namespace string) (*receiver, *Error) {
	failed := func(err error, fix string, args ...any) (*receiver, *Error) {
		return nil, &Error{Stage: StageConfiguration, Namespace: namespace, Err: err, Fix: fmt.Sprintf(fix, args...)}
	}
	object, err := n.Secrets.Secrets(namespace).Get(ctx, ConfigurationName, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case apierrors.IsForbidden(err):
		return failed(err, "whoever changes secrets of namespace %q has to be allowed to get the secret %s, or the receiver that it may name is not told", namespace, ConfigurationName)
	case err != nil:
		return failed(err, "")
	}
	r, err := n.parse(object)
	if err != nil {
		return failed(err, "write it as docs/notifications.md says, or delete it, and nobody is told: kubectl delete secret %s -n %s", ConfigurationName, namespace)
	}
	return r, nil
}

// parse returns the receiver of a configuration. No error has anything of its values but
// the scheme and the host of the URL.
func (n *Notifier) parse(object *corev1.Secret) (*receiver, error) {
	address, origin, err := parseURL(string(object.Data[configurationURL]))
	if err != nil {
		return nil, err
	}
	key, err := parseKey(object.Data[configurationKey])
	if err != nil {
		return nil, err
	}
	var roots *x509.CertPool
	if bundle, given := object.Data[configurationCA]; given {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM(bundle) {
			return nil, fmt.Errorf("its key %q has no certificate in PEM", configurationCA)
		}
	}
	return &receiver{url: secret.NewValue([]byte(address)), origin: origin, key: key, transport: n.transport(roots)}, nil
}

// parseURL returns a URL without the space around it, and its scheme and host.
func parseURL(text string) (address, origin string, err error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return "", "", fmt.Errorf("it has no key %q", configurationURL)
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" { // the parser's error has the URL in it
		return "", "", fmt.Errorf("its key %q is not an absolute URL", configurationURL)
	}
	origin = u.Scheme + "://" + u.Host
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	case u.Scheme == "http":
		return "", "", fmt.Errorf("its key %q begins with %s: plain http goes to this machine only, others are told by https", configurationURL, origin)
	default:
		return "", "", fmt.Errorf("its key %q is not an https URL", configurationURL)
	}
	return text, origin, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// transport returns how a receiver is reached. The bundle, if there is one, takes the
// place of the system's.
func (n *Notifier) transport(roots *x509.CertPool) *http.Transport {
	t := &http.Transport{Proxy: proxy}
	if n.Transport != nil {
		t = n.Transport.Clone()
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.MinVersion = max(t.TLSClientConfig.MinVersion, tls.VersionTLS12)
	if roots != nil {
		t.TLSClientConfig.RootCAs = roots
	}
	t.MaxIdleConnsPerHost, t.IdleConnTimeout = atOnce, idleTimeout
	return t
}

// proxy returns the proxy that the environment names. The error is not net/http's own, which
// quotes the address: that may hold a password.
func proxy(request *http.Request) (*url.URL, error) {
	address, err := http.ProxyFromEnvironment(request)
	if err != nil {
		return nil, errProxy
	}
	return address, nil
}

var errProxy = errors.New("the environment's HTTPS_PROXY is not a URL")
