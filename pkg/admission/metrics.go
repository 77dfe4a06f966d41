package admission

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// What a review can come to, in metrics and logs.
const (
	outcomeAllowed  = "allowed"
	outcomePatched  = "patched"
	outcomeDenied   = "denied"
	outcomeInvalid  = "invalid"   // the body is no review
	outcomeTooLarge = "too_large" // the body is over the limit
	outcomeError    = "error"
	outcomePanic    = "panic"
)

// metrics have labels of a few fixed values only: entry and outcome.
type metrics struct {
	registry *prometheus.Registry
	reviews  *prometheus.CounterVec
	duration *prometheus.HistogramVec
	expiry   prometheus.Gauge
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dbtether_webhook_reviews_total",
			Help: "Admission reviews answered, by entry and outcome.",
		}, []string{"entry", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "dbtether_webhook_review_duration_seconds",
			Help:    "Time from the request's headers to the answer, by entry.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 3},
		}, []string{"entry"}),
		expiry: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_webhook_certificate_expiry_timestamp_seconds",
			Help: "When the served certificate expires, in seconds since 1970.",
		}),
	}
	m.registry.MustRegister(m.reviews, m.duration, m.expiry)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// entryMetrics are those of one entry, looked up once.
type entryMetrics struct {
	outcomes map[string]prometheus.Counter
	duration prometheus.Observer
}

func (m *metrics) entry(name string) entryMetrics {
	e := entryMetrics{outcomes: map[string]prometheus.Counter{}, duration: m.duration.WithLabelValues(name)}
	for _, outcome := range []string{outcomeAllowed, outcomePatched, outcomeDenied, outcomeInvalid, outcomeTooLarge, outcomeError, outcomePanic} {
		e.outcomes[outcome] = m.reviews.WithLabelValues(name, outcome)
	}
	return e
}

func (e entryMetrics) answered(outcome string, took time.Duration) {
	e.outcomes[outcome].Inc()
	e.duration.Observe(took.Seconds())
}
