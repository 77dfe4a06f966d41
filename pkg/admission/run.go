package admission

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"sync"
	"time"

	admissionv1client "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
)

// tracesTimeout bounds how long the end of the process waits for its last spans to be sent.
const tracesTimeout = 3 * time.Second

// Run is the webhook: it serves until ctx ends, then answers what has come in and
// returns. An error means that it could not start or that it broke.
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
	config, err := connection(o)
	if err != nil {
		return err
	}
	core, err := corev1client.NewForConfig(config)
	if err != nil {
		return err
	}
	m := newMetrics(o.Version)
	index, err := newIndex(config, m)
	if err != nil {
		return err
	}
	status := newPolicyStatus(core, o.Namespace, o.Replica, log)
	library, err := newLibrary(core, o.Namespace, status, log, m)
	if err != nil {
		return err
	}
	keeper, err := newKeeper(o, config, log, m)
	if err != nil {
		return err
	}
	traces, sendTraces, err := telemetry.Traces(ctx, os.Getenv, telemetry.Service{Name: o.ServiceName, Version: o.Version, Instance: o.Replica}, log)
	if err != nil {
		return err
	}
	reviews, err := entries(library.reviewer, index, decisionLog{log, o.LogAllows}, m, traces)
	if err != nil {
		return err
	}
	p := &probes{ready: []func() error{index.ready, library.ready, keeper.ready}}
	m.tellReady(p.check)
	server := newServer(o, reviews, keeper, p, m, log)
	stopDebug, err := telemetry.Debug{Listen: o.DebugListen, Profiles: o.Profiles, Level: level, Log: log}.Serve()
	if err != nil {
		return err
	}
	defer stopDebug()

	// What serves reviews outlives ctx: reviews that came in are still answered.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { index.run(background) })
	running.Go(func() { library.run(background) })
	running.Go(func() { status.run(background) })
	running.Go(func() { keeper.run(background) })
	running.Go(func() { giveBack(background, p) })
	err = server.run(ctx)
	stop()
	running.Wait()
	sending, cancel := context.WithTimeout(context.WithoutCancel(ctx), tracesTimeout)
	defer cancel()
	if err := sendTraces(sending); err != nil {
		log.Warn("traces", "error", err.Error())
	}
	return err
}

// giveBack returns to the system, once the webhook is ready, what starting took: reading
// a large cluster and compiling the policies need several times what is kept of them.
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
	// The API server divides its time itself. A limit here would be one for all: who
	// names many objects that are not there would make others' reviews wait.
	config.QPS = -1
	return config, nil
}

// newKeeper returns the keeper of the certificate that the options ask for.
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
