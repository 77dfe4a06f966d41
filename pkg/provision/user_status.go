package provision

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// claim writes down where the login will stand before it does: with its databases gone, the
// deletion of a user whose first run was killed could not tell which server to ask.
func (u *userJob) claim(ctx context.Context, j *Job) error {
	if u.user.Status.ClusterName != "" {
		return nil
	}
	status := u.user.Status
	status.ClusterName = j.Cluster.Name
	if err := j.p.applyStatus(ctx, v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, u.user, &u.user.Status, &status); err != nil {
		return err
	}
	u.user.Status = status
	return nil
}

// writeStatus writes what came of the user.
func (u *userJob) writeStatus(ctx context.Context, j *Job, o outcome) error {
	user := u.user
	status := v1alpha1.DatabaseUserStatus{
		ClusterName: j.Cluster.Name, DatabaseName: u.access[0].name, DatabasesSummary: summary(u.user.Access()), BaseUsername: u.base,
		Username: u.rotation.login, SecretName: user.SecretName(), SecretRevision: u.number(),
		Fingerprint: user.Status.Fingerprint, Settings: user.Status.Settings, Rotation: user.Status.Rotation,
		Databases: user.Status.Databases,
	}
	if status.Username == "" {
		status.Username = user.CurrentUsername()
	}
	if status.SecretRevision == 0 {
		status.SecretRevision = user.Status.SecretRevision
	}
	if o.err == nil {
		status.Settings = slices.Sorted(maps.Keys(user.Spec.Settings))
		status.Databases = u.accessStatus()
		status.Rotation = u.rotationStatus(j.p.Now())
		if j.request.fingerprints || status.Fingerprint == "" || !j.Plan.Empty() || u.writesSecret() {
			status.Fingerprint = u.fingerprint(j.Cluster)
		}
		if len(j.restarts.Failed) > 0 { // a quick run has to try again
			status.Fingerprint = ""
		}
		o.expired = u.closed
	}
	if u.denied != nil && j.applied {
		status.Databases = u.accessStatus()
	}
	return j.p.userStatus(ctx, user, status, o)
}

// accessStatus returns the databases that the user has after this run.
func (u *userJob) accessStatus() []v1alpha1.DatabaseAccessStatus {
	var all []v1alpha1.DatabaseAccessStatus
	if u.denied != nil && u.closed { // it has none left
		return nil
	}
	for _, a := range u.access {
		one := v1alpha1.DatabaseAccessStatus{Name: a.Name, Namespace: a.Namespace, DatabaseName: a.name, Privileges: a.Privileges}
		if u.user.PerDatabase() {
			one.SecretName = u.user.SecretNameFor(a.Name)
		}
		all = append(all, one)
	}
	return all
}

// rotationStatus returns where the rotation stands; nil if nobody ever asked for one.
func (u *userJob) rotationStatus(now time.Time) *v1alpha1.RotationStatus {
	r := u.rotation
	if u.user.Spec.Rotation == nil && r.request == "" && r.waiting == "" && r.other == "" && u.user.Status.Rotation == nil {
		return nil
	}
	live, next, until := r.live, r.next, r.otherUntil
	if r.rotate || live.IsZero() { // it counts from its revision, of which the decision could not know
		if live = u.secrets[0].revision.Time; live.IsZero() || now.Sub(live) > clocksDiffer {
			live = now
		}
		next, until = due(u.user, live), live.Add(u.user.GracePeriod())
	}
	status := &v1alpha1.RotationStatus{LastTime: timestamp(live), NextTime: timestamp(next), Request: r.request, WaitingRequest: r.waiting}
	if r.other != "" && !r.dropOther {
		status.OldUsername, status.OldUntil, status.HeldBy = r.other, timestamp(until), r.heldBy
	}
	return status
}

// unanswered returns where a rotation stands that could not be done as it was asked for:
// whoever waits for it tells by that what was said of it from what was said before.
func unanswered(have *v1alpha1.RotationStatus, asked string) *v1alpha1.RotationStatus {
	if have != nil && have.Request == asked {
		return have
	}
	status := &v1alpha1.RotationStatus{}
	if have != nil {
		status = have.DeepCopy()
	}
	status.WaitingRequest = asked
	return status
}

// userStatus completes a status with what the outcome says, and writes it.
func (p *Provisioner) userStatus(ctx context.Context, user *v1alpha1.DatabaseUser, status v1alpha1.DatabaseUserStatus, o outcome) error {
	ready := o.err == nil && !o.deleting && !o.expired || stillWorks(user, status, o)
	credentials := condition(v1alpha1.ConditionCredentialsReady, ready, "LoggedIn", "NotReady",
		fmt.Sprintf("secret %s, revision %d", status.SecretName, status.SecretRevision))
	status.Phase, status.Message, status.ObservedGeneration = o.phase(), o.text(), user.Generation
	status.Conditions = o.conditions(p.Now(), user.Generation, user.Status.Conditions, credentials)
	if asked := v1alpha1.RotationRequest(user.Annotations); o.err != nil && asked != "" {
		status.Rotation = unanswered(status.Rotation, asked)
	}
	return p.applyStatus(ctx, v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, user, &user.Status, &status)
}

// stillWorks reports whether nothing was found out about a credential that has worked: a
// server that does not answer must not keep pods from starting which may be there before
// it is.
func stillWorks(user *v1alpha1.DatabaseUser, status v1alpha1.DatabaseUserStatus, o outcome) bool {
	return o.err != nil && WhyOf(o.err) == WhyUnreachable && !o.deleting && status.SecretRevision == user.Status.SecretRevision &&
		meta.IsStatusConditionTrue(user.Status.Conditions, v1alpha1.ConditionCredentialsReady)
}

// failedUser writes a failure of a run that found out nothing about the user.
func (p *Provisioner) failedUser(ctx context.Context, user *v1alpha1.DatabaseUser, o outcome) error {
	status := user.Status
	if status.SecretName == "" && len(user.Access()) > 0 {
		status.SecretName = user.SecretName()
	}
	if status.DatabasesSummary == "" {
		status.DatabasesSummary = summary(user.Access())
	}
	return p.userStatus(ctx, user, status, o)
}
