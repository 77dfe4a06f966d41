package provision

import (
	"context"
	"errors"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// Apply writes the user's patch, creates the resources that do not exist, stages the
// credentials as revisions, runs the plan, logs in with each credential, makes the
// Secrets live, restarts what has an older credential in its environment, and writes the
// status of every resource. Killed at any point, the next Open and Apply of the same
// resources complete it.
func (j *Job) Apply(ctx context.Context) (err error) {
	ctx, step := tracing.Start(ctx, "apply")
	defer func() { tracing.End(step, err) }()
	if err := j.writeResources(ctx); err != nil {
		return err
	}
	err = j.run(ctx)
	if outdated(err) { // who begins anew finds out more
		return err
	}
	if statusErr := j.writeStatus(ctx, err); err == nil {
		err = statusErr
	}
	if err == nil {
		err = j.denied()
	}
	return err
}

// writeResources writes the patch of the first user, and what does not exist yet.
func (j *Job) writeResources(ctx context.Context) error {
	if j.patch != nil {
		u := j.users[0]
		j.p.progress("changing databaseuser %s/%s", u.user.Namespace, u.user.Name)
		changed, err := j.p.patchUser(ctx, u.user, j.patch, false)
		if err != nil {
			return err
		}
		*u.user = *changed
	}
	if j.database != nil && j.database.db.UID == "" {
		db := j.database.db
		j.p.progress("creating database %s/%s", db.Namespace, db.Name)
		if err := j.p.Create(ctx, db, false); err != nil {
			return err
		}
	}
	for _, u := range j.users {
		if u.user.UID != "" {
			continue
		}
		j.p.progress("creating databaseuser %s/%s", u.user.Namespace, u.user.Name)
		if err := j.p.CreateUser(ctx, u.user, false); err != nil {
			return err
		}
		u.setTargets()
	}
	return nil
}

// run carries out the plan, with what comes before and after it in Kubernetes.
func (j *Job) run(ctx context.Context) error {
	values := postgres.Values{UIDs: map[string]string{}}
	if j.database != nil {
		db := j.database.db
		if err := j.p.syncFinalizer(ctx, v1alpha1.Databases, db, db.Spec.DeletionPolicy); err != nil {
			return err
		}
		if err := j.database.claim(ctx, j); err != nil {
			return err
		}
		values.UIDs[databaseMarker(db).Kind+" "+key(db)] = string(db.UID)
	}
	for _, u := range j.users {
		if err := j.p.syncFinalizer(ctx, v1alpha1.DatabaseUsers, u.user, u.user.Spec.DeletionPolicy); err != nil {
			return err
		}
		if err := u.claim(ctx, j); err != nil {
			return err
		}
		if err := u.stage(ctx, j); err != nil {
			return err
		}
		if err := u.fill(j.p, &values); err != nil {
			return err
		}
	}
	j.begun = true
	err := j.server.Apply(ctx, j.Plan, values, func(s postgres.Step) { j.p.progress("%s %s", s.Verb, s.Object) })
	if err != nil {
		return err
	}
	j.applied = true
	for _, u := range j.users {
		if err := u.finish(ctx, j); err != nil {
			return err
		}
	}
	for _, u := range j.users {
		if err := u.restart(ctx, j); err != nil {
			return err
		}
	}
	return nil
}

// writeStatus writes to the status of each resource what came of the run; err is why it
// failed.
func (j *Job) writeStatus(ctx context.Context, err error) error {
	j.told = true
	message := "provisioned"
	if warnings := slices.Concat(j.Plan.Warnings, j.restarts.warnings()); len(warnings) > 0 {
		message = "provisioned; warning: " + warnings[0]
	}
	o := outcome{err: err, message: message}
	var statusErr error
	if d := j.database; d != nil {
		switch {
		case j.applied: // what failed after that concerns a user only
			statusErr = d.writeStatus(ctx, j, outcome{message: message})
		case j.begun || len(j.users) == 0 || d.db.Status.Phase != v1alpha1.PhaseReady || d.db.Status.ObservedGeneration != d.db.Generation:
			statusErr = d.writeStatus(ctx, j, o)
		}
	}
	for _, u := range j.users {
		own := o
		if own.err == nil && u.denied != nil {
			own.err = u.denied
		}
		statusErr = errors.Join(statusErr, u.writeStatus(ctx, j, own))
	}
	return statusErr
}
