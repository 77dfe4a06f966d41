package provision

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Edit returns what a run changes about a DatabaseUser, as a JSON merge patch that is
// bound to the version which it is given; nil for nothing. It does no I/O, and is asked
// again when somebody else has changed the user.
type Edit func(user *v1alpha1.DatabaseUser) (patch []byte, err error)

// edit finds out what the request changes about its first user, and makes the user as
// it will be after that.
func (j *Job) edit(ctx context.Context) error {
	if j.request.Edit == nil {
		return nil
	}
	user := j.request.Users[0]
	for attempt := 1; ; attempt++ {
		var err error
		if j.patch, err = j.request.Edit(user); err != nil || j.patch == nil {
			return err
		}
		changed, err := j.p.patchUser(ctx, user, j.patch, true)
		if err == nil {
			*user = *changed
			return nil
		}
		if !apierrors.IsConflict(err) || attempt == attempts {
			return err
		}
		if err := j.p.refresh(ctx, Request{Users: []*v1alpha1.DatabaseUser{user}}); err != nil {
			return err
		}
	}
}

// EditUser writes an edit of a DatabaseUser as it now stands, for others to carry out.
func (p *Provisioner) EditUser(ctx context.Context, namespace, name string, edit Edit) error {
	for attempt := 1; ; attempt++ {
		user, err := p.User(ctx, namespace, name)
		if err != nil {
			return err
		}
		patch, err := edit(user)
		if err != nil || patch == nil {
			return err
		}
		if _, err = p.patchUser(ctx, user, patch, false); !apierrors.IsConflict(err) || attempt == attempts {
			return err
		}
	}
}

// patchUser writes a JSON merge patch of a DatabaseUser, and returns what the API server
// made of it. With dryRun it is only validated.
func (p *Provisioner) patchUser(ctx context.Context, user *v1alpha1.DatabaseUser, patch []byte, dryRun bool) (*v1alpha1.DatabaseUser, error) {
	options := metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, FieldValidation: metav1.FieldValidationStrict}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	object, err := p.Kube.Resource(v1alpha1.DatabaseUsers).Namespace(user.Namespace).Patch(ctx, user.Name, types.MergePatchType, patch, options)
	if err != nil {
		return nil, err // the API server's message names the object
	}
	changed := &v1alpha1.DatabaseUser{}
	if err := typed(object, changed); err != nil {
		return nil, err
	}
	if dryRun { // it has not been written
		changed.ResourceVersion, changed.Generation = user.ResourceVersion, user.Generation
	}
	return changed, nil
}
