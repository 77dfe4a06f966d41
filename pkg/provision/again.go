package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// attempts bounds how often something begins anew because others wrote what it had
// read.
const attempts = 5

// Provision opens a job, calls planned with it, and applies it. Writers that do not take
// our locks may change what the job has read, or create what it is about to create: then
// Provision begins anew from what there is now, and calls planned with that job too. It also
// begins anew when it first had to complete an earlier rotation. An error of planned ends it.
// Errors are those of Open and of Job.Apply.
func (p *Provisioner) Provision(ctx context.Context, request Request, planned func(*Job) error) error {
	for attempt := 1; ; attempt++ {
		owed, err := p.once(ctx, request, planned)
		if err == nil && !owed || err != nil && !outdated(err) || attempt == attempts || request.PlanHash != "" {
			return err
		}
		if !owed {
			p.progress("somebody else has changed something: beginning anew")
		}
		request.inNamespace = nil // what it knows may be what has changed
		if err := p.refresh(ctx, request); err != nil {
			return err
		}
	}
}

// once opens and applies one job. owed is whether a rotation is left to be done by the next.
func (p *Provisioner) once(ctx context.Context, request Request, planned func(*Job) error) (owed bool, err error) {
	job, err := p.Open(ctx, request, false)
	if err != nil {
		return false, err
	}
	defer job.Close()
	if err := planned(job); err != nil {
		return false, err
	}
	if err := job.Apply(ctx); err != nil {
		return false, err
	}
	return slices.ContainsFunc(job.users, func(u *userJob) bool { return u.rotation.owed }), nil
}

// errMoved says that what is to be done needs other locks than those which were taken, or
// another connection.
var errMoved = errors.New("changed by someone else meanwhile")

// outdated reports whether an error says that somebody else wrote first: what was read
// is not what there is.
func outdated(err error) bool {
	var taken *revision.ConflictError
	var vanished *postgres.VanishedError
	return errors.As(err, &taken) || errors.As(err, &vanished) || errors.Is(err, errMoved) || apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err)
}

// refresh reads the resources of a request again, in place. A resource that was to
// be created and exists now is taken if it asks for the same. One that is being
// deleted is a *GoneError, and so is one that is gone.
func (p *Provisioner) refresh(ctx context.Context, request Request) error {
	if db := request.Database; db != nil {
		have, err := p.Database(ctx, db.Namespace, db.Name)
		switch present, err := isPresent(v1alpha1.KindDatabase, db, have, err); {
		case err != nil:
			return err
		case !present:
		case db.UID == "" && !equality.Semantic.DeepEqual(have.Spec, db.Spec):
			return otherSpec(v1alpha1.KindDatabase, db.Name)
		default:
			*db = *have
		}
	}
	for _, user := range request.Users {
		have, err := p.User(ctx, user.Namespace, user.Name)
		switch present, err := isPresent(v1alpha1.KindDatabaseUser, user, have, err); {
		case err != nil:
			return err
		case !present:
		case user.UID == "" && !equality.Semantic.DeepEqual(have.Spec, user.Spec):
			return otherSpec(v1alpha1.KindDatabaseUser, user.Name)
		default:
			*user = *have
		}
	}
	return nil
}

// isPresent reports whether a resource that was read again is there. The error is that
// of the read, or a *GoneError if the one that was read before is going or gone.
func isPresent(kind string, before, now metav1.Object, err error) (bool, error) {
	switch missing := apierrors.IsNotFound(err) && !isMissingKind(err); {
	case missing && before.GetUID() == "":
		return false, nil
	case missing:
		return false, &GoneError{Kind: kind, Namespace: before.GetNamespace(), Name: before.GetName(), Gone: true}
	case err != nil:
		return false, err
	case now.GetDeletionTimestamp() != nil:
		return false, &GoneError{Kind: kind, Namespace: before.GetNamespace(), Name: before.GetName()}
	default:
		return true, nil
	}
}

// GoneError says that somebody has deleted a resource since it was read.
type GoneError struct {
	Kind, Namespace, Name string
	// Gone is whether it is not there any more; otherwise it is being deleted. Replaced is
	// whether there is another one of that name.
	Gone, Replaced bool
}

// Error implements error.
func (e *GoneError) Error() string {
	switch {
	case e.Replaced:
		return fmt.Sprintf("%s %q has just been replaced by another one of that name", e.Kind, e.Name)
	case e.Gone:
		return fmt.Sprintf("%s %q has just been deleted", e.Kind, e.Name)
	default:
		return fmt.Sprintf("%s %q is being deleted", e.Kind, e.Name)
	}
}

// Hint returns what to do about it.
func (e *GoneError) Hint() string {
	switch {
	case e.Replaced:
		return "look at that one, and run the command again"
	case e.Gone:
		return "create it again if that was a mistake"
	default:
		return "finish that: kubectl dbtether reconcile -n " + e.Namespace
	}
}

// otherSpec refuses a resource that somebody else has created with another spec.
func otherSpec(kind, name string) error {
	return failed("choose another name, or change the one that exists", "%s %q has just been created with another spec", kind, name)
}
