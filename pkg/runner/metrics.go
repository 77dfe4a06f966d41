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

	success, leader, unreachable, expired, secretsDue prometheus.Gauge
}

// newMetrics returns the metrics of a version of the runner. Depth returns how many
// resources wait for their turn, and retrying how many for another try.
func newMetrics(version string, depth, retrying func() int) *metrics {
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
		unreachable: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_runner_unreachable_clusters",
			Help: "DBClusters whose server does not answer.",
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
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dbtether_runner_queue_depth",
		Help: "Resources that wait for their turn, those that wait for a time excepted.",
	}, func() float64 { return float64(depth()) })
	again := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dbtether_runner_retrying",
		Help: "Resources that failed and wait for another try.",
	}, func() float64 { return float64(retrying()) })
	m.registry.MustRegister(m.results, m.errors, m.duration, m.success, m.leader, m.unreachable, m.expired, m.secretsDue, waiting, again)
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
