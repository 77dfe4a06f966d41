package plugin

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/check"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// checkRun reads, category by category, what is checked.
type checkRun struct {
	env       *Environment
	reader    *check.Reader
	shipped   check.Shipped
	namespace string
	progress  *progress

	work *check.Work // nil until resources has read it
}

func newCheckRun(env *Environment, namespace string, progress *progress) (*checkRun, error) {
	config, err := env.RESTConfig()
	if err != nil {
		return nil, err
	}
	reader, err := check.NewReader(config)
	if err != nil {
		return nil, err
	}
	shipped, err := check.ReadShipped()
	return &checkRun{env: env, reader: reader, shipped: shipped, namespace: namespace, progress: progress}, err
}

// report looks at the categories that are named, at all without a name, or with pre at what
// an installation would meet. If the API server does not answer, the report says only that.
func (r *checkRun) report(ctx context.Context, pre bool, names []string) (check.Report, error) {
	r.work = nil
	r.progress.step("asking the API server …")
	api := r.reader.API(ctx)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	asked := func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	report := check.Report{}
	if asked(check.CategoryAPI) || !api.Answers() {
		report = append(report, check.Category{Name: check.CategoryAPI, Findings: api.Findings()})
	}
	if !api.Answers() {
		return report, nil
	}
	if pre {
		r.progress.step("looking at what an installation would meet …")
		met, err := r.reader.Install(ctx, r.shipped)
		if err != nil {
			return nil, err
		}
		return append(report, check.Category{Name: check.CategoryInstall, Findings: met.Findings()}), ctx.Err()
	}
	for _, name := range check.Categories()[1:] {
		if !asked(name) {
			continue
		}
		r.progress.step("looking at %s …", name)
		findings := r.category(ctx, name)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		report = append(report, check.Category{Name: name, Findings: findings})
	}
	return report, nil
}

func (r *checkRun) category(ctx context.Context, name string) []check.Finding {
	switch name {
	case check.CategoryDefinitions:
		definitions := r.reader.Definitions(ctx, r.shipped)
		definitions.Own = r.env.Version
		return definitions.Findings()
	case check.CategoryWebhook:
		own, _ := r.env.Namespace() // empty: the webhook is not tried in it
		webhook := r.reader.Webhook(ctx, r.shipped, own)
		webhook.Now, webhook.Own = r.env.Now(), r.env.Version
		webhook.Replicas, webhook.ReplicasErr = r.replicas(ctx, "")
		return webhook.Findings()
	case check.CategoryFloor:
		return r.reader.Floor(ctx, r.shipped).Findings()
	case check.CategoryPolicies:
		return r.policies(ctx).Findings()
	case check.CategoryRunner:
		return r.reader.Runner(ctx, r.resources(ctx)).Findings()
	case check.CategoryClusters:
		return r.clusters(ctx).Findings()
	case check.CategoryResources:
		return r.resources(ctx).Findings()
	default:
		return r.reader.Secrets(ctx, r.resources(ctx)).Findings()
	}
}

// resources reads the resources of the namespace, once for all categories that look at them.
func (r *checkRun) resources(ctx context.Context) check.Work {
	if r.work == nil {
		work := r.reader.Work(ctx, r.namespace)
		work.Now = r.env.Now()
		r.work = &work
	}
	return *r.work
}

// policies reads the policies of the cluster, loads them here, and reads which ones the
// webhook has loaded.
func (r *checkRun) policies(ctx context.Context) check.Policies {
	place := &policyPlace{v1alpha1.SystemNamespace}
	p := check.Policies{Now: r.env.Now()}
	set, err := r.env.policySet(ctx, place)
	if err != nil {
		p.Err = err
		return p
	}
	p.Sources = len(set.Sources)
	engine, failures := loadEach(ctx, set)
	p.Failures = failures
	if engine != nil {
		p.Exceptions, p.Problems = engine.Exceptions(), engine.Problems()
		if len(failures) == 0 {
			p.Revision = engine.Revision()
		}
	}
	p.Replicas, p.ReplicasErr = r.replicas(ctx, p.Revision)
	p.Installed = r.reader.WebhookInstalled(ctx)
	return p
}

// replicas reads which version each replica of the webhook has, and which policies. revision
// is that of the policies in the cluster.
func (r *checkRun) replicas(ctx context.Context, revision string) ([]check.Replica, error) {
	said, err := r.env.replicas(ctx, &policyPlace{v1alpha1.SystemNamespace}, revision)
	var replicas []check.Replica
	for _, s := range said {
		replicas = append(replicas, check.Replica{Name: s.Name, Version: s.Version, Revision: s.Revision, Loaded: s.Loaded, Error: s.Error})
	}
	return replicas, err
}

// clustersAtOnce is how many servers are asked at a time.
const clustersAtOnce = 4

// clusters asks the server of each DBCluster, as far as the caller may.
func (r *checkRun) clusters(ctx context.Context) check.Clusters {
	all, err := r.reader.Clusters(ctx)
	seen := check.Clusters{Err: err, Seen: make([]check.Cluster, len(all))}
	p, err := r.env.provisioner(&progress{})
	if err != nil {
		seen.Err = errors.Join(seen.Err, err)
		return seen
	}
	defer p.Close()
	var workers sync.WaitGroup
	next := make(chan int)
	for range min(clustersAtOnce, len(all)) {
		workers.Go(func() {
			for i := range next {
				seen.Seen[i] = askServer(ctx, p, &all[i])
			}
		})
	}
	for i := range all {
		next <- i
		r.progress.count(i, len(all))
	}
	close(next)
	workers.Wait()
	return seen
}

// askServer connects to the server of a cluster and returns what it finds. It writes
// nothing.
func askServer(ctx context.Context, p *provision.Provisioner, cluster *v1alpha1.DBCluster) check.Cluster {
	seen := check.Cluster{DBCluster: *cluster}
	if env := cluster.Spec.CredentialsFromEnv; env != nil && !isSet(p, env.Username, env.Password) {
		seen.NoAccess = true // only where they are set can it be asked
		return seen
	}
	findings, err := p.CheckCluster(ctx, cluster, false)
	var noAccess *provision.NoAccessError
	switch {
	case errors.As(err, &noAccess):
		seen.NoAccess = true
	case err != nil:
		said := explain(err)
		seen.Err, seen.Hint = &renamedError{said.cause, err}, said.hint
	default:
		seen.Findings = findings
	}
	return seen
}

// isSet reports whether the variables are all set.
func isSet(p *provision.Provisioner, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, set := p.LookupEnv(name)
		return !set
	})
}
