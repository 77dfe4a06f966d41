package main

import "strings"

// in puts the chosen namespace where an expression has NS: {NS} or {NS, entry="inject"}.
func in(expr string) string { return strings.ReplaceAll(expr, "NS", `namespace=~"$namespace"`) }

// one is a panel's only query.
func one(expr, legend string) []query { return []query{{in(expr), legend}} }

func webhookRows() []row {
	return []row{nowRow(), trafficRow(), decisionsRow(), policiesRow(), certificateRow(), indexRow()}
}

func nowRow() row {
	stat := func(title, says, unit, expr string) panel {
		return panel{title: title, says: says, kind: "stat", unit: unit, width: 4, queries: one(expr, "")}
	}
	ready := stat("Webhooks ready", "Replicas that may be asked. Two are the default.", "none", `sum(dbtether_webhook_ready{NS})`)
	ready.warn, ready.bad, ready.below = at(2), at(1), true
	failing := stat("Reviews that fail", "Of all reviews, those that ended in an error or met a fault, in the time that is shown.", "percentunit",
		`sum(increase(dbtether_webhook_reviews_total{NS, outcome=~"error|panic"}[$__range])) / (sum(increase(dbtether_webhook_reviews_total{NS}[$__range])) > 0) or vector(0)`)
	failing.warn, failing.bad = at(0.001), at(0.01)
	certificate := stat("Certificate good for", "Until the first served certificate expires.", "s", `min(dbtether_webhook_certificate_expiry_timestamp_seconds{NS}) - time()`)
	certificate.warn, certificate.bad, certificate.below = at(14*86400), at(2*86400), true
	runner := stat("Runners at work", "One works, others wait; none where no runner is installed.", "none", `sum(dbtether_runner_leader{NS})`)
	runner.bad, runner.below = at(1), true
	unreachable := stat("Servers unreachable", "DBClusters whose server does not answer the runner.", "none", `max(dbtether_runner_unreachable_clusters{NS})`)
	unreachable.bad = at(1)
	failed := stat("Resources failed", "DBClusters, Databases and DatabaseUsers in the phase Failed.", "none", `sum(max by (kind) (dbtether_runner_resources{NS, phase="Failed"})) or vector(0)`)
	failed.bad = at(1)
	return row{"Now", []panel{ready, failing, certificate, runner, unreachable, failed}}
}

func trafficRow() row {
	const duration = `dbtether_webhook_review_duration_seconds_bucket`
	return row{"Traffic and latency", []panel{
		{title: "Reviews by entry and outcome", says: "What the API server asked, and what came of it.", unit: "reqps", width: 12, stacked: true,
			queries: one(`sum by (entry, outcome) (rate(dbtether_webhook_reviews_total{NS}[$__rate_interval])) > 0`, "{{entry}} {{outcome}}")},
		{title: "Reviews without a decision", says: "error and panic are faults; invalid and too_large are bodies that are no reviews, or too long ones.", unit: "reqps", width: 12,
			queries: one(`sum by (entry, outcome) (rate(dbtether_webhook_reviews_total{NS, outcome!~"allowed|patched|denied"}[$__rate_interval]))`, "{{entry}} {{outcome}}")},
		{title: "99th percentile by entry", says: "The API server waits 2 s for inject, guard and templates, and 3 s for enforce and resources.", unit: "s", warn: at(1), bad: at(2),
			queries: one(`histogram_quantile(0.99, sum by (entry, le) (rate(`+duration+`{NS}[$__rate_interval])))`, "{{entry}}")},
		{title: "Median and 99th percentile by outcome", says: "A denial does more than an admission; a failure may have waited for something.", unit: "s",
			queries: []query{
				{in(`histogram_quantile(0.5, sum by (outcome, le) (rate(` + duration + `{NS}[$__rate_interval])))`), "{{outcome}}, median"},
				{in(`histogram_quantile(0.99, sum by (outcome, le) (rate(` + duration + `{NS}[$__rate_interval])))`), "{{outcome}}, 99th"},
			}},
		{title: "In flight", says: "Reviews that are being answered.", unit: "none", queries: one(`dbtether_webhook_reviews_in_flight{NS}`, "{{pod}}")},
	}}
}

