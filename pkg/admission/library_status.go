package admission

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// A replica renews its key every statusInterval. One that has not done so for statusStale is
// gone, and any other replica drops its key.
const (
	statusInterval = 5 * time.Minute
	statusStale    = 15 * time.Minute
	statusRetry    = 10 * time.Second
	statusTimeout  = 5 * time.Second
)

// maxFieldManager is how long the API server lets the name of a field manager be.
const maxFieldManager = 128

// maxStatusError is how much of an error the status has; the log has all of it.
const maxStatusError = 2048

// policyStatus keeps the key of this replica in the ConfigMap policy.StatusName. Each replica
// is a field manager of its own, so that none removes the key of another by applying its own.
type policyStatus struct {
	client    corev1client.ConfigMapInterface
	namespace string
	replica   string
	version   string // of this program
	now       func() time.Time
	log       *slog.Logger
	// reports has room for one report, the newest.
	reports chan policy.Report
	trouble lastError
}

func newPolicyStatus(core corev1client.CoreV1Interface, namespace, replica, version string, log *slog.Logger) *policyStatus {
	return &policyStatus{client: core.ConfigMaps(namespace), namespace: namespace, replica: replica, version: version, now: time.Now, log: log, reports: make(chan policy.Report, 1)}
}

// say hands a report to run, in place of one that run has not written yet. Only one goroutine
// may call it.
func (s *policyStatus) say(report policy.Report) {
	select {
	case <-s.reports:
	default:
	}
	s.reports <- report
}

// run writes the newest report, and renews it, until ctx ends; then it removes the key.
func (s *policyStatus) run(ctx context.Context) {
	var report policy.Report
	select {
	case report = <-s.reports:
	case <-ctx.Done():
		return
	}
	for {
		wait := statusInterval
		err := s.write(ctx, report)
		if err != nil {
			wait = statusRetry
		}
		s.complain(ctx, err)
		select {
		case report = <-s.reports:
		case <-time.After(wait):
		case <-ctx.Done():
			last := context.WithoutCancel(ctx)
			s.complain(last, s.apply(last, nil))
			return
		}
	}
}

func (s *policyStatus) write(ctx context.Context, report policy.Report) error {
	report.Version, report.Renewed = s.version, s.now()
	for _, at := range []*time.Time{&report.Loaded, &report.Tried, &report.Renewed} {
		*at = at.UTC().Truncate(time.Second)
	}
	text, err := json.Marshal(report)
	if err != nil {
		return err
	}
	if err := s.apply(ctx, map[string]string{s.replica: string(text)}); err != nil {
		return err
	}
	return s.dropStale(ctx)
}

// apply makes data all that this replica has in the ConfigMap.
func (s *policyStatus) apply(ctx context.Context, data map[string]string) error {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	_, err := s.client.Apply(ctx, applycorev1.ConfigMap(policy.StatusName, s.namespace).WithData(data), metav1.ApplyOptions{FieldManager: s.manager(), Force: true})
	return err
}

// manager returns the name of this replica as a field manager. One that is too long loses its
// beginning, because the names of pods differ at their ends.
func (s *policyStatus) manager() string {
	return fieldManager + "-" + s.replica[max(0, len(s.replica)-(maxFieldManager-len(fieldManager)-1)):]
}

// dropStale removes the keys of replicas that are gone. A key that is renewed at the same time
// stays.
func (s *policyStatus) dropStale(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, statusTimeout)
	defer cancel()
	have, err := s.client.Get(ctx, policy.StatusName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	var errs []error
	for _, key := range slices.Sorted(maps.Keys(have.Data)) {
		if key == s.replica || !stale(have.Data[key], s.now()) {
			continue
		}
		path := "/data/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
		patch, err := json.Marshal([]operation{{Op: "test", Path: path, Value: have.Data[key]}, {Op: "remove", Path: path}})
		if err == nil {
			_, err = s.client.Patch(ctx, policy.StatusName, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: fieldManager})
		}
		if err != nil && !apierrors.IsInvalid(err) { // invalid: the test found another value, or none
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// stale reports whether the replica that wrote a text is gone. A text that is no report counts
// as stale, too.
func stale(text string, now time.Time) bool {
	var report policy.Report
	return json.Unmarshal([]byte(text), &report) != nil || now.Sub(report.Renewed) > statusStale
}

// complain logs an error of writing the status, once.
func (s *policyStatus) complain(ctx context.Context, err error) {
	if s.trouble.another(ctx, err) {
		s.log.Error("write the status of the policies", "configmap", s.namespace+"/"+policy.StatusName, "error", err.Error())
	}
}
