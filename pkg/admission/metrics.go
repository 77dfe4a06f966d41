package admission

import (
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
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

// metrics have labels of a few values only, whatever is sent: the fixed ones of entry,
// outcome and verdict, and the policies and codes of the sets that were loaded.
type metrics struct {
	registry *prometheus.Registry
	reviews  *prometheus.CounterVec
	duration *prometheus.HistogramVec
	findings *prometheus.CounterVec
	expiry   prometheus.Gauge

	policies, policyProblems, policySuccess prometheus.Gauge
	policyFailures                          prometheus.Counter
	// codes are those of every policy that was ever loaded.
	codes atomic.Pointer[map[string][]string]
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
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dbtether_webhook_findings_total",
			Help: "What reviews found, by policy, code and verdict: deny, warn, dryrun, excepted, or error where a policy failed.",
		}, []string{"policy", "code", "verdict"}),
		policies: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_webhook_policies",
			Help: "Policies that reviews are decided by; 0 while none could be loaded.",
		}),
		policyProblems: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_webhook_policy_problems",
			Help: "Modes and exceptions that were left out of the policies in force.",
		}),
		policySuccess: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_webhook_policy_last_success_timestamp_seconds",
			Help: "When the policies in force were loaded, in seconds since 1970.",
		}),
		policyFailures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "dbtether_webhook_policy_load_failures_total",
			Help: "How often policies could not be loaded.",
		}),
		expiry: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "dbtether_webhook_certificate_expiry_timestamp_seconds",
			Help: "When the served certificate expires, in seconds since 1970.",
		}),
	}
	m.codes.Store(&map[string][]string{})
	m.registry.MustRegister(m.reviews, m.duration, m.findings, m.policies, m.policyProblems, m.policySuccess, m.policyFailures, m.expiry)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// entryMetrics are those of one entry, looked up once.
type entryMetrics struct {
	shared   *metrics
	outcomes map[string]prometheus.Counter
	duration prometheus.Observer
}

func (m *metrics) entry(name string) entryMetrics {
	e := entryMetrics{shared: m, outcomes: map[string]prometheus.Counter{}, duration: m.duration.WithLabelValues(name)}
	for _, outcome := range []string{outcomeAllowed, outcomePatched, outcomeDenied, outcomeInvalid, outcomeTooLarge, outcomeError, outcomePanic} {
		e.outcomes[outcome] = m.reviews.WithLabelValues(name, outcome)
	}
	return e
}

func (e entryMetrics) answered(outcome string, took time.Duration) {
	e.outcomes[outcome].Inc()
	e.duration.Observe(took.Seconds())
}

// What becomes of a finding, in metrics.
const (
	verdictDeny     = "deny"
	verdictWarn     = "warn"
	verdictDryRun   = "dryrun"
	verdictExcepted = "excepted"
	verdictError    = "error"
)

// loaded records that reviews are decided by an engine from now on.
func (m *metrics) loaded(engine *policy.Engine, now time.Time) {
	codes := maps.Clone(*m.codes.Load())
	for _, row := range engine.Policies() {
		if row.Code != "" && !slices.Contains(codes[row.Policy], row.Code) {
			codes[row.Policy] = append(slices.Clip(codes[row.Policy]), row.Code)
		}
	}
	m.codes.Store(&codes)
	m.policies.Set(float64(countPolicies(engine)))
	m.policyProblems.Set(float64(len(engine.Problems())))
	m.policySuccess.Set(float64(now.Unix()))
}

// codeOther stands for a code that a policy does not name in its METADATA: it may be
// made of anything that was sent.
const codeOther = "other"

// code returns the code of a finding as it can be told to anybody.
func (m *metrics) code(f policy.Finding) string {
	if f.Policy == "" || f.Code == policy.CodeError || slices.Contains((*m.codes.Load())[f.Policy], f.Code) {
		return f.Code
	}
	return codeOther
}

// found counts the findings of a review.
func (m *metrics) found(outcome review.Outcome) {
	count := func(verdict string, f policy.Finding) {
		if f.Code == policy.CodeError {
			verdict = verdictError
		}
		m.findings.WithLabelValues(f.Policy, m.code(f), verdict).Inc()
	}
	for _, f := range outcome.Findings {
		count(verdictDeny, f)
	}
	for _, f := range outcome.Decision.Warn {
		count(verdictWarn, f)
	}
	for _, f := range outcome.Decision.DryRun {
		count(verdictDryRun, f)
	}
	for _, x := range outcome.Decision.Excepted {
		count(verdictExcepted, x.Finding)
	}
}
