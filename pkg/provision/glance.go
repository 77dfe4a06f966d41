package provision

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// siblings holds the Databases of namespaces, each read once in a run. A job that has waited
// for its locks reads them anew.
type siblings struct {
	mu          sync.Mutex
	byNamespace map[string][]*v1alpha1.Database
}

// inNamespace returns the Databases of a namespace.
func (r *reconciler) inNamespace(ctx context.Context, namespace string) ([]*v1alpha1.Database, error) {
	r.siblings.mu.Lock()
	defer r.siblings.mu.Unlock()
	if found, known := r.siblings.byNamespace[namespace]; known {
		return found, nil
	}
	found, err := r.databasesIn(ctx, namespace)
	if err != nil {
		return nil, err
	}
	if r.siblings.byNamespace == nil {
		r.siblings.byNamespace = map[string][]*v1alpha1.Database{}
	}
	r.siblings.byNamespace[namespace] = found
	return found, nil
}

// isUnchanged reports whether the glance found nothing to do about a resource.
func (r *reconciler) isUnchanged(result Result) bool {
	return r.unchanged[result.Kind+" "+result.Namespace+"/"+result.Name]
}

// glance finds the resources that are as they should be without reading them one by
// one: their own generation, the versions of their Secrets, and what a server says of
// all its databases and roles in one round trip. It is wrong about what that does not
// show: a password that was changed by hand, an extension that was dropped.
func (r *reconciler) glance(ctx context.Context, databases, users []unstructured.Unstructured) error {
	g := &glance{reconciler: r, states: map[string]*postgres.State{}, databases: map[string]*v1alpha1.Database{}, settings: settingsOf(databases, users)}
	var err error
	if g.secrets, err = r.revisions().Survey(ctx, scopeOf(databases, users)); err != nil {
		return err
	}
	r.unchanged = map[string]bool{}
	for i := range databases {
		db := &v1alpha1.Database{}
		if typed(&databases[i], db) != nil || db.DeletionTimestamp != nil {
			continue
		}
		g.databases[key(db)] = db
		if g.sameDatabase(ctx, db) {
			r.unchanged[v1alpha1.KindDatabase+" "+key(db)] = true
		}
	}
	for i := range users {
		user := &v1alpha1.DatabaseUser{}
		if typed(&users[i], user) == nil && user.DeletionTimestamp == nil && g.sameUser(ctx, user) {
			r.unchanged[v1alpha1.KindDatabaseUser+" "+key(user)] = true
		}
	}
	return ctx.Err()
}

// settingsOf returns the names of all settings that the objects ask for: a plan has to
// know who may change them.
func settingsOf(databases, users []unstructured.Unstructured) []string {
	names := map[string]bool{}
	add := func(objects []unstructured.Unstructured, field string) {
		for i := range objects {
			settings, _, _ := unstructured.NestedMap(objects[i].Object, "spec", field)
			for name := range settings {
				names[name] = true
			}
		}
	}
	add(databases, "parameters")
	add(users, "settings")
	return slices.Sorted(maps.Keys(names))
}

// scopeOf returns the one namespace of the objects, "" for several.
func scopeOf(lists ...[]unstructured.Unstructured) string {
	namespace, first := "", true
	for _, list := range lists {
		for i := range list {
			switch own := list[i].GetNamespace(); {
			case first:
				namespace, first = own, false
			case own != namespace:
				return metav1.NamespaceAll
			}
		}
	}
	return namespace
}

// glance is what a quick run looks at.
type glance struct {
	*reconciler
	// states holds what each cluster's server says; nil: it could not be asked.
	states map[string]*postgres.State
	// databases are the ones that were given, by key.
	databases map[string]*v1alpha1.Database
	// secrets holds the managed Secrets, without their values.
	secrets  map[types.NamespacedName]revision.Seen
	clusters map[string]*v1alpha1.DBCluster
	// settings are the names of those that any of the resources asks for.
	settings []string
}

