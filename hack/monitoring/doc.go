// Package monitoring reads the queries of the dashboard and of the alerts in
// manifests/monitoring, and says which of them ask for metrics or labels that no program of
// ours has (Missing), or find nothing in a Prometheus (Silent). hack/dashboard writes the
// dashboard.
//
// A test with running pods lets testenv.OwnPrometheus scrape them and gives its URL to
// Silent. Each query is made as Grafana would make it.
package monitoring