func decisionsRow() row {
	return row{"Decisions", []panel{
		{title: "Denials by code", says: "What is refused, and by which policy.", unit: "reqps",
			queries: one(`sum by (policy, code) (rate(dbtether_webhook_findings_total{NS, verdict="deny"}[$__rate_interval]))`, "{{code}} ({{policy}})")},
		{title: "Findings by verdict", says: "warn and dryrun refuse nothing; excepted would have been refused; error: a policy failed, and what it was to decide was refused.", unit: "reqps",
			queries: one(`sum by (verdict) (rate(dbtether_webhook_findings_total{NS}[$__rate_interval]))`, "{{verdict}}")},
		{title: "What was found most", says: "In the time that is shown.", kind: "table", unit: "short",
			queries: one(`topk(20, sum by (policy, code, verdict) (increase(dbtether_webhook_findings_total{NS}[$__range])))`, "")},
	}}
}

func policiesRow() row {
	return row{"Policies", []panel{
		{title: "Policies in force", says: "None: what policies decide is refused.", unit: "none", width: 6, queries: one(`dbtether_webhook_policies{NS}`, "{{pod}}")},
		{title: "Problems and failures to load", says: "Modes and exceptions that were left out; sets that could not be loaded, each minute.", unit: "none", width: 6,
			queries: []query{
				{in(`max by (pod) (dbtether_webhook_policy_problems{NS})`), "{{pod}} left out"},
				{in(`sum by (pod) (rate(dbtether_webhook_policy_load_failures_total{NS}[$__rate_interval])) * 60`), "{{pod}} failures"},
			}},
		{title: "Time to evaluate", says: "All policies of a review.", unit: "s", width: 6,
			queries: []query{
				{in(`histogram_quantile(0.5, sum by (le) (rate(dbtether_webhook_policy_evaluation_seconds_bucket{NS}[$__rate_interval])))`), "median"},
				{in(`histogram_quantile(0.99, sum by (le) (rate(dbtether_webhook_policy_evaluation_seconds_bucket{NS}[$__rate_interval])))`), "99th"},
			}},
		{title: "Revisions in force", says: "All replicas have the same but for moments, and what they have is as old as the last change.", kind: "table", unit: "s", width: 6,
			queries: one(`(time() - dbtether_webhook_policy_last_success_timestamp_seconds{NS}) * on (instance) group_left (revision) dbtether_webhook_policy_set_info{NS}`, "")},
	}}
}

func certificateRow() row {
	return row{"Certificate", []panel{
		{title: "Certificate good for", says: "It is replaced at two thirds of its life, or by cert-manager 30 days before its end.", unit: "s", width: 24, warn: at(14 * 86400), bad: at(2 * 86400), below: true,
			queries: one(`dbtether_webhook_certificate_expiry_timestamp_seconds{NS} - time()`, "{{pod}}")},
	}}
}

func indexRow() row {
	return row{"Index and lookups", []panel{
		{title: "Objects in the index", says: "What the webhook knows without asking.", unit: "short", width: 6,
			queries: one(`max by (resource) (dbtether_webhook_index_objects{NS})`, "{{resource}}")},
		{title: "Age of the index", says: "Since a watch last brought anything, which it does about once a minute.", unit: "s", width: 6, bad: at(300),
			queries: one(`max by (pod, resource) (dbtether_webhook_index_age_seconds{NS})`, "{{pod}} {{resource}}")},
		{title: "Errors of watches", says: "Each is tried again.", unit: "short", width: 6,
			queries: one(`sum by (resource) (increase(dbtether_webhook_watch_errors_total{NS}[$__rate_interval]))`, "{{resource}}")},
		{title: "Lookups", says: "What the index did not have and the API server was asked for.", unit: "reqps", width: 6,
			queries: one(`sum by (resource, result) (rate(dbtether_webhook_lookups_total{NS}[$__rate_interval]))`, "{{resource}} {{result}}")},
	}}
}
