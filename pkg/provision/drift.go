package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// driftManager is the field manager of the condition Drifted, apart from that of the
// rest of the status.
const driftManager = v1alpha1.FieldManager + "-drift"

// Drift is how a resource and what stands for it differ.
type Drift struct {
	Kind      string
	Namespace string
	Name      string
	// Cluster and Maintenance say where Plan would run.
	Cluster, Maintenance string
	// Plan is what would mend it; Secrets are those that would change.
	Plan    postgres.Plan
	Secrets SecretChanges
	// Refused is set where reconcile would not mend it: something was deleted, or made
	// dangerous, or belongs to somebody else.
	Refused error
	// Err is set where it could not be looked at.
	Err error
}

// Differs reports whether anything is not as it should be.
func (d Drift) Differs() bool { return d.Refused != nil || !d.Plan.Empty() || !d.Secrets.Empty() }

// text says in one sentence what differs.
func (d Drift) text() string {
	if d.Refused != nil {
		return d.Refused.Error()
	}
	var parts []string
	for _, s := range d.Plan.Steps {
		parts = append(parts, s.Verb+" "+s.Object+" ("+s.Reason+")")
	}
	for _, s := range d.Secrets.Written {
		parts = append(parts, "write secret "+s)
	}
	for _, s := range d.Secrets.Deleted {
		parts = append(parts, "delete secret "+s)
	}
	return words.Shorten(strings.Join(parts, "; "), 4000)
}

// Drift reads in full what stands for each of the given Databases and DatabaseUsers,
// and tells done, in their order, how it differs. Nothing is changed but the condition
// Drifted, and that only where the caller may.
func (p *Provisioner) Drift(ctx context.Context, objects []unstructured.Unstructured, done func(Drift)) error {
	r := &reconciler{Provisioner: p}
	living := make([]*unstructured.Unstructured, 0, len(objects))
	for i := range objects {
		if objects[i].GetDeletionTimestamp() == nil {
			living = append(living, &objects[i])
		}
	}
	inOrder(ctx, len(living), func(i int) Drift { return r.drift(ctx, living[i]) }, done)
	return ctx.Err()
}

// drift plans for one resource, and writes its condition.
func (r *reconciler) drift(ctx context.Context, object *unstructured.Unstructured) Drift {
	d := Drift{Kind: object.GetKind(), Namespace: object.GetNamespace(), Name: object.GetName()}
	request := Request{inNamespace: r.inNamespace}
	var have []metav1.Condition
	switch d.Kind {
	case v1alpha1.KindDatabase:
		db := &v1alpha1.Database{}
		d.Err = typed(object, db)
		request.Database, have = db, db.Status.Conditions
	default:
		user := &v1alpha1.DatabaseUser{}
		d.Err = typed(object, user)
		request.Users, have = []*v1alpha1.DatabaseUser{user}, user.Status.Conditions
	}
	if d.Err != nil {
		return d
	}
	job, err := r.Open(ctx, request, true)
	var refused *postgres.RefusedError
	switch {
	case errors.As(err, &refused):
		d.Refused = err
	case err != nil:
		d.Err = err
		return d
	default:
		defer job.Close()
		d.Plan, d.Secrets = job.Plan, job.Secrets()
		d.Cluster, d.Maintenance = job.Cluster.Name, job.Cluster.Spec.AdminDatabase
	}
	if err := r.writeDrifted(ctx, object, have, d); err != nil {
		r.progress("%v", err)
	}
	return d
}

// writeDrifted writes the condition Drifted unless it stands so already.
func (p *Provisioner) writeDrifted(ctx context.Context, object *unstructured.Unstructured, have []metav1.Condition, d Drift) error {
	c := condition(v1alpha1.ConditionDrifted, d.Differs(), "Differs", "InSync", "")
	if d.Differs() {
		c.Message = d.text()
	}
	c.ObservedGeneration = object.GetGeneration()
	c.LastTransitionTime = *timestamp(p.Now())
	for _, old := range have {
		if old.Type == c.Type && old.Status == c.Status {
			c.LastTransitionTime = old.LastTransitionTime
			if old == c {
				return nil
			}
		}
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&c)
	if err != nil {
		return fmt.Errorf("write condition of %s %q: %w", d.Kind, d.Name, err)
	}
	resource := v1alpha1.Databases
	if d.Kind == v1alpha1.KindDatabaseUser {
		resource = v1alpha1.DatabaseUsers
	}
	return p.patchStatus(ctx, resource, d.Kind, object, map[string]any{"conditions": []any{content}}, driftManager)
}
