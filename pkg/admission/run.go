package admission

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"
	admissionv1client "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
)

// tracesTimeout bounds how long the end of the process waits for its last spans to be sent.
const tracesTimeout = 3 * time.Second

// Run is the webhook: it serves until ctx ends, then answers the reviews that have come in and
// returns. The error says why it could not start, or what broke.
func Run(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	base := slog.LevelInfo
	if o.Debug {
		base = slog.LevelDebug
	}
	level := telemetry.NewLevel(base)
	log := slog.New(slog.NewJSONHandler(o.Log, &slog.HandlerOptions{Level: level}))
	klog.SetSlogLogger(log) // what client-go says
	traces, sendTraces, err := telemetry.Traces(ctx, os.Getenv, telemetry.Service{Name: o.ServiceName, Version: o.Version, Instance: o.Replica}, log)
	if err != nil {
		return err
	}
	w, err := newWebhook(o, log, traces)
	if err != nil {
		return err
	}
	stopDebug, err := telemetry.Debug{Listen: o.DebugListen, Profiles: o.Profiles, Level: level, Log: log}.Serve()
	if err != nil {
		return err
	}
	defer stopDebug()
	err = w.run(ctx)
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesTimeout)
	defer cancel()
	if err := sendTraces(sending); err != nil {
		log.Warn("traces", "error", err.Error())
	}
	return err
}

// parts are what a webhook is made of.
type parts struct {
	index   *index
	library *library
	status  *policyStatus
	keeper  *certificateKeeper
	probes  *probes
	server  *server
}

// newWebhook puts a webhook together, without connecting to anything. traces may be nil.
func newWebhook(o Options, log *slog.Logger, traces trace.TracerProvider) (*parts, error) {
	config, err := connection(o)
	if err != nil {
		return nil, err
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	m := newMetrics(o.Version)
	w := &parts{status: newPolicyStatus(core, o.Namespace, o.Replica, o.Version, log)}
	if w.index, err = newIndex(config, m); err != nil {
		return nil, err
	}
	if w.library, err = newLibrary(core, o.Namespace, w.status, log, m); err != nil {
		return nil, err
	}
	if w.keeper, err = newKeeper(o, config, log, m); err != nil {
		return nil, err
	}
	reviews, err := entries(w.library.reviewer, w.index, decisionLog{log, o.LogAllows}, m, traces)
	if err != nil {
		return nil, err
	}
	w.probes = &probes{ready: []func() error{w.index.ready, w.library.ready, w.keeper.ready}}
	m.tellReady(w.probes.check)
	w.server = newServer(o, reviews, w.keeper, w.probes, m, log)
	return w, nil
}

// run serves until ctx ends. What reviews need goes on until the server has ended, because it
// still answers those that have come in.
func (w *parts) run(ctx context.Context) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { w.index.run(background) })
	running.Go(func() { w.library.run(background) })
	running.Go(func() { w.status.run(background) })
	running.Go(func() { w.keeper.run(background) })
	running.Go(func() { giveBack(background, w.probes) })
	err := w.server.run(ctx)
	stop()
	running.Wait()
	return err
}

// giveBack returns memory to the system once the webhook is ready: reading a large cluster and
// compiling the policies takes several times what is kept of them.
func giveBack(ctx context.Context, p *probes) {
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	for p.check() != nil {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
	debug.FreeOSMemory()
}

// connection says how to reach the API server.
func connection(o Options) (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", o.Kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("find the cluster: %w", err)
	}
	config.UserAgent = fieldManager
	// No limit: the API server has its own. One here would be shared by all reviews, so who
	// names many objects that do not exist would make others' wait.
	config.QPS = -1
	return config, nil
}

// newKeeper returns a keeper of the certificate that the options ask for.
func newKeeper(o Options, config *rest.Config, log *slog.Logger, m *metrics) (*certificateKeeper, error) {
	k := &certificateKeeper{now: time.Now, log: log, expiry: m.expiry}
	k.pace(o.CertificateLifetime)
	if o.CertificateFile != "" {
		k.source, k.interval = certificateFiles{o.CertificateFile, o.KeyFile}, fileInterval
		return k, nil
	}
	registrations, err := admissionv1client.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	k.trust = configurations{client: registrations, name: o.Configuration, url: o.URL}.trust
	if o.CertificateSecret == "" {
		k.source = certificateMemory{o.wanted()}
		return k, nil
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	k.source = certificateSecret{client: core.Secrets(o.Namespace), name: o.CertificateSecret, wanted: o.wanted()}
	return k, nil
}
