// Package monitoring knows the queries of the dashboard and of the alerts in
// manifests/monitoring: it writes the dashboard, reads the queries of both, and says
// which of them ask for metrics or labels that no program of ours has (Missing), or find
// nothing in a Prometheus (Silent).
//
// A test that has running pods scrapes them with testenv.StartPrometheus and gives its
// URL to Silent; each query is made as Grafana would make it.
package monitoring
