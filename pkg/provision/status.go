package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/words"
)

// statusTimeout bounds the write of a status after the run itself was cancelled.
const statusTimeout = 10 * time.Second

// outcome is what a run came to, as conditions see it.
type outcome struct {
	err      error
	message  string
	deleting bool
	// expired is whether the user may no longer log in.
	expired bool
}

// phase returns the phase of a resource with this outcome.
func (o outcome) phase() string {
	switch {
	case o.deleting:
		return v1alpha1.PhaseDeleting
	case o.err != nil:
		return v1alpha1.PhaseFailed
	case o.expired:
		return v1alpha1.PhaseExpired
	default:
		return v1alpha1.PhaseReady
	}
}

// text returns the message of a status, cut to what the schemas admit.
func (o outcome) text() string {
	if o.err == nil {
		return words.Shorten(o.message, 4000) // a warning may hold any number of statements
	}
	text := o.err.Error()
	if hint := hintOf(o.err); hint != "" {
		text += " (" + hint + ")"
	}
	return words.Shorten(text, 4000)
}

// conditions returns the standard conditions for an outcome, keeping the
// transition times of those that did not change.
func (o outcome) conditions(now time.Time, generation int64, have []metav1.Condition, further ...metav1.Condition) []metav1.Condition {
	why, notApplied := "Failed", "NotApplied"
	switch {
	case isDenied(o.err):
		why, notApplied = v1alpha1.ReasonDenied, v1alpha1.ReasonDenied
	case o.expired:
		why = "Expired"
	}
	ready := condition(v1alpha1.ConditionReady, o.err == nil && !o.deleting && !o.expired, "Provisioned", why, o.text())
	synced := condition(v1alpha1.ConditionSynced, o.err == nil, "Applied", notApplied, o.text())
	var hasConflict interface{ Conflict() bool }
	isConflict := errors.As(o.err, &hasConflict) && hasConflict.Conflict()
	conflict := condition(v1alpha1.ConditionConflict, isConflict, "NotOurs", "None", "")
	if isConflict {
		conflict.Message = o.text()
	}
	all := append([]metav1.Condition{ready, synced, conflict}, further...)
	if o.deleting {
		var refused *postgres.RefusedError
		blocked := condition(v1alpha1.ConditionDeletionBlocked, errors.As(o.err, &refused) && refused.Blocked(), "InUse", "None", "")
		if blocked.Status == metav1.ConditionTrue {
			blocked.Message = o.text()
		}
		all = append(all, blocked)
	}
	if o.err == nil && slices.ContainsFunc(have, func(c metav1.Condition) bool { return c.Type == v1alpha1.ConditionDrifted }) {
		all = append(all, condition(v1alpha1.ConditionDrifted, false, "", "InSync", ""))
	}
	for i := range all {
		all[i].ObservedGeneration = generation
		all[i].LastTransitionTime = *timestamp(now)
		for _, old := range have {
			if old.Type == all[i].Type && old.Status == all[i].Status {
				all[i].LastTransitionTime = old.LastTransitionTime
			}
		}
	}
	return all
}

// timestamp returns a time as the API has it, to the second; nil for none.
func timestamp(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	result := metav1.NewTime(t.UTC().Truncate(time.Second))
	return &result
}

// condition returns one whose reason is yes or no, by whether it is so.
func condition(kind string, is bool, yes, no, message string) metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: no, Message: message}
	if is {
		c.Status, c.Reason = metav1.ConditionTrue, yes
	}
	return c
}

// clusterStatus writes what a check of a cluster found. A finding of LevelError makes it fail.
func (p *Provisioner) clusterStatus(ctx context.Context, cluster *v1alpha1.DBCluster, state postgres.ServerState, facts postgres.ServerFacts, findings []Finding, err error) error {
	now := p.Now()
	o := outcome{err: err, message: "connected"}
	for _, f := range findings {
		if f.Level == LevelError && o.err == nil {
			o.err = failed(f.Fix, "%s", f.Text)
		}
	}
	status := v1alpha1.DBClusterStatus{Phase: v1alpha1.PhaseConnected, Message: o.text(), PostgresVersion: state.VersionText,
		MaxConnections: facts.UsableConnections(), LastCheckTime: timestamp(now), ObservedGeneration: cluster.Generation,
		Conditions: o.conditions(now, cluster.Generation, cluster.Status.Conditions)}
	if o.err != nil {
		status.Phase = v1alpha1.PhaseFailed
	}
	return p.applyStatus(ctx, v1alpha1.DBClusters, v1alpha1.KindDBCluster, cluster, &cluster.Status, &status)
}

// failedDatabase writes a failure of a run that found out nothing about the database.
func (p *Provisioner) failedDatabase(ctx context.Context, db *v1alpha1.Database, o outcome) error {
	status := db.Status
	status.Phase, status.Message, status.ObservedGeneration = o.phase(), o.text(), db.Generation
	status.Conditions = o.conditions(p.Now(), db.Generation, db.Status.Conditions)
	return p.applyStatus(ctx, v1alpha1.Databases, v1alpha1.KindDatabase, db, &db.Status, &status)
}

// applyStatus writes a status by server-side apply, unless it stands already. A run
// that was cancelled still gets to say so.
func (p *Provisioner) applyStatus(ctx context.Context, resource schema.GroupVersionResource, kind string, object metav1.Object, have, want any) error {
	if equality.Semantic.DeepEqual(have, want) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statusTimeout)
	defer cancel()
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(want)
	if err != nil {
		return fmt.Errorf("write status of %s %q: %w", kind, object.GetName(), err)
	}
	return p.patchStatus(ctx, resource, kind, object, content, v1alpha1.FieldManager)
}

// patchStatus applies a status as a field manager, which takes the fields over. It is bound
// to the version of the object that was read: the API server does not compare a UID here,
// and another object of that name knows nothing of what was done for this one. After
// another writer it begins anew. The error is a *GoneError if the object is another one.
func (p *Provisioner) patchStatus(ctx context.Context, resource schema.GroupVersionResource, kind string, object metav1.Object, content map[string]any, manager string) error {
	client := p.Kube.Resource(resource).Namespace(object.GetNamespace())
	u := &unstructured.Unstructured{Object: map[string]any{"status": content}}
	u.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(kind))
	u.SetName(object.GetName())
	u.SetNamespace(object.GetNamespace())
	for attempt := 1; ; attempt++ {
		u.SetResourceVersion(object.GetResourceVersion())
		now, err := client.ApplyStatus(ctx, object.GetName(), u, metav1.ApplyOptions{FieldManager: manager, Force: true})
		written := err == nil
		if apierrors.IsConflict(err) && attempt < attempts {
			now, err = client.Get(ctx, object.GetName(), metav1.GetOptions{})
			if err == nil && now.GetUID() != object.GetUID() {
				return &GoneError{Kind: kind, Namespace: object.GetNamespace(), Name: object.GetName(), Gone: true, Replaced: true}
			}
		}
		if err != nil {
			return fmt.Errorf("write status of %s %q: %w", resource.Resource, object.GetName(), err)
		}
		object.SetResourceVersion(now.GetResourceVersion())
		if written {
			return nil
		}
	}
}
