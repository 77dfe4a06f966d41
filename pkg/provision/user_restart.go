package provision

import (
	"context"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// Restarts returns what Apply did about the workloads that have a credential in their
// environment which was replaced, now or before.
func (j *Job) Restarts() Restarts { return j.restarts }

// PlanRestarts returns what Apply would do about them. The error is that of ctx.
func (j *Job) PlanRestarts(ctx context.Context) (Restarts, error) {
	var all Restarts
	for _, u := range j.users {
		r := u.restarting(j)
		r.dryRun = true
		if u.rotation.rotate {
			r.revision = u.secrets[0].history.LastNumber() + 1
		}
		if !u.mayRestart(r.revision) {
			continue
		}
		found, err := r.run(ctx)
		if err != nil {
			return all, err
		}
		all.add(found)
	}
	return all, nil
}

// Restart restarts every workload of the user's namespace that has an older revision of
// its credential in its environment than its status names. It is for who had another
// replace the credential. The error is that of ctx, or of the API server that does not
// give the user.
func (p *Provisioner) Restart(ctx context.Context, namespace, name string) (Restarts, error) {
	user, err := p.User(ctx, namespace, name)
	if err != nil {
		return Restarts{}, err
	}
	return restart{p: p, user: user, revision: user.Status.SecretRevision, every: true}.run(ctx)
}

// restart restarts what has an older credential in its environment, once the live one is
// the user's. What cannot be restarted fails nothing.
func (u *userJob) restart(ctx context.Context, j *Job) error {
	r := u.restarting(j)
	if !u.mayRestart(r.revision) {
		return nil
	}
	found, err := r.run(ctx)
	j.restarts.add(found)
	return err
}

// restarting returns the restart of what has a credential from before the one that holds when
// the run is over.
func (u *userJob) restarting(j *Job) restart {
	return restart{p: j.p, user: u.user, revision: u.since(), every: j.request.Restart, rotated: u.rotation.rotate,
		announce: func(ctx context.Context) (bool, error) { return u.announce(ctx, j.p) }}
}

// mayRestart reports whether something may have a credential from before a revision, and
// would have a better one after a restart.
func (u *userJob) mayRestart(revision int64) bool {
	return revision > 1 && !u.closed && u.denied == nil && !u.rotation.owed
}

// since returns the first revision that has the password which holds when the run is over.
func (u *userJob) since() int64 {
	if u.rotation.rotate || u.newest.Number == 0 {
		return u.number()
	}
	return firstWith(u.history, u.newest).Number
}

// announce writes to the status which revision is live, and returns whether that was not
// said so far. By the status the webhook tells pods which one they get; what came of the
// run, and whether a request for a rotation is answered, is said at its end.
func (u *userJob) announce(ctx context.Context, p *Provisioner) (bool, error) {
	status := *u.user.Status.DeepCopy()
	if status.SecretRevision == u.number() {
		return false, nil
	}
	status.SecretRevision, status.SecretName, status.Username = u.number(), u.user.SecretName(), u.rotation.login
	if err := p.applyStatus(ctx, v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, u.user, &u.user.Status, &status); err != nil {
		return false, err
	}
	u.user.Status = status
	return true, nil
}
