package provision

import (
	"context"
	"errors"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// ReconcileObject does for one Database or DatabaseUser, as the API server has it now,
// what Reconcile does for each of many. It fails at once where its cluster is among the
// unreachable ones, with the error that they are known by. The status of the cluster is
// left as it is.
func (p *Provisioner) ReconcileObject(ctx context.Context, object *unstructured.Unstructured, unreachable map[string]error) Result {
	r := &reconciler{Provisioner: p, unreachable: unreachable}
	if object.GetKind() == v1alpha1.KindDatabaseUser {
		return r.user(ctx, object)
	}
	return r.database(ctx, object)
}

// AwaitsDatabase reports whether a DatabaseUser refers to a Database that no run has
// looked at so far: that one's turn comes first. It reads the Databases.
func (p *Provisioner) AwaitsDatabase(ctx context.Context, user *v1alpha1.DatabaseUser) (bool, error) {
	for _, ref := range user.Access() {
		db, err := p.Database(ctx, ref.Namespace, ref.Name)
		switch {
		case apierrors.IsNotFound(err): // its own run says so
		case err != nil:
			return false, err
		case db.DeletionTimestamp == nil && db.Status.ObservedGeneration == 0:
			return true, nil
		}
	}
	return false, nil
}

// Why says in one word why something failed.
type Why string

// The words.
const (
	WhyDenied      Why = "Denied"      // by a policy
	WhyRefused     Why = "Refused"     // it would take what is another's, or lose data
	WhyUnreachable Why = "Unreachable" // the PostgreSQL server
	WhyForbidden   Why = "Forbidden"   // by the API server
	WhyFailed      Why = "Failed"
)

// WhyOf returns why a run failed.
func WhyOf(err error) Why {
	var refused *postgres.RefusedError
	var unreachable *postgres.ConnectError
	switch {
	case isDenied(err):
		return WhyDenied
	case errors.As(err, &refused):
		return WhyRefused
	case errors.As(err, &unreachable):
		return WhyUnreachable
	case apierrors.IsForbidden(err):
		return WhyForbidden
	default:
		return WhyFailed
	}
}
