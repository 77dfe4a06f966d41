package check

import (
	"testing"
	"time"
)

func TestRunner(t *testing.T) {
	lease := func(renewed time.Duration) string {
		return "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: dbtether-runner}, spec: {holderIdentity: runner-a, leaseDurationSeconds: 15, renewTime: '" +
			now.Add(-renewed).Format("2006-01-02T15:04:05.000000Z07:00") + "'}}"
	}
	job := func(spec, status string) string {
		return "{apiVersion: batch/v1, kind: CronJob, metadata: {name: dbtether-runner, creationTimestamp: '2026-05-01T00:00:00Z'}, spec: " + spec + ", status: " + status + "}"
	}
	deployment := func(ready string) string {
		return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: dbtether-runner, namespace: dbtether-system}, spec: {replicas: 1}, status: {readyReplicas: " + ready + "}}"
	}
	for _, c := range []struct {
		name   string
		runner Runner
		want   []string
	}{
		{"it works", Runner{Lease: seen(t, lease(time.Second)), Deployment: seen(t, deployment("1"))}, nil},
		{"it is silent", Runner{Lease: seen(t, lease(time.Minute)), Deployment: seen(t, deployment("1"))},
			[]string{"error runner-lease: the runner runner-a has not renewed its Lease dbtether-system/dbtether-runner since 2026-06-01T11:59:00Z"}},
		{"one was here", Runner{Lease: seen(t, lease(time.Hour))},
			[]string{"note runner-lease: the runner runner-a has not renewed its Lease dbtether-system/dbtether-runner since 2026-06-01T11:00:00Z"}},
		{"it does not start", Runner{Deployment: seen(t, deployment("0"))},
			[]string{"error runner-ready: no replica of the runner is ready (Deployment dbtether-system/dbtether-runner, 1 wanted)"}},
		{"a job that works", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-06-01T11:55:00Z', lastSuccessfulTime: '2026-06-01T11:55:10Z'}"))}, nil},
		{"a job of once a day", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-05-31T13:00:00Z', lastSuccessfulTime: '2026-05-31T13:01:00Z'}"))}, nil},
		{"a job that runs", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-06-01T11:55:00Z', lastSuccessfulTime: '2026-05-31T11:55:00Z'}"))}, nil},
		{"a job that fails", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-06-01T09:00:00Z', lastSuccessfulTime: '2026-05-31T11:55:00Z'}"))},
			[]string{"error runner-ready: the CronJob dbtether-system/dbtether-runner ran at 2026-06-01T09:00:00Z, and succeeded last at 2026-05-31T11:55:00Z"}},
		{"a job that never worked", Runner{CronJob: seen(t, job("{}", "{lastScheduleTime: '2026-06-01T09:00:00Z'}"))},
			[]string{"error runner-ready: the CronJob dbtether-system/dbtether-runner has never succeeded, and ran at 2026-06-01T09:00:00Z"}},
		{"a job that was never due", Runner{CronJob: seen(t, job("{}", "{}"))}, []string{"note runner-ready: the CronJob dbtether-system/dbtether-runner has not succeeded yet: it was not due before, or runs"}},
		{"a job that is suspended", Runner{CronJob: seen(t, job("{suspend: true}", "{lastSuccessfulTime: '2026-06-01T11:55:00Z'}"))},
			[]string{"warning runner-ready: the CronJob dbtether-system/dbtether-runner is suspended"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.runner.Work.Now = now
			compare(t, c.runner.Findings(), c.want...)
		})
	}
}
