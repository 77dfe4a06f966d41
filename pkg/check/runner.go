package check

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// RunnerName is the name of the runner's Deployment or CronJob, and of its Lease.
const RunnerName = "dbtether-runner"

// Runner is who does the work that falls due, and which of it nobody has done.
type Runner struct {
	Lease, Deployment, CronJob Objects
	Work                       Work
}

// The checks of the runner.
const (
	checkRunnerRead   = "runner-read"
	checkRunnerThere  = "runner-installed"
	checkRunnerReady  = "runner-ready"
	checkRunnerLease  = "runner-lease"
	checkOverdue      = "runner-overdue"
	checkExpiredUsers = "runner-expired-users"
)

// overdue is how long work may wait before it is a finding.
const overdue = 10 * time.Minute

// silence is how long after its time a run of a CronJob may take to succeed. Its schedule
// may be any: what counts is when it was last due.
const silence = 2 * time.Hour

// Findings returns what is found of it.
func (r Runner) Findings() []Finding {
	var f findings
	for _, kind := range []struct {
		what string
		err  error
	}{{"the runner's Lease", r.Lease.Err}, {"the runner's Deployment", r.Deployment.Err}, {"the runner's CronJob", r.CronJob.Err}} {
		f.unread(checkRunnerRead, kind.what, kind.err)
	}
	deployment, job, lease := r.Deployment.named(RunnerName), r.CronJob.named(RunnerName), r.Lease.named(RunnerName)
	if deployment != nil {
		f.replicas(checkRunnerReady, deployment, "the runner")
	}
	if job != nil {
		r.job(&f, job.Object)
	}
	if lease != nil {
		r.lease(&f, lease.Object, deployment != nil)
	}
	if deployment == nil && job == nil && lease == nil && len(f) == 0 {
		f.add(checkRunnerThere, LevelNote, "", "no runner is installed: what falls due waits for somebody to run kubectl dbtether reconcile")
	}
	r.Work.findings(&f)
	return f
}

// job says whether the CronJob does its work.
func (r Runner) job(f *findings, job map[string]any) {
	object := v1alpha1.SystemNamespace + "/" + RunnerName
	suspended, _, _ := unstructured.NestedBool(job, "spec", "suspend")
	last, err := time.Parse(time.RFC3339, textAt(job, "status", "lastSuccessfulTime"))
	scheduled, never := time.Parse(time.RFC3339, textAt(job, "status", "lastScheduleTime"))
	late := never == nil && last.Before(scheduled) && r.Work.Now.Sub(scheduled) > silence
	fix := fmt.Sprintf("see why: kubectl get jobs -n %s, and kubectl logs job/NAME -n %[1]s", v1alpha1.SystemNamespace)
	switch {
	case suspended:
		f.add(checkRunnerReady, LevelWarning, fmt.Sprintf("run: kubectl patch cronjob %s -n %s -p '{\"spec\":{\"suspend\":false}}'", RunnerName, v1alpha1.SystemNamespace), "the CronJob %s is suspended", object)
	case err != nil && late:
		f.add(checkRunnerReady, LevelError, fix, "the CronJob %s has never succeeded, and ran at %s", object, day(scheduled))
	case err != nil:
		f.add(checkRunnerReady, LevelNote, "", "the CronJob %s has not succeeded yet: it was not due before, or runs", object)
	case late:
		f.add(checkRunnerReady, LevelError, fix, "the CronJob %s ran at %s, and succeeded last at %s", object, day(scheduled), day(last))
	default:
		f.ok(checkRunnerReady, "the CronJob %s succeeded last at %s", object, day(last))
	}
}

// lease says whether a runner holds it. One that nobody renews is left behind by a runner
// that ended: that is wrong only where there should be one.
func (r Runner) lease(f *findings, lease map[string]any, wanted bool) {
	holder := textAt(lease, "spec", "holderIdentity")
	renewed, err := time.Parse(time.RFC3339, textAt(lease, "spec", "renewTime"))
	seconds, _ := numberAt(lease, "spec", "leaseDurationSeconds")
	level, fix := LevelNote, ""
	if wanted {
		level, fix = LevelError, fmt.Sprintf("see its log: kubectl logs deployment/%s -n %s", RunnerName, v1alpha1.SystemNamespace)
	}
	switch {
	case holder == "":
		f.add(checkRunnerLease, level, fix, "no runner holds the Lease %s/%s", v1alpha1.SystemNamespace, RunnerName)
	case err != nil || r.Work.Now.Sub(renewed) > 2*time.Duration(seconds)*time.Second:
		f.add(checkRunnerLease, level, fix, "the runner %s has not renewed its Lease %s/%s since %s", holder, v1alpha1.SystemNamespace, RunnerName, day(renewed))
	default:
		f.ok(checkRunnerLease, "the runner %s works, and said so at %s", holder, day(renewed))
	}
}
