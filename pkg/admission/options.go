package admission

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"time"
)

// Options say how to run the webhook.
type Options struct {
	// Listen is the address at which the API server calls us, by HTTPS. MetricsListen is the
	// address of /metrics and the probes, by HTTP.
	Listen, MetricsListen string
	// Kubeconfig is a file; empty: the service account of the pod.
	Kubeconfig string
	// Namespace and ServiceName are those of the Service in front of us. Policies are read in
	// Namespace, too.
	Namespace, ServiceName string
	// Replica is the name of this replica, and Version that of this program, in the status of
	// the policies.
	Replica, Version string
	// Configuration is the name of the two webhook configurations.
	Configuration string
	// URL, as in https://127.0.0.1:9443, is written into the webhook configurations
	// in place of the Service.
	URL string
	// CertificateSecret is the name of the Secret in Namespace that holds the
	// certificate for all replicas; empty: it stays in memory.
	CertificateSecret string
	// CertificateLifetime is how long certificates that we make are valid. They are replaced
	// when two thirds of it are over.
	CertificateLifetime time.Duration
	// CertificateFile and KeyFile, if not empty, are served instead of a certificate
	// of our own, and the webhook configurations are left alone.
	CertificateFile, KeyFile string
	// ClientCAFile, if not empty, holds the authorities of those who may ask for reviews;
	// it is read at every handshake. ClientNames, if there are any, are the common names
	// or DNS names of which their certificates have to have one.
	ClientCAFile string
	ClientNames  []string
	// Drain is how long we go on answering after we have begun to say that we are not ready:
	// until others know it.
	Drain time.Duration
	// Log receives JSON, one line for each event. Of the reviews that were allowed and that
	// policies have no findings on, it has the share LogAllows, from 0 to 1; Debug adds the
	// others.
	Log       io.Writer
	LogAllows float64
	Debug     bool
	// DebugListen is where the level of the log can be changed, on loopback; empty:
	// nowhere. Profiles adds those of the Go runtime there.
	DebugListen string
	Profiles    bool
}

// replicaName matches what may be a key of a ConfigMap, as the name of a replica is.
var replicaName = regexp.MustCompile(`^[-._a-zA-Z0-9]{1,253}$`)

// check returns an error for each option that makes no sense.
func (o Options) check() error {
	var errs []error
	if (o.CertificateFile == "") != (o.KeyFile == "") {
		errs = append(errs, errors.New("a certificate file and a key file go together"))
	}
	if o.CertificateFile == "" && o.ServiceName == "" {
		errs = append(errs, errors.New("the name of the Service is needed to make a certificate for it"))
	}
	if o.CertificateFile == "" && o.CertificateLifetime < minCertificateLifetime {
		errs = append(errs, fmt.Errorf("a certificate that lives for %s cannot be replaced in time: at least %s", o.CertificateLifetime, minCertificateLifetime))
	}
	if o.ClientCAFile == "" && len(o.ClientNames) > 0 {
		errs = append(errs, errors.New("names of clients say nothing without the file of their authority"))
	}
	if o.ClientCAFile != "" {
		if _, err := o.callers().authorities(); err != nil {
			errs = append(errs, err)
		}
	}
	if o.Namespace == "" {
		errs = append(errs, errors.New("the namespace is needed: policies are read there"))
	}
	if !replicaName.MatchString(o.Replica) {
		errs = append(errs, fmt.Errorf("replica %q is not made of letters, digits, dots, - and _", o.Replica))
	}
	if !(o.LogAllows >= 0 && o.LogAllows <= 1) {
		errs = append(errs, fmt.Errorf("the share of reviews to log, %v, is not between 0 and 1", o.LogAllows))
	}
	if o.URL != "" {
		if u, err := url.Parse(o.URL); err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Path != "" {
			errs = append(errs, fmt.Errorf("url %q is not like https://host:port", o.URL))
		}
	}
	return errors.Join(errs...)
}

func (o Options) callers() callers { return callers{o.ClientCAFile, o.ClientNames} }

// wanted says which hosts a certificate of ours is for, and how long it lives.
func (o Options) wanted() wanted {
	service := o.ServiceName + "." + o.Namespace
	hosts := []string{service + ".svc", service + ".svc.cluster.local", service}
	if u, err := url.Parse(o.URL); err == nil && u.Hostname() != "" {
		hosts = append(hosts, u.Hostname())
	}
	// X.509 counts whole seconds.
	return wanted{hosts, o.CertificateLifetime.Truncate(time.Second)}
}
