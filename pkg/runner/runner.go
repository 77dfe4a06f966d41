package runner

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	coordinationv1client "k8s.io/client-go/kubernetes/typed/coordination/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"

	"github.com/dbtether/kubectl-dbtether/pkg/notify"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// Options say how to run.
type Options struct {
	// Provisioner does the work. The runner watches with its clients, Metadata among them.
	Provisioner *provision.Provisioner
	// Namespace is the one whose resources are worked on; empty: all.
	Namespace string
	// Resync is how often each resource is read in full although nothing has changed.
	Resync time.Duration
	// SecretInterval is how often the runner looks for managed Secrets of which something is
	// due; 0: every minute.
	SecretInterval time.Duration
	// Leases holds the Lease by which one of several runners works; nil: this one does.
	Leases coordinationv1client.LeasesGetter
	// Identity is the name of this one of them.
	Identity string
	// Events is where results are told as Events of the resources; nil: nowhere.
	Events corev1client.EventsGetter
	// MetricsListen is where /metrics, /healthz and /readyz are served, by HTTP; empty:
	// nowhere.
	MetricsListen string
	// Traces makes the spans of the work on each resource; nil: nothing is traced.
	Traces trace.TracerProvider
	// Version is that of the program.
	Version string
	// Log is told of what concerns the runner itself.
	Log *slog.Logger
	// Done is called with each result and how long it took, once at a time. Work that was
	// interrupted has no result.
	Done func(provision.Result, time.Duration)
}

const (
	// atOnce is how many resources are worked on at a time; there are as many sessions
	// of an administrator.
	atOnce = 4
	// workTimeout bounds the work on one resource.
	workTimeout = 10 * time.Minute
	// finishTimeout is how long what has begun may go on after the runner was told to
	// stop. What is interrupted then, the next run completes.
	finishTimeout = 15 * time.Second
	// idleInterval is how often sessions that nobody uses are ended.
	idleInterval = time.Minute
)

// runner is one call of Run.
type runner struct {
	Options
	metrics *metrics
	// synced says whether all that is watched was read; leading whether this runner works;
	// elected whether it is known which runner does.
	synced, leading, elected atomic.Bool

	queue   workqueue.TypedRateLimitingInterface[key]
	claims  *claims
	failing *failing
	watch   *watch
	down    unreachable
	busy    atomic.Int32
	telling sync.Mutex
	events  events
	secrets secrets
}

// Run works until ctx ends, then finishes what it has begun, gives the lease back and returns
// nil, within half a minute. It returns an error where it could not begin, or where it lost
// the lease because the API server could not be reached: another runner may have taken over.
func Run(ctx context.Context, o Options) error {
	klog.SetSlogLogger(slog.New(clientLog{o.Log.Handler()}))
	r := &runner{Options: o, claims: newClaims(), failing: newFailing()}
	r.events.recorder = notify.Recorder{Events: o.Events, Component: leaseName, Instance: o.Identity, Now: o.Provisioner.Now}
	r.events.notifier = func() *notify.Notifier { // anew each time: configurations change
		return &notify.Notifier{Secrets: o.Provisioner.Secrets, Events: o.Events, Component: leaseName, Instance: o.Identity, Now: o.Provisioner.Now, Random: o.Provisioner.Random}
	}
	r.queue = workqueue.NewTypedRateLimitingQueue[key](newBackoff())
	r.metrics = newMetrics(o.Version, r.queue.Len, r.failing.count, r.down.count)
	r.metrics.registry.MustRegister(newState(r))
	server, err := r.serve()
	if err != nil {
		return err
	}
	defer server.close()
	if o.Leases == nil {
		r.elected.Store(true)
		return r.lead(ctx, ctx)
	}
	return r.elect(ctx)
}

// lead works until stopping ends, and then finishes what it has begun. When lost ends first,
// another runner may be at work, and it gives up at once.
func (r *runner) lead(stopping, lost context.Context) error {
	r.leading.Store(true)
	r.metrics.leader.Set(1)
	defer func() {
		r.leading.Store(false)
		r.metrics.leader.Set(0)
	}()
	work, giveUp := context.WithCancel(context.WithoutCancel(stopping))
	defer giveUp()
	if lost != stopping {
		defer context.AfterFunc(lost, giveUp)()
	}
	watching, endWatch := context.WithCancel(stopping)
	defer endWatch()
	defer context.AfterFunc(lost, endWatch)()
	var err error
	if r.watch, err = newWatch(r.Options, r.again, r.later, r.unwatched); err != nil {
		return err
	}
	r.Log.Info("reading all resources", "namespace", r.Namespace)
	if err := r.watch.start(watching); err != nil {
		r.queue.ShutDown()
		return ended(stopping, err)
	}
	r.synced.Store(true)
	r.Log.Info("watching", "databases", len(r.watch.databases.GetStore().ListKeys()), "users", len(r.watch.users.GetStore().ListKeys()), "clusters", len(r.watch.clusters.GetStore().ListKeys()))
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() { r.worker(watching, work) })
	}
	workers.Go(func() { r.endIdle(watching) })
	workers.Go(func() { r.lookAtSecrets(watching) })
	<-watching.Done()
	r.queue.ShutDown()
	if lost.Err() == nil || lost == stopping {
		defer time.AfterFunc(finishTimeout, giveUp).Stop()
	}
	r.Log.Info("stopping", "working on", r.busy.Load())
	workers.Wait()
	return nil
}

// ended returns nil where a run ended because it was told to.
func ended(stopping context.Context, err error) error {
	if stopping.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// again asks for a run now, and forgets earlier failures.
func (r *runner) again(k key) {
	r.queue.Forget(k)
	r.queue.Add(k)
}

func (r *runner) later(k key, at time.Time) { r.queue.AddAfter(k, at.Sub(r.Provisioner.Now())) }

// unwatched is told that something cannot be listed or watched.
func (r *runner) unwatched(err error) {
	r.metrics.errors.WithLabelValues("watch", string(provision.WhyOf(err))).Inc()
	r.Log.Warn("cannot watch: it is tried again", "error", err.Error())
}

// endIdle ends the sessions of administrators that nobody has used for a while.
func (r *runner) endIdle(ctx context.Context) {
	ticker := time.NewTicker(idleInterval)
	defer ticker.Stop()
	quiet := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		idle := r.busy.Load() == 0 && r.queue.Len() == 0
		if idle && quiet {
			r.Provisioner.Close()
		}
		quiet = idle
	}
}

var (
	errNotElected = errors.New("which runner works is not known yet")
	errNotRead    = errors.New("the resources have not been read yet")
)

// ready returns why the runner is not ready; nil if it is. One that stands by is ready.
func (r *runner) ready() error {
	switch {
	case !r.elected.Load():
		return errNotElected
	case r.leading.Load() && !r.synced.Load():
		return errNotRead
	default:
		return nil
	}
}
