package admission

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// policyMetrics tell which policies decide, and how long that takes.
type policyMetrics struct {
	policies, policyProblems, policySuccess prometheus.Gauge
	policyFailures                          prometheus.Counter
	// policySet has one series, whose label is the revision of the set.
	policySet  *prometheus.GaugeVec
	evaluation prometheus.Histogram
	findings   *prometheus.CounterVec
	// codes are those of every policy that was ever loaded.
	codes *atomic.Pointer[map[string][]string]
}

func newPolicyMetrics() policyMetrics {
	m := policyMetrics{
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
		policySet: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "dbtether_webhook_policy_set_info",
			Help: "1; its label says which revision of the policies decides. Replicas that differ have loaded different ConfigMaps.",
		}, []string{"revision"}),
		evaluation: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "dbtether_webhook_policy_evaluation_seconds",
			Help:    "Time in which the policies answered about one object.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .1, .5, 2},
		}),
		findings: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "dbtether_webhook_findings_total",
			Help: "What reviews found, by policy, code and verdict: deny, warn, dryrun, excepted, or error where a policy failed.",
		}, []string{"policy", "code", "verdict"}),
		codes: new(atomic.Pointer[map[string][]string]),
	}
	m.codes.Store(&map[string][]string{})
	return m
}

func (m policyMetrics) register(registry *prometheus.Registry) {
	registry.MustRegister(m.policies, m.policyProblems, m.policySuccess, m.policyFailures, m.policySet, m.evaluation, m.findings)
}

// loaded records that reviews are decided by an engine from now on. That a policy failed is
// counted from 0, so that the first failure is an increase.
func (m policyMetrics) loaded(engine *policy.Engine, now time.Time) {
	codes := maps.Clone(*m.codes.Load())
	m.findings.WithLabelValues("", policy.CodeError, verdictError)
	for _, row := range engine.Policies() {
		m.findings.WithLabelValues(row.Policy, policy.CodeError, verdictError)
		if row.Code != "" && !slices.Contains(codes[row.Policy], row.Code) {
			codes[row.Policy] = append(slices.Clip(codes[row.Policy]), row.Code)
		}
	}
	m.codes.Store(&codes)
	m.policies.Set(float64(countPolicies(engine)))
	m.policyProblems.Set(float64(len(engine.Problems())))
	m.policySuccess.Set(float64(now.Unix()))
	m.policySet.Reset()
	m.policySet.WithLabelValues(engine.Revision()).Set(1)
}

// The verdicts of findings, in metrics and logs: what becomes of a finding.
const (
	verdictDeny     = "deny"
	verdictWarn     = "warn"
	verdictDryRun   = "dryrun"
	verdictExcepted = "excepted"
	verdictError    = "error"
)

// found counts the findings of a review.
func (m policyMetrics) found(outcome review.Outcome) {
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

// codeOther stands for a code that a policy does not name in its METADATA, and that may be made
// of anything that was sent.
const codeOther = "other"

// code returns the code of a finding, or codeOther: a code that may stand in metrics and logs.
func (m policyMetrics) code(f policy.Finding) string {
	if f.Policy == "" || f.Code == policy.CodeError || slices.Contains((*m.codes.Load())[f.Policy], f.Code) {
		return f.Code
	}
	return codeOther
}
