package admission

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// ConfigMaps that are applied together arrive one after the other: they are loaded when none has
// changed for libraryQuiet, and after libraryPatience at the latest. A set that could not be
// loaded is tried again every libraryRetry: a test may have taken too long on a busy machine.
const (
	libraryQuiet    = 200 * time.Millisecond
	libraryPatience = 2 * time.Second
	libraryRetry    = time.Minute
)

// library keeps the policies that reviews are decided by: the built-in ones and what ConfigMaps
// add to them. A set is loaded as a whole while reviews go on, and then takes the place of the
// one before; one that cannot be loaded changes nothing. Until the first is loaded, what
// policies decide is denied, with the reason.
type library struct {
	informer cache.SharedIndexInformer // of the ConfigMaps
	now      func() time.Time
	options  policy.Options
	log      *slog.Logger
	metrics  *metrics
	events   events
	status   *policyStatus
	// changed has room for one value, which stands for any number of changes.
	changed chan struct{}
	engine  atomic.Pointer[evaluator]
	// loaded is when the policies of the engine were loaded; nil while it has none.
	loaded atomic.Pointer[time.Time]
	// tried says that a set was read, whether it could be loaded or not.
	tried atomic.Bool

	// versions identify the ConfigMaps that were tried last.
	versions []string
	// trouble is what was logged last, so that it is logged once.
	trouble trouble
}

// trouble is what was wrong with the set that was tried last.
type trouble struct {
	failure  string
	problems []string
}

var errPoliciesUnread = errors.New("policies have not been read yet")

// newLibrary returns a library of the ConfigMaps of a namespace, which run reads.
func newLibrary(core corev1client.CoreV1Interface, namespace string, status *policyStatus, log *slog.Logger, m *metrics) (*library, error) {
	l := &library{now: time.Now, log: log, metrics: m, events: events{core.Events(namespace), namespace, status.replica}, status: status, changed: make(chan struct{}, 1)}
	l.decideBy(policy.Refusing(errPoliciesUnread))
	list := cache.NewFilteredListWatchFromClient(core.RESTClient(), "configmaps", namespace, func(o *metav1.ListOptions) { o.LabelSelector = policy.LabelPolicy })
	l.informer = cache.NewSharedIndexInformer(list, &corev1.ConfigMap{}, 0, cache.Indexers{})
	if err := l.informer.SetTransform(bareConfigMap); err != nil {
		return nil, err
	}
	_, err := l.informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { l.change() },
		UpdateFunc: func(any, any) { l.change() },
		DeleteFunc: func(any) { l.change() },
	})
	return l, err
}

// bareConfigMap drops parts that are not used and may be as large as the data again.
func bareConfigMap(object any) (any, error) {
	if config, ok := object.(*corev1.ConfigMap); ok {
		config.ManagedFields, config.Annotations, config.BinaryData = nil, nil, nil
	}
	return object, nil
}

// change notes that a ConfigMap has changed.
func (l *library) change() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *library) decideBy(engine *policy.Engine) {
	l.engine.Store(&evaluator{engine, l.metrics.evaluation})
}

// reviewer returns a reviewer by the policies in force. A review takes it once and keeps it to
// its end.
func (l *library) reviewer() review.Reviewer {
	return review.Reviewer{Policies: l.engine.Load(), Now: l.now}
}

// ready returns an error until a set of policies was tried. We are ready even if it could not
// be loaded, so that who asks is told why.
func (l *library) ready() error {
	if !l.tried.Load() {
		return errPoliciesUnread
	}
	return nil
}

// run reads the ConfigMaps, and loads what they hold on each change, until ctx ends.
func (l *library) run(ctx context.Context) {
	go l.informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), l.informer.HasSynced) {
		return
	}
	retry := time.NewTicker(libraryRetry)
	defer retry.Stop()
	for {
		l.refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-l.changed:
			l.settle(ctx)
		case <-retry.C:
		}
	}
}

