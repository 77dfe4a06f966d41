// The dbtether webhook: it injects credentials into pods and judges dbtether's
// resources, as the API server asks it to.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/dbtether/kubectl-dbtether/pkg/admission"
)

// version is set by the linker: -X main.version=v0.1.0.
var version string

// gcPercent is GOGC where the environment has none: a collection begins when the heap has
// grown by half, not when it has doubled. Most of the heap is the index, which stays; a
// review leaves little.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	o, err := options(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err = admission.Run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "webhook:", err)
		os.Exit(1)
	}
}

// options reads the arguments. The error is flag.ErrHelp where they ask for help, or says
// which of them cannot be understood; both have been written to stderr, with the usage.
func options(args []string, stderr io.Writer) (admission.Options, error) {
	o := admission.Options{Log: os.Stderr, Version: ownVersion()}
	flags := flag.NewFlagSet("webhook", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Listen, "listen", ":9443", "address for reviews, by HTTPS")
	flags.StringVar(&o.MetricsListen, "metrics-listen", "127.0.0.1:8080", "address for /metrics, /healthz and /readyz, by HTTP")
	flags.StringVar(&o.Kubeconfig, "kubeconfig", "", "kubeconfig `file` (default: the pod's service account)")
	flags.StringVar(&o.Namespace, "namespace", "dbtether-system", "namespace of the Service, of the certificate's Secret and of the policies")
	flags.StringVar(&o.ServiceName, "service-name", "dbtether-webhook", "Service in front of the webhook")
	flags.StringVar(&o.Replica, "replica", replica(), "`name` of this replica in the status of the policies")
	flags.StringVar(&o.Configuration, "configuration", "dbtether", "name of the Mutating- and ValidatingWebhookConfiguration to keep up to date")
	flags.StringVar(&o.URL, "url", "", "`https://host:port` to be called at, in place of the Service")
	flags.StringVar(&o.CertificateSecret, "cert-secret", "dbtether-webhook-certificate", "Secret that the replicas share the certificate in; empty: keep it in memory, for one replica")
	flags.DurationVar(&o.CertificateLifetime, "cert-lifetime", admission.DefaultCertificateLifetime, "how long a certificate of our own is valid; it is replaced when two thirds of that are over")
	flags.StringVar(&o.CertificateFile, "cert-file", "", "certificate `file` to serve, read again when it changes, in place of one of our own")
	flags.StringVar(&o.KeyFile, "key-file", "", "key `file` of --cert-file")
	flags.StringVar(&o.ClientCAFile, "client-ca-file", "", "`file` with the authorities of the client certificates of those who may ask; empty: everybody may")
	flags.Func("client-name", "`name`, common or DNS, of a client certificate that may ask; may be given again (default: every one that the authorities signed)", func(name string) error {
		o.ClientNames = append(o.ClientNames, name)
		return nil
	})
	flags.DurationVar(&o.Drain, "drain", 5*time.Second, "how long to answer on after SIGTERM")
	flags.Float64Var(&o.LogAllows, "log-allows", 0.01, "`share`, from 0 to 1, of the reviews to log of those that were allowed and that no policy says anything of")
	flags.BoolVar(&o.Debug, "debug", false, "log all of those")
	flags.StringVar(&o.DebugListen, "debug-listen", "", "`address` on loopback, as in 127.0.0.1:6060, for GET and PUT /loglevel, by HTTP (default: none)")
	flags.BoolVar(&o.Profiles, "pprof", false, "serve the Go runtime's profiles there, too, below /debug/pprof/")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if rest := flags.Args(); len(rest) > 0 {
		// Package flag stops at the first argument that is no flag, without a word about those
		// that follow.
		err := fmt.Errorf("argument %q is no flag (a value of true or false is given with =, as in --debug=true)", rest[0])
		fmt.Fprintln(stderr, err)
		flags.Usage()
		return o, err
	}
	return o, nil
}

// ownVersion returns the version that was linked in, else the one that the Go command has
// noted.
func ownVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// replica returns the name of the pod, or of the host.
func replica() string {
	if pod := os.Getenv("POD_NAME"); pod != "" {
		return pod
	}
	host, _ := os.Hostname() // without one, --replica is needed
	return host
}
