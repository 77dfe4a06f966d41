package provision

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// userJob is one user of a job: the resource, its logins and its Secrets.
type userJob struct {
	user   *v1alpha1.DatabaseUser
	access []access
	// base is the name that the logins have in common.
	base string
	// closed is whether the user has expired, or no database admits it any more.
	closed bool
	// denied is why access was withdrawn; nil: it was not. withdrawn says to what.
	denied    *DeniedError
	withdrawn []string
	// secrets holds one, or one for each database; the first one's history is that of
	// the password.
	secrets []*userSecret
	// password is that of the Secret; empty until one is generated.
	password secret.Value
	// newest is the revision that the password is from; Number 0: none. history is that
	// of its Secret, which may be one that the spec names no longer.
	newest  revision.Revision
	history revision.History
	// rotation is what becomes of the password in this run.
	rotation rotation
	// setPassword asks for a new verifier on the existing login.
	setPassword bool
	// newLogin is whether the login does not exist.
	newLogin bool
	// offered is a password that a Secret which is taken over holds.
	offered bool
}

// setTargets names the user's Secrets.
func (u *userJob) setTargets() {
	if u.secrets == nil {
		u.secrets = u.newSecrets()
	}
	for _, s := range u.secrets {
		s.target = u.target(s.target.Name)
	}
}

// newSecrets returns the Secrets that the spec asks for: one, or one for each database.
func (u *userJob) newSecrets() []*userSecret {
	named := func(name string, a access) *userSecret {
		return &userSecret{target: revision.Target{Name: name}, access: a}
	}
	if !u.user.PerDatabase() {
		s := named(u.user.SecretName(), u.access[0])
		for _, a := range u.access {
			s.databases = append(s.databases, a.name)
		}
		return []*userSecret{s}
	}
	var secrets []*userSecret
	for _, a := range u.access {
		secrets = append(secrets, named(u.user.SecretNameFor(a.Name), a))
	}
	return secrets
}

// target returns what a Secret of the user is to be, beside its data.
func (u *userJob) target(name string) revision.Target {
	user := u.user
	target := revision.Target{Namespace: user.Namespace, Name: name, Type: v1alpha1.SecretTypeCredential, OwnerUID: user.UID,
		OnConflict: user.Spec.SecretTemplate.OnConflict}
	if user.Spec.DeletionPolicy != v1alpha1.DeletionRetain { // a retained password must outlive the resource
		target.OwnerReference = &metav1.OwnerReference{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.KindDatabaseUser, Name: user.Name, UID: user.UID}
	}
	return target
}

// open reads the user's Secrets and refuses those that belong to something else.
func (u *userJob) open(ctx context.Context, j *Job) error {
	for _, s := range u.secrets {
		if err := s.read(ctx, j); err != nil {
			return err
		}
		newest, ok := s.history.Newest(u.user.UID)
		if ok {
			s.revision = newest
		}
		if ok && u.newest.Number == 0 {
			u.newest, u.history = newest, s.history
		}
	}
	if u.newest.Number == 0 {
		if err := u.findElsewhere(ctx, j); err != nil {
			return err
		}
	}
	u.password = secret.NewValue(u.newest.Data["password"])
	if u.newest.Number == 0 && u.user.Spec.Adopt {
		u.takeOver()
	}
	return nil
}

// findElsewhere looks for the password in the Secrets that the user had before its
// spec named others.
func (u *userJob) findElsewhere(ctx context.Context, j *Job) error {
	for _, name := range u.formerSecrets() {
		history, err := j.p.revisions().Read(ctx, u.user.Namespace, name)
		if err != nil {
			return err
		}
		if newest, ok := history.Newest(u.user.UID); ok {
			u.newest, u.history = newest, history
			return nil
		}
	}
	return nil
}

// formerSecrets lists the Secrets that the status names and the spec does not.
func (u *userJob) formerSecrets() []string {
	names := []string{u.user.Status.SecretName}
	for _, db := range u.user.Status.Databases {
		names = append(names, db.SecretName)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool {
		return name == "" || slices.ContainsFunc(u.secrets, func(s *userSecret) bool { return s.target.Name == name })
	})
}

