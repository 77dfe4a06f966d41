package provision

import (
	"context"
	"maps"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

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

// decideRotation collects what passwordState needs, and lets it decide. The error is why a
// rotation, or a restored credential, that this run was asked for has to wait.
func (u *userJob) decideRotation(ctx context.Context, j *Job, state postgres.State) error {
	s := passwordState{now: j.p.Now(), user: u.user, base: u.base, newest: u.newest, closed: u.closed, endGrace: j.request.EndGrace, restore: j.request.Restore}
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
	if j.request.Rotate || j.request.Restore != nil {
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

// grants returns what additionalGrants ask for in a database.
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
