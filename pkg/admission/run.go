package admission

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	admissionv1client "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
)

// Run is the webhook: it serves until ctx ends, then answers what has come in and
// returns. An error means that it could not start or that it broke.
func Run(ctx context.Context, o Options) error {
	if err := o.check(); err != nil {
		return err
	}
	level := slog.LevelInfo
	if o.Debug {
		level = slog.LevelDebug
	}
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
	index, err := newIndex(config)
	if err != nil {
		return err
	}
	m := newMetrics()
	status := newPolicyStatus(core, o.Namespace, o.Replica, o.Version, log)
	library, err := newLibrary(core, o.Namespace, status, log, m)
	if err != nil {
		return err
	}
	keeper, err := newKeeper(o, config, log, m)
	if err != nil {
		return err
	}
	reviews, err := entries(library.reviewer, index, decisionLog{log, o.LogAllows}, m)
	if err != nil {
		return err
	}
	p := &probes{ready: []func() error{index.ready, library.ready, keeper.ready}}
	server := newServer(o, reviews, keeper, p, m, log)

	// What serves reviews outlives ctx: reviews that came in are still answered.
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { index.run(background) })
	running.Go(func() { library.run(background) })
	running.Go(func() { status.run(background) })
	running.Go(func() { keeper.run(background) })
	err = server.run(ctx)
	stop()
	running.Wait()
	return err
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