// takeOver offers the password of a Secret that is adopted together with its role.
func (u *userJob) takeOver() {
	if live := u.secrets[0].history.Live; live != nil && len(live.Data["password"]) > 0 {
		u.password, u.offered = secret.NewValue(live.Data["password"]), true
	}
}

// writesSecret reports whether a live Secret or its history will change.
func (u *userJob) writesSecret() bool {
	return u.rotation.rotate || slices.ContainsFunc(u.secrets, (*userSecret).writes) || len(u.formerSecrets()) > 0
}

// stage writes the credential as the next revision of each Secret, before anything
// that depends on it changes.
func (u *userJob) stage(ctx context.Context, j *Job) error {
	reason := "connection of cluster " + j.Cluster.Name + " or keys changed"
	if u.rotation.rotate || u.password.IsZero() {
		password, err := u.rotation.password, error(nil)
		if password.IsZero() {
			password, err = secret.GeneratePassword(j.p.Random, int(u.user.Spec.Password.Length))
		}
		if err != nil {
			return err
		}
		u.password, u.offered, reason = password, false, reasonCreated
		if u.rotation.rotate {
			reason = u.rotation.reason
		}
	}
	if u.offered {
		reason = "taken over with the role"
	}
	if err := u.render(j); err != nil {
		return err
	}
	for _, s := range u.secrets {
		if err := s.stage(ctx, j.p, u.reason(s, reason)); err != nil {
			return err
		}
	}
	return nil
}

// render computes what each Secret should carry.
func (u *userJob) render(j *Job) error {
	for _, s := range u.secrets {
		credential := secret.Credential{Host: j.endpoint.Host, Port: j.endpoint.Port, Database: s.access.name, Username: u.rotation.login,
			Password: u.password, SSLMode: j.endpoint.SSLMode}
		if len(s.databases) > 1 {
			credential.Databases = s.databases
		}
		var err error
		if s.data, err = credential.Keys(u.user.Spec.SecretTemplate); err != nil {
			return err
		}
	}
	return nil
}

// fill adds the user's verifier and UID to the values of a plan.
func (u *userJob) fill(p *Provisioner, values *postgres.Values) error {
	values.UIDs[userMarker(u.user).Kind+" "+key(u.user)] = string(u.user.UID)
	if !u.newLogin && !u.setPassword {
		return nil
	}
	verifier, err := secret.Verifier(p.Random, u.password)
	if err != nil {
		return err
	}
	if values.Verifiers == nil {
		values.Verifiers = map[string]secret.Value{}
	}
	values.Verifiers[u.rotation.login] = verifier
	return nil
}

// finish logs in to each database with the credential, and only then lets
// applications see it. Secrets that the spec names no longer are deleted.
func (u *userJob) finish(ctx context.Context, j *Job) error {
	if !u.closed && (!j.Plan.Empty() || u.writesSecret()) {
		for _, a := range u.access {
			j.p.progress("logging in to %s as %s", a.name, u.rotation.login)
			if err := postgres.CheckLogin(ctx, j.endpoint, u.credentials(), a.name, postgres.Privilege(a.Privileges)); err != nil {
				return err
			}
		}
	}
	for _, s := range u.secrets {
		if err := s.promote(ctx, j.p); err != nil {
			return err
		}
	}
	for _, name := range u.formerSecrets() {
		j.p.progress("deleting secret %s/%s", u.user.Namespace, name)
		if err := j.p.revisions().Delete(ctx, u.target(name)); err != nil {
			return err
		}
	}
	return nil
}

// number returns the revision of the first Secret.
func (u *userJob) number() int64 { return u.secrets[0].revision.Number }

// summary returns the first database, and how many there are beside it.
func summary(refs []v1alpha1.DatabaseAccess) string {
	switch more := len(refs) - 1; {
	case more < 0:
		return ""
	case more == 0:
		return refs[0].Name
	default:
		return fmt.Sprintf("%s (+%d)", refs[0].Name, more)
	}
}
