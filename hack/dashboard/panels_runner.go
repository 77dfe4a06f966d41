package main

func runnerRows() []row {
	return []row{runnerRow(), resourcesRow(), processesRow()}
}

func runnerRow() row {
	return row{"Runner", []panel{
		{title: "Results", says: "What came of the work on resources and managed Secrets.", unit: "reqps", stacked: true,
			queries: one(`sum by (kind, action) (rate(dbtether_runner_results_total{NS}[$__rate_interval]))`, "{{kind}} {{action}}")},
		{title: "Failures by reason", says: "Denied: by a policy. Refused: what stands on the server does not allow it. kinds watch and look: the API server.", unit: "reqps",
			queries: one(`sum by (kind, reason) (rate(dbtether_runner_errors_total{NS}[$__rate_interval]))`, "{{kind}} {{reason}}")},
		{title: "99th percentile of the work on one resource", says: "PostgreSQL's answers included.", unit: "s",
			queries: one(`histogram_quantile(0.99, sum by (kind, le) (rate(dbtether_runner_work_duration_seconds_bucket{NS}[$__rate_interval])))`, "{{kind}}")},
		{title: "Waiting", says: "In the queue: for its turn. Retrying: failed, and waits for another try.", unit: "none",
			queries: []query{{in(`sum(dbtether_runner_queue_depth{NS})`), "queue"}, {in(`sum(dbtether_runner_retrying{NS})`), "retrying"}}},
		{title: "Since the last success", says: "At most an hour where there is anything at all: then everything is looked at.", unit: "s", bad: at(5400),
			queries: one(`time() - max(dbtether_runner_last_success_timestamp_seconds{NS} > 0)`, "since the last success")},
		{title: "Who works, and servers that do not answer", says: "1 for the runner that works.", unit: "none",
			queries: []query{{in(`dbtether_runner_leader{NS}`), "{{pod}} works"}, {in(`max(dbtether_runner_unreachable_clusters{NS})`), "servers that do not answer"}}},
	}}
}

func resourcesRow() row {
	return row{"Databases, users and what is due", []panel{
		{title: "Resources by phase", says: "As their status has it.", unit: "short",
			queries: one(`max by (kind, phase) (dbtether_runner_resources{NS})`, "{{kind}} {{phase}}")},
		{title: "Due", says: "Rotations of users, and work on managed Secrets, whose time has come. It should be 0 again within minutes.", unit: "none",
			queries: []query{{in(`max(dbtether_runner_rotations_due{NS})`), "rotations"}, {in(`max(dbtether_runner_secrets_due{NS})`), "managed Secrets"}}},
		{title: "Expired", says: "Users past spec.expiresAt cannot log in; Secrets past their time still have their values.", unit: "none",
			queries: []query{{in(`max(dbtether_runner_expired_users{NS})`), "users"}, {in(`max(dbtether_runner_expired_secrets{NS})`), "managed Secrets"}}},
	}}
}

// ours keeps the processes of dbtether among those of the namespace.
const ours = ` and on (instance) (dbtether_webhook_build_info{NS} or dbtether_runner_build_info{NS})`

func processesRow() row {
	return row{"Processes", []panel{
		{title: "CPU", says: "Cores. It is asked for 0.05 and has no limit.", unit: "none", width: 6, queries: one(`rate(process_cpu_seconds_total{NS}[$__rate_interval])`+ours, "{{pod}}")},
		{title: "Memory", says: "Resident. The limit of the manifests is 512 MiB.", unit: "bytes", width: 6, bad: at(450 << 20), queries: one(`process_resident_memory_bytes{NS}`+ours, "{{pod}}")},
		{title: "Go heap", says: "What Go's collector looks after, and what the next collection begins at.", unit: "bytes", width: 6,
			queries: []query{{in(`go_memstats_heap_inuse_bytes{NS}` + ours), "{{pod}} in use"}, {in(`go_memstats_next_gc_bytes{NS}` + ours), "{{pod}} next collection"}}},
		{title: "Goroutines", says: "It follows the reviews in flight; one that only rises is a leak.", unit: "short", width: 6, queries: one(`go_goroutines{NS}`+ours, "{{pod}}")},
		{title: "Open files", says: "Connections included.", unit: "short", width: 6, queries: one(`process_open_fds{NS}`+ours, "{{pod}}")},
		{title: "Up for", says: "It falls where a process was started again.", unit: "s", width: 6, queries: one(`(time() - process_start_time_seconds{NS})`+ours, "{{pod}}")},
		{title: "Versions", says: "Replicas of two versions stand beside each other while a rollout goes on.", kind: "table", unit: "none", width: 12,
			queries: one(`count by (version, goversion) (dbtether_webhook_build_info{NS} or dbtether_runner_build_info{NS})`, "")},
	}}
}
