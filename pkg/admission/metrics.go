package admission

import (
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dbtether/kubectl-dbtether/pkg/telemetry"
)

// The outcomes of a review, in metrics and logs.
const (
	outcomeAllowed  = "allowed"
	outcomePatched  = "patched"
	outcomeDenied   = "denied"
	outcomeInvalid  = "invalid"   // the body is no review, or could not be read
	outcomeTooLarge = "too_large" // the body is over the limit
	outcomeError    = "error"
	outcomePanic    = "panic"
)

// metrics have labels with few values only, whatever is sent to us: fixed ones for entry,
// outcome and verdict, and the policies and codes of the sets that were loaded.
type metrics struct {
	registry *prometheus.Registry
	reviews  *prometheus.CounterVec
	duration *prometheus.HistogramVec
	inFlight prometheus.Gauge
	expiry   prometheus.Gauge
	index    indexMetrics
	policyMetrics
}

// newMetrics returns the metrics of a version of the webhook.
func newMetrics(version string) *metrics {
	m := &metrics{
		registry:      prometheus.NewRegistry(),
		index:         newIndexMetrics(),
		policyMetrics: newPolicyMetrics(),
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dbtether_webhook_reviews_total",
			Help: "Admission reviews answered, by entry and outcome.",
		}, []string{"entry", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "dbtether_webhook_review_duration_seconds",
			Help:    "Time from the request's headers to the answer, by entry and outcome: allowed, patched, denied or failed.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .5, 1, 2, 3}, // the API server waits for 2 or 3 s
		}, []string{"entry", "outcome"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_webhook_reviews_in_flight",
			Help: "Reviews that are being answered.",
		}),
		expiry: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_webhook_certificate_expiry_timestamp_seconds",
			Help: "When the served certificate expires, in seconds since 1970.",
		}),
	}
	m.registry.MustRegister(m.reviews, m.duration, m.inFlight, m.expiry)
	m.index.register(m.registry)
	m.policyMetrics.register(m.registry)
	telemetry.Process(m.registry, metricPrefix, version)
	return m
}

// metricPrefix is the beginning of the names of our metrics.
const metricPrefix = "dbtether_webhook"

// tellReady adds the metric of whether the webhook is ready: check returns an error while it is
// not.
func (m *metrics) tellReady(check func() error) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "dbtether_webhook_ready",
		Help: "1 while reviews are taken, 0 while /readyz says why not.",
	}, func() float64 {
		if check() != nil {
			return 0
		}
		return 1
	}))
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// entryMetrics are the metrics of one entry, which are looked up once.
type entryMetrics struct {
	shared   *metrics
	outcomes map[string]outcomeMetrics
}

type outcomeMetrics struct {
	reviews prometheus.Counter
	// duration makes the series at the first observation, because a histogram has many.
	duration func() prometheus.Observer
}

// outcomeFailed stands in durations for all outcomes that are no decision.
const outcomeFailed = "failed"

func (m *metrics) entry(name string) entryMetrics {
	e := entryMetrics{shared: m, outcomes: map[string]outcomeMetrics{}}
	for outcome, coarse := range map[string]string{
		outcomeAllowed: outcomeAllowed, outcomePatched: outcomePatched, outcomeDenied: outcomeDenied,
		outcomeInvalid: outcomeFailed, outcomeTooLarge: outcomeFailed, outcomeError: outcomeFailed, outcomePanic: outcomeFailed,
	} {
		e.outcomes[outcome] = outcomeMetrics{m.reviews.WithLabelValues(name, outcome),
			sync.OnceValue(func() prometheus.Observer { return m.duration.WithLabelValues(name, coarse) })}
	}
	return e
}

// answered counts a review and its duration.
func (e entryMetrics) answered(outcome string, took time.Duration) {
	m := e.outcomes[outcome]
	m.reviews.Inc()
	m.duration().Observe(took.Seconds())
}
