package provision

import (
	"context"
	"fmt"
	"maps"
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

// extend adds to the scope what a plan of the user has to know of.
func (u *userJob) extend(scope *postgres.Scope) {
	scope.Logins = append(scope.Logins, u.base, u.base+v1alpha1.AlternateSuffix)
	if u.user.UID != "" {
		scope.Markers = append(scope.Markers, string(u.user.UID))
	}
	scope.Settings = append(scope.Settings, slices.Sorted(maps.Keys(u.user.Spec.Settings))...)
	for _, a := range u.access {
		tables := u.tables(a)
		// A login that is new holds nothing that would have to be read.
		if len(tables) == 0 && u.newest.Number == 0 && !u.user.Spec.Adopt {
			scope.References = append(scope.References, a.name)
			continue
		}
		scope.Databases = append(scope.Databases, a.name)
		scope.Tables[a.name] = append(scope.Tables[a.name], tables...)
	}
}

// tables lists the tables of a database that additionalGrants name.
func (u *userJob) tables(a access) [][2]string {
	var tables [][2]string
	for _, grant := range u.user.Spec.AdditionalGrants {
		if grant.Database != "" && grant.Database != a.Name {
			continue
		}
		for _, name := range grant.Tables {
			schema, table := name.Parts()
			tables = append(tables, [2]string{schema, table})
		}
	}
	return tables
}

// probe decides what becomes of the password, and finds out whether the server takes
// it: a run that was killed may have stopped between the Secret and the role.
func (u *userJob) probe(ctx context.Context, j *Job, state postgres.State) error {
	if err := u.decideRotation(ctx, j, state); err != nil {
		return err
	}
	role, exists := state.Roles[u.rotation.login]
	u.newLogin = !exists
	switch {
	case u.denied != nil && !exists && u.rotation.other == "": // there is nothing to take back
		return u.denied
	case u.closed, !exists:
		return nil
	case u.rotation.rotate || u.password.IsZero():
		u.setPassword = true
		return nil
	case !role.Login && !u.offered:
		u.setPassword = true
		return nil
	}
	works, err := postgres.PasswordWorks(ctx, j.endpoint, u.credentials(), u.access[0].name)
	if err != nil {
		return err
	}
	u.setPassword = !works
	if u.offered && !works { // it is none: the role gets another
		u.password, u.offered = secret.Value{}, false
	}
	return nil
}

func (u *userJob) decideRotation(ctx context.Context, j *Job, state postgres.State) error {
	s := passwordState{now: j.p.Now(), user: u.user, base: u.base, newest: u.newest, closed: u.closed, endGrace: j.request.EndGrace}
	first := firstWith(u.history, u.newest)
	s.since = first.Time
	s.pending = u.newest.Number > 0 && (u.history.Live == nil || u.history.Live.OwnerUID != u.user.UID ||
		slices.ContainsFunc(u.secrets, func(one *userSecret) bool { return one.isBehind(u.newest) }))
	s.changed = slices.ContainsFunc(u.secrets, func(one *userSecret) bool { return one.showsOther(u.newest) })
	current := string(u.newest.Data["username"])
	for _, name := range []string{u.base, u.base + v1alpha1.AlternateSuffix} {
		if role, exists := state.Roles[name]; exists && current != "" && name != current && role.BelongsTo(userMarker(u.user)) {
			s.otherExists = true
		}
	}
	if s.otherExists {
		s.heldBy, s.unknown = j.p.heldBy(ctx, u.user, first.Number)
	}
	s.live = s.wentLive()
	var waits error
	u.rotation, waits = s.decide()
	u.rotation.heldBy, u.rotation.live = s.heldBy, s.live
	if waits == nil {
		return nil
	}
	if j.request.Rotate {
		return waits
	}
	u.rotation.waiting = v1alpha1.RotationRequest(u.user.Annotations)
	u.rotation.warnings = append(u.rotation.warnings, "the rotation that was asked for waits: "+waits.Error())
	return nil
}

// credentials returns the login as the Secret is to name it.
func (u *userJob) credentials() postgres.Login {
	return postgres.Login{Username: u.rotation.login, Password: u.password}
}

// desired turns the resource into its logins as they should be: the one that the
// Secret names, and the one that it named before, which may do as much as long as it
// lives.
func (u *userJob) desired(j *Job, state postgres.State) []postgres.DesiredLogin {
	spec := u.user.Spec
	login := postgres.DesiredLogin{
		Name: u.rotation.login, Marker: userMarker(u.user), ConnectionLimit: limit(spec.ConnectionLimit),
		Access: map[string]postgres.Privilege{}, Settings: settings(spec.Settings),
		ResetSettings: dropped(u.user.Status.Settings, spec.Settings),
		Closed:        u.closed, SetPassword: u.setPassword, EndSessions: u.rotation.inPlace && !u.newLogin, Adopt: u.adopts(j, state, u.rotation.login),
	}
	if spec.ExpiresAt != nil {
		login.ValidUntil = spec.ExpiresAt.Time
	}
	for _, a := range u.access {
		login.Access[a.name] = postgres.Privilege(a.Privileges)
		login.Grants = append(login.Grants, u.grants(a)...)
	}
	logins := []postgres.DesiredLogin{login}
	if u.rotation.other != "" && !u.rotation.dropOther {
		other := login
		other.Name, other.SetPassword, other.EndSessions = u.rotation.other, false, false
		other.Adopt = u.adopts(j, state, other.Name)
		logins = append(logins, other)
	}
	return logins
}

func (u *userJob) grants(a access) []postgres.TableGrant {
	var grants []postgres.TableGrant
	for _, grant := range u.user.Spec.AdditionalGrants {
		if grant.Database != "" && grant.Database != a.Name {
			continue
		}
		var privileges []string
		for _, p := range grant.Privileges {
			privileges = append(privileges, string(p))
		}
		for _, name := range grant.Tables {
			schema, table := name.Parts()
			grants = append(grants, postgres.TableGrant{Database: a.name, Schema: schema, Table: table, Privileges: privileges})
		}
	}
	return grants
}

// drops lists the login whose time is over.
func (u *userJob) drops() []postgres.Drop {
	if u.rotation.other == "" || !u.rotation.dropOther {
		return nil
	}
	return []postgres.Drop{{Name: u.rotation.other, Marker: userMarker(u.user)}}
}

// adopts reports whether a role may be claimed, or was. Only its mark proves the
// latter: a status, and the revisions of a Secret, others can write too.
func (u *userJob) adopts(j *Job, state postgres.State, login string) bool {
	if !u.user.Spec.Adopt {
		return false
	}
	return !j.p.Runner || state.Roles[login].BelongsTo(userMarker(u.user)) || admitted(j.Cluster.Spec.Adoption.RoleNames(), login)
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
		password, err := secret.GeneratePassword(j.p.Random, int(u.user.Spec.Password.Length))
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