// state returns what a cluster's server says of all its databases and roles, read once.
func (g *glance) state(ctx context.Context, name string) (*postgres.State, *v1alpha1.DBCluster) {
	if state, known := g.states[name]; known {
		return state, g.clusters[name]
	}
	g.states[name] = nil
	cluster, err := g.Cluster(ctx, name)
	if err != nil || g.unreachable[name] != nil {
		return nil, nil
	}
	server, _, err := g.dial(ctx, cluster)
	if err != nil {
		return nil, nil
	}
	defer server.Close()
	state, err := server.Observe(ctx, postgres.Scope{Fingerprints: true, Settings: g.settings})
	if err != nil {
		return nil, nil
	}
	if g.clusters == nil {
		g.clusters = map[string]*v1alpha1.DBCluster{}
	}
	g.states[name], g.clusters[name] = &state, cluster
	return &state, cluster
}

// settled reports whether the last run that a status tells of was about the resource as it
// is now, and left nothing to do.
func settled(conditions []metav1.Condition, phase string, observed, generation int64) bool {
	for _, c := range conditions {
		if c.Type == v1alpha1.ConditionDrifted && c.Status == metav1.ConditionTrue {
			return false
		}
	}
	return observed == generation && (phase == v1alpha1.PhaseReady || phase == v1alpha1.PhaseExpired)
}

// sameDatabase plans the database from what the server says at a glance.
func (g *glance) sameDatabase(ctx context.Context, db *v1alpha1.Database) bool {
	if db.Status.Fingerprint == "" || !settled(db.Status.Conditions, db.Status.Phase, db.Status.ObservedGeneration, db.Generation) {
		return false
	}
	state, cluster := g.state(ctx, db.Spec.ClusterRef.Name)
	if state == nil {
		return false
	}
	name := db.PostgresName(cluster)
	if databaseFingerprint(db, cluster, state.Fingerprints[name]) != db.Status.Fingerprint {
		return false
	}
	j := &Job{p: g.Provisioner, Cluster: cluster, database: &databaseJob{db: db, name: name}}
	if j.authorise(ctx) != nil { // which the full run says
		return false
	}
	want := j.database.desired(j, *state)
	want.Settled = true
	return plansNothing(*state, postgres.Desired{Databases: []postgres.Database{want}})
}

// sameUser plans the user's logins from what the server says at a glance.
func (g *glance) sameUser(ctx context.Context, user *v1alpha1.DatabaseUser) bool {
	status := user.Status
	if status.Fingerprint == "" || !settled(status.Conditions, status.Phase, status.ObservedGeneration, user.Generation) || g.due(user) {
		return false
	}
	state, cluster := g.state(ctx, status.ClusterName)
	if state == nil {
		return false
	}
	j := &Job{p: g.Provisioner, Cluster: cluster, request: Request{Users: []*v1alpha1.DatabaseUser{user}, inNamespace: g.inNamespace, known: g.databases}}
	if err := j.gather(ctx); err != nil || j.Cluster.Name != cluster.Name {
		return false
	}
	u := j.users[0]
	if u.denied != nil {
		return false
	}
	u.rotation = rotation{login: status.Username}
	for _, s := range u.secrets {
		s.version = g.secrets[types.NamespacedName{Namespace: s.target.Namespace, Name: s.target.Name}].ResourceVersion
	}
	for _, a := range u.access {
		if !g.isUnchanged(Result{Kind: v1alpha1.KindDatabase, Namespace: a.Namespace, Name: a.Name}) {
			return false
		}
	}
	return u.fingerprint(cluster) == status.Fingerprint && plansNothing(*state, j.desired(*state))
}

// due reports whether time alone asks for something.
func (g *glance) due(user *v1alpha1.DatabaseUser) bool {
	now := g.Now()
	if r := user.Status.Rotation; r != nil {
		if r.OldUsername != "" || r.NextTime != nil && !now.Before(r.NextTime.Time) {
			return true
		}
	}
	if asked := v1alpha1.RotationRequest(user.Annotations); asked != "" && (user.Status.Rotation == nil || user.Status.Rotation.Request != asked) {
		return true
	}
	expired := user.Spec.ExpiresAt != nil && !now.Before(user.Spec.ExpiresAt.Time)
	return expired != (user.Status.Phase == v1alpha1.PhaseExpired)
}

// plansNothing reports whether the desired state stands, as far as it was read.
func plansNothing(state postgres.State, desired postgres.Desired) bool {
	plan, err := postgres.MakePlan(state, desired)
	var refused *postgres.RefusedError
	return !errors.As(err, &refused) && plan.Empty()
}
