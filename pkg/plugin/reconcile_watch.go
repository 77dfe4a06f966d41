package plugin

import (
	"context"
	"log/slog"
	"time"

	"github.com/spf13/cobra"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/runner"
	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
)

// watching is what reconcile --watch takes beside the flags of reconcile.
type watching struct {
	on, leaderElect bool
	resync          time.Duration
	metricsListen   string
	debugListen     string
	profiles        bool
}

// metricsAddress is where metrics are served unless somebody watches, or says otherwise.
const metricsAddress = ":8080"

func (w *watching) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&w.on, "watch", false, "go on: work on what changes, and on what its time has come for, until interrupted; implies --runner")
	flags.BoolVar(&w.leaderElect, "leader-elect", true, "with --watch: let one of several runners work at a time, by a Lease in namespace dbtether-system (of one namespace: false, unless it is given)")
	flags.DurationVar(&w.resync, "resync", time.Hour, "with --watch: how often each resource is read in full although nothing has changed")
	flags.StringVar(&w.metricsListen, "metrics-listen", "", "with --watch: `address` for /metrics, /healthz and /readyz, by HTTP (default "+metricsAddress+", on a terminal none)")
	flags.StringVar(&w.debugListen, "debug-listen", "", "with --watch: `address` on loopback, as in 127.0.0.1:6060, for GET and PUT /loglevel, by HTTP (default none)")
	flags.BoolVar(&w.profiles, "pprof", false, "with --watch: serve the Go runtime's profiles at --debug-listen, too, below /debug/pprof/")
}

// check refuses what makes no sense together.
func (w *watching) check(cmd *cobra.Command, r *reconciling, args []string) error {
	given := cmd.Flags().Changed
	if len(r.adminNamespaces) > 0 && !r.runner && !w.on {
		return Usagef("--admin-secret-namespaces needs --runner")
	}
	if !w.on {
		for _, flag := range []string{"leader-elect", "resync", "metrics-listen", "debug-listen", "pprof"} {
			if given(flag) {
				return Usagef("--%s needs --watch", flag)
			}
		}
		return nil
	}
	for _, flag := range []string{"quick", "recreate", "output"} {
		if given(flag) {
			return Usagef("--watch and --%s exclude each other", flag)
		}
	}
	switch {
	case len(args) > 0:
		return Usagef("--watch takes no names: it works on all of a namespace, or with -A on all")
	case w.resync < time.Minute:
		return Usagef("--resync is at least 1m, not %s", w.resync)
	}
	r.runner = true
	return nil
}

// watch works until ctx ends.
func (r *reconciling) watch(ctx context.Context, cmd *cobra.Command, env *Environment) error {
	namespace, err := r.namespace(env)
	if err != nil {
		return err
	}
	p, err := env.provisioner(&progress{})
	if err != nil {
		return err
	}
	defer p.Close()
	if err := r.asRunner(env, p); err != nil {
		return err
	}
	core, err := env.core()
	if err != nil {
		return err
	}
	options := runner.Options{Provisioner: p, Namespace: namespace, Resync: r.watching.resync, Events: core, Identity: env.replica(), Version: env.Version,
		MetricsListen: r.watching.metricsListen}
	if !cmd.Flags().Changed("metrics-listen") && !env.Terminal.Out {
		options.MetricsListen = metricsAddress
	}
	// The Lease is that of runners of everything: those of two namespaces have nothing to
	// wait for.
	if r.leaderElect && (r.allNamespaces || cmd.Flags().Changed("leader-elect")) {
		config, err := env.RESTConfig()
		if err != nil {
			return err
		}
		if options.Leases, err = coordinationv1client.NewForConfig(config); err != nil {
			return err
		}
	}
	level := telemetry.NewLevel(slog.LevelInfo)
	options.Log, options.Done = env.watchLog(level, r.allNamespaces)
	stopDebug, err := telemetry.Debug{Listen: r.debugListen, Profiles: r.profiles, Level: level, Log: options.Log}.Serve()
	if err != nil {
		return err
	}
	defer stopDebug()
	traces, send, err := env.traces(ctx, options.Identity, options.Log)
	if err != nil {
		return err
	}
	defer send()
	options.Traces = traces
	return runner.Run(ctx, options)
}
