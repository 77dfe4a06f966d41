package provision

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// userJob is one user of a job: the resource, and its Secret's history.
type userJob struct {
	user    *v1alpha1.DatabaseUser
	target  revision.Target
	history revision.History
	// credential is what the Secret should carry; its password is empty until one
	// is generated.
	credential secret.Credential
	// data is what the Secret should carry; nil until there is a password.
	data secret.Data
	// revision is the newest one, or the staged one; Number 0: none.
	revision revision.Revision
	// setPassword asks for a new verifier on the existing login.
	setPassword bool
	// newLogin is whether the login does not exist.
	newLogin bool
}

// openUser reads the user's Secret and refuses one that belongs to something else.
func (j *Job) openUser(ctx context.Context, user *v1alpha1.DatabaseUser) (*userJob, error) {
	u := &userJob{user: user, credential: secret.Credential{Host: j.endpoint.Host, Port: j.endpoint.Port,
		Database: j.database.PostgresName(), Username: user.PostgresName(), SSLMode: j.endpoint.SSLMode}}
	u.setTarget()
	var err error
	if u.history, err = j.p.revisions().Read(ctx, u.target.Namespace, u.target.Name); err != nil {
		return nil, refusedUser(user, err)
	}
	if err := u.history.Check(u.target); err != nil {
		return nil, refusedUser(user, err)
	}
	newest, ok := u.history.Newest(user.UID)
	if !ok {
		return u, nil
	}
	u.revision = newest
	u.credential.Password = secret.NewValue(newest.Data["password"])
	u.data, err = u.credential.Keys(user.Spec.SecretTemplate)
	return u, err
}

func (u *userJob) setTarget() {
	user := u.user
	u.target = revision.Target{Namespace: user.Namespace, Name: user.SecretName(), Type: v1alpha1.SecretTypeCredential, OwnerUID: user.UID}
	if user.Spec.DeletionPolicy != v1alpha1.DeletionRetain { // a retained password must outlive the resource
		u.target.OwnerReference = &metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.KindDatabaseUser, Name: user.Name, UID: user.UID}
	}
}

// probe finds out whether the server takes the newest revision's password: a run
// that was killed may have stopped between the Secret and the role.
func (u *userJob) probe(ctx context.Context, j *Job, state postgres.State) error {
	role, exists := state.Roles[u.credential.Username]
	u.newLogin = !exists
	if !exists || !role.Login {
		u.setPassword = exists
		return nil
	}
	if u.credential.Password.IsZero() {
		u.setPassword = true
		return nil
	}
	works, err := postgres.PasswordWorks(ctx, j.endpoint, u.login(), u.credential.Database)
	u.setPassword = err == nil && !works
	return err
}

func (u *userJob) login() postgres.Login {
	return postgres.Login{Username: u.credential.Username, Password: u.credential.Password}
}

// stages reports whether a new revision is needed.
func (u *userJob) stages() bool { return u.revision.Number == 0 || !u.revision.Data.Equal(u.data) }

// writesSecret reports whether the live Secret or its history will change.
func (u *userJob) writesSecret() bool {
	return u.stages() || u.history.Live == nil || u.history.Live.Revision != u.revision.Number || !u.history.Live.Data.Equal(u.data)
}

// stage writes the credential as the next revision, before anything that depends
// on it changes.
func (u *userJob) stage(ctx context.Context, j *Job) error {
	reason := "connection of cluster " + j.Cluster.Name + " or keys changed"
	if u.revision.Number == 0 {
		password, err := secret.GeneratePassword(j.p.Random, int(u.user.Spec.Password.Length))
		if err != nil {
			return err
		}
		u.credential.Password, reason = password, "created with the login"
	}
	var err error
	if u.data, err = u.credential.Keys(u.user.Spec.SecretTemplate); err != nil {
		return err
	}
	if !u.stages() {
		return nil
	}
	author, err := j.p.Author(ctx)
	if err != nil {
		return fmt.Errorf("find out who is asking: %w", err)
	}
	j.p.progress("writing secret %s/%s", u.target.Namespace, u.target.Name)
	u.revision, err = j.p.revisions().Stage(ctx, u.target, u.history.LastNumber(), u.data, author, reason)
	if err == nil {
		u.history.Revisions = append(u.history.Revisions, u.revision)
	}
	return err
}

// fill adds the user's verifier and UID to the values of a plan.
func (u *userJob) fill(p *Provisioner, values *postgres.Values) error {
	values.UIDs[userMarker(u.user).Kind+" "+key(u.user)] = string(u.user.UID)
	if !u.newLogin && !u.setPassword {
		return nil
	}
	verifier, err := secret.Verifier(p.Random, u.credential.Password)
	if err != nil {
		return err
	}
	if values.Verifiers == nil {
		values.Verifiers = map[string]secret.Value{}
	}
	values.Verifiers[u.credential.Username] = verifier
	return nil
}

// finish logs in with the credential, and only then lets applications see it.
func (u *userJob) finish(ctx context.Context, j *Job) error {
	if !j.Plan.Empty() || u.writesSecret() {
		j.p.progress("logging in as %s", u.credential.Username)
		err := postgres.CheckLogin(ctx, j.endpoint, u.login(), u.credential.Database, postgres.Privilege(u.user.Spec.Privileges))
		if err != nil {
			return err
		}
	}
	if _, err := j.p.revisions().Promote(ctx, u.target, u.history.Live, u.revision); err != nil {
		return err
	}
	return j.p.revisions().Prune(ctx, u.target, u.history)
}
