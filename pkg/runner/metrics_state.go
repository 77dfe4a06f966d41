package runner

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// state collects metrics of the resources that the runner knows. A runner that stands by has
// none: they would be counted twice.
type state struct {
	runner *runner

	resources, rotations, expired *prometheus.Desc
}

func newState(r *runner) state {
	return state{r,
		prometheus.NewDesc("dbtether_runner_resources", "Resources, by kind and phase.", []string{"kind", "phase"}, nil),
		prometheus.NewDesc("dbtether_runner_rotations_due", "DatabaseUsers whose password should have been rotated by now, and was not.", nil, nil),
		prometheus.NewDesc("dbtether_runner_expired_users", "DatabaseUsers whose time is over.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (s state) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- s.resources
	descriptions <- s.rotations
	descriptions <- s.expired
}

// Collect implements prometheus.Collector.
func (s state) Collect(metrics chan<- prometheus.Metric) {
	if !s.runner.synced.Load() || !s.runner.leading.Load() {
		return
	}
	w, now := s.runner.watch, s.runner.Provisioner.Now()
	phases := map[[2]string]int{}
	for _, kind := range []string{v1alpha1.KindDatabase, v1alpha1.KindDatabaseUser} {
		for _, phase := range []string{v1alpha1.PhasePending, v1alpha1.PhaseReady, v1alpha1.PhaseFailed} {
			phases[[2]string{kind, phase}] = 0 // so that an alert sees it come
		}
	}
	for _, object := range w.databases.GetStore().List() {
		phases[[2]string{v1alpha1.KindDatabase, phase(object.(*v1alpha1.Database).Status.Phase)}]++
	}
	for _, object := range w.clusters.GetStore().List() {
		phases[[2]string{v1alpha1.KindDBCluster, phase(object.(*v1alpha1.DBCluster).Status.Phase)}]++
	}
	rotations, expired := 0, 0
	for _, object := range w.users.GetStore().List() {
		user := object.(*v1alpha1.DatabaseUser)
		phases[[2]string{v1alpha1.KindDatabaseUser, phase(user.Status.Phase)}]++
		switch {
		case user.Spec.ExpiresAt != nil && !user.Spec.ExpiresAt.After(now):
			expired++
		case rotationIsDue(user, now):
			rotations++
		}
	}
	for of, count := range phases {
		metrics <- prometheus.MustNewConstMetric(s.resources, prometheus.GaugeValue, float64(count), of[0], of[1])
	}
	metrics <- prometheus.MustNewConstMetric(s.rotations, prometheus.GaugeValue, float64(rotations))
	metrics <- prometheus.MustNewConstMetric(s.expired, prometheus.GaugeValue, float64(expired))
}

func rotationIsDue(user *v1alpha1.DatabaseUser, now time.Time) bool {
	r := user.Status.Rotation
	return user.DeletionTimestamp == nil && r != nil && r.NextTime != nil && !r.NextTime.After(now)
}

// phase returns the phase of a status as a label of a metric. Any other text becomes Other:
// a status may hold anything, and a metric is to have few labels.
func phase(of string) string {
	switch of {
	case "": // nobody has looked at it yet
		return v1alpha1.PhasePending
	case v1alpha1.PhasePending, v1alpha1.PhaseReady, v1alpha1.PhaseFailed, v1alpha1.PhaseDeleting, v1alpha1.PhaseExpired, v1alpha1.PhaseConnected:
		return of
	default:
		return "Other"
	}
}
