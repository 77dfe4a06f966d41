package plugin

import (
	"context"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// work provisions what was written: it checks the clusters and reconciles the rest, several
// at a time. The plan is shown if there is only one object. What fails is added to failures;
// the error is about the whole.
func (a *apply) work(ctx context.Context, env *Environment, written []manifest, failures *failures) error {
	if !a.provision || a.dryRun.on() || len(written) == 0 {
		return nil
	}
	bar := env.newProgress()
	defer bar.done()
	p, err := env.provisioner(&progress{})
	if err != nil {
		return err
	}
	defer p.Close()
	var objects []unstructured.Unstructured
	sources := map[string]manifest{}
	for _, m := range written {
		if m.GroupVersionKind() == clusterKind.gvk() {
			failures.add(m.wrap(env.checkCluster(ctx, m.Unstructured)))
			continue
		}
		sources[m.GetKind()+" "+m.GetNamespace()+"/"+m.GetName()] = m
		objects = append(objects, *m.Unstructured)
	}
	tally := tally{}
	var shown []string // warnings of the plan
	bulk := provision.Bulk{Quick: a.quick, Recreate: a.recreate, PlanHash: a.planHash, Progress: bar.count, Done: func(r provision.Result) {
		bar.done()
		tally.add(r)
		m, known := sources[r.Kind+" "+r.Namespace+"/"+r.Name]
		if !known { // a cluster that does not answer: each of its databases fails, too
			return
		}
		for _, warning := range r.Warnings {
			if !slices.Contains(shown, warning) {
				env.warn("%s: %s", m.label(), warning)
			}
		}
		if a.print.human() {
			printRestarted(env, r.Restarted, "")
		}
		failures.add(m.wrap(r.Err))
	}}
	if len(objects) == 1 && a.print.human() {
		bulk.Planned = func(job *provision.Job) {
			if !job.Empty() {
				printPlan(env.Out, planTitle(job), job.Plan, job.Secrets())
				shown = job.Plan.Warnings
			}
		}
	}
	err = p.ReconcileObjects(ctx, objects, bulk)
	bar.done()
	tally.tell(env)
	return err
}

// showPlans prints, for a dry run of the server, the SQL that the work on the objects
// would be. A new database and its new users are planned together, because neither
// exists so far.
func (a *apply) showPlans(ctx context.Context, env *Environment, written []manifest, failures *failures) error {
	if !a.provision || !a.dryRun.server() || !a.print.human() {
		return nil
	}
	p, progress, end, err := env.provisionerWithProgress()
	if err != nil {
		return err
	}
	defer end()
	requests, sources, err := planRequests(ctx, p, written)
	if err != nil {
		return err
	}
	for i, request := range requests {
		job, err := p.Open(ctx, request, true)
		progress.done()
		if err != nil {
			failures.add(sources[i].wrap(err))
			continue
		}
		err = showJob(ctx, env, &a.print, job, false)
		job.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// planRequests makes requests of the objects that a dry run would have written, with the
// manifest of each. What exists keeps its UID, what is new gets none, and new users are
// planned with the new database that they refer to first.
func planRequests(ctx context.Context, p *provision.Provisioner, written []manifest) ([]provision.Request, []manifest, error) {
	var requests []provision.Request
	var sources []manifest
	fresh := map[string]int{}
	for _, m := range written {
		switch m.GetKind() {
		case v1alpha1.KindDatabase:
			db, err := typed[v1alpha1.Database](m.Unstructured)
			if err != nil {
				return nil, nil, err
			}
			if _, err := p.Database(ctx, db.Namespace, db.Name); isNotFound(err) {
				db.UID, db.ResourceVersion = "", ""
				fresh[db.Namespace+"/"+db.Name] = len(requests)
			}
			requests, sources = append(requests, provision.Request{Database: db}), append(sources, m)
		case v1alpha1.KindDatabaseUser:
			user, err := typed[v1alpha1.DatabaseUser](m.Unstructured)
			if err != nil {
				return nil, nil, err
			}
			if _, err := p.User(ctx, user.Namespace, user.Name); isNotFound(err) {
				user.UID, user.ResourceVersion = "", ""
			}
			first := user.Access()[0]
			if i, isFresh := fresh[first.Namespace+"/"+first.Name]; isFresh {
				requests[i].Users = append(requests[i].Users, user)
				continue
			}
			requests, sources = append(requests, provision.Request{Users: []*v1alpha1.DatabaseUser{user}}), append(sources, m)
		}
	}
	return requests, sources, nil
}