// settle waits until no more changes arrive.
func (l *library) settle(ctx context.Context) {
	latest := time.After(libraryPatience)
	for {
		select {
		case <-l.changed:
		case <-time.After(libraryQuiet):
			return
		case <-latest:
			return
		case <-ctx.Done():
			return
		}
	}
}

// refresh loads what the ConfigMaps hold now, unless it is in force already.
func (l *library) refresh(ctx context.Context) {
	documents, versions := l.documents()
	if l.tried.Load() && l.trouble.failure == "" && slices.Equal(versions, l.versions) {
		return
	}
	l.versions = versions
	engine, err := l.load(ctx, documents)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		l.fail(ctx, err)
	} else {
		l.serve(ctx, engine)
	}
	l.tried.Store(true)
}

// load compiles a set. If the compiler panics, that is an error and does not end the process,
// which would meet the same text at its next start.
func (l *library) load(ctx context.Context, documents []policy.Document) (engine *policy.Engine, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			engine, err = nil, fmt.Errorf("panic: %v", cause)
		}
	}()
	return policy.Load(ctx, policy.ReadSet(documents, l.now()), l.options)
}

// documents returns the ConfigMaps, and what identifies their content.
func (l *library) documents() (documents []policy.Document, versions []string) {
	for _, object := range l.informer.GetStore().List() {
		config := object.(*corev1.ConfigMap)
		documents = append(documents, policy.Document{ObjectMeta: config.ObjectMeta, Data: config.Data})
		versions = append(versions, string(config.UID)+"/"+config.ResourceVersion)
	}
	slices.Sort(versions)
	return documents, versions
}

// serve decides by the engine from now on.
func (l *library) serve(ctx context.Context, engine *policy.Engine) {
	l.metrics.loaded(engine, l.now())
	l.decideBy(engine)
	at := l.now()
	l.loaded.Store(&at)
	l.log.Info("policies loaded", "revision", engine.Revision(), "policies", countPolicies(engine), "exceptions", len(engine.Exceptions()))
	problems := engine.Problems()
	for _, problem := range problems {
		if !slices.Contains(l.trouble.problems, problem) {
			l.log.Warn("left out of the policies", "problem", problem)
			l.event(ctx, eventLeftOut, problem)
		}
	}
	l.trouble = trouble{problems: problems}
	l.status.say(policy.Report{Revision: engine.Revision(), Loaded: at, Tried: at})
}

// fail leaves the policies in force as they are, and reports that those of the ConfigMaps cannot
// be loaded.
func (l *library) fail(ctx context.Context, err error) {
	l.metrics.policyFailures.Inc()
	report := policy.Report{Tried: l.now(), Error: words.Shorten(err.Error(), maxStatusError)}
	if at := l.loaded.Load(); at != nil {
		report.Revision, report.Loaded = l.engine.Load().Revision(), *at
	} else {
		l.decideBy(policy.Refusing(err))
	}
	if err.Error() != l.trouble.failure {
		l.log.Error("policies cannot be loaded", "error", err.Error(), "revision", report.Revision)
		l.event(ctx, eventNotLoaded, "policies cannot be loaded: "+err.Error()+". "+consequence(report))
	}
	l.trouble.failure = err.Error()
	l.status.say(report)
}

// consequence says what a failure means for those whose objects policies decide on.
func consequence(report policy.Report) string {
	if report.Revision == "" {
		return "Until they can, what policies decide is refused"
	}
	return fmt.Sprintf("Those of revision %s, loaded %s, stay in force", report.Revision, report.Loaded.UTC().Format(time.RFC3339))
}

// event writes an Event about what is wrong. If it cannot, that is logged; what the Event would
// say is in the log already.
func (l *library) event(ctx context.Context, reason, text string) {
	if err := l.events.warn(ctx, l.informer.GetStore(), reason, text, l.now()); err != nil {
		l.log.Warn("write event", "error", err.Error())
	}
}

// countPolicies returns how many policies an engine has.
func countPolicies(engine *policy.Engine) int {
	names := map[string]bool{}
	for _, row := range engine.Policies() {
		names[row.Policy] = true
	}
	return len(names)
}
