package runner

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
)

// metrics have labels of a few values only: no namespace, no name.
type metrics struct {
	registry *prometheus.Registry
	results  *prometheus.CounterVec
	errors   *prometheus.CounterVec
	duration *prometheus.HistogramVec

	success, leader, expired, secretsDue prometheus.Gauge
}

// newMetrics returns the metrics of a version of the runner. depth returns how many
// resources wait for their turn, retrying how many for another try, and unreachable how
// many clusters do not answer.
func newMetrics(version string, depth, retrying, unreachable func() int) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dbtether_runner_results_total",
			Help: "What came of the work on resources, by kind and action: unchanged, provisioned, deleted or failed; of Secrets rotated, expired, pruned or failed.",
		}, []string{"kind", "action"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dbtether_runner_errors_total",
			Help: "Failures, by kind of resource, or watch, or look (for Secrets), and by reason: Denied, Refused, Unreachable, Forbidden or Failed.",
		}, []string{"kind", "reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "dbtether_runner_work_duration_seconds",
			Help:    "Time of the work on one resource, by kind.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300},
		}, []string{"kind"}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_runner_last_success_timestamp_seconds",
			Help: "When the work on a resource last succeeded, in seconds since 1970.",
		}),
		leader: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_runner_leader",
			Help: "1 while this runner works, 0 while it stands by.",
		}),
		expired: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_runner_expired_secrets",
			Help: "Managed Secrets that have expired.",
		}),
		secretsDue: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_runner_secrets_due",
			Help: "Managed Secrets for which something was to be done when it was looked last: new values, or revisions beyond as many as are kept.",
		}),
	}
	counted := func(name, help string, count func() int) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(count()) })
	}
	m.registry.MustRegister(m.results, m.errors, m.duration, m.success, m.leader, m.expired, m.secretsDue,
		counted("dbtether_runner_queue_depth", "Resources that wait for their turn, those that wait for a time excepted.", depth),
		counted("dbtether_runner_retrying", "Resources that failed and wait for another try.", retrying),
		counted("dbtether_runner_unreachable_clusters", "DBClusters whose server does not answer.", unreachable))
	telemetry.Process(m.registry, "dbtether_runner", version)
	return m
}

func (m *metrics) add(result provision.Result, took time.Duration, now time.Time) {
	m.results.WithLabelValues(result.Kind, string(result.Action)).Inc()
	m.duration.WithLabelValues(result.Kind).Observe(took.Seconds())
	if result.Err != nil {
		m.errors.WithLabelValues(result.Kind, string(provision.WhyOf(result.Err))).Inc()
		return
	}
	m.success.Set(float64(now.Unix()))
}
