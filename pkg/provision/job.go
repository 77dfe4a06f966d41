package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/tracing"
)

// Request names a database and users that should be as their resources say, all on
// one cluster. A resource without a UID does not exist yet; Apply creates it.
type Request struct {
	// Database is provisioned; nil: only the users are. What the users refer to beside
	// it is left as it is.
	Database *v1alpha1.Database
	Users    []*v1alpha1.DatabaseUser
	// Edit is what changes about the first user before anything else; nil: nothing.
	Edit Edit
	// Recreate makes a database anew that somebody deleted.
	Recreate bool
	// Rotate is whether Edit asks for a rotation: the request is refused if it has to
	// wait. One that was asked for before holds nothing up.
	Rotate bool
	// EndGrace ends the old login of an alternate rotation now, for the next one that is
	// asked for.
	EndGrace bool
	// Restore gives the first user the credential of an earlier revision again; nil: not.
	Restore *Restore
	// Restart restarts every workload that has an older credential of the users in its
	// environment, not only those that ask for it.
	Restart bool
	// PlanHash is the hash of the plan that was reviewed; another plan is refused.
	// Empty: any.
	PlanHash string

	// fingerprints is whether new fingerprints are worth a write of their own.
	fingerprints bool
	// inNamespace lists the Databases of a namespace, and known holds Databases by key;
	// what is not there is read.
	inNamespace func(ctx context.Context, namespace string) ([]*v1alpha1.Database, error)
	known       map[string]*v1alpha1.Database
}

// Job is a request whose plan is made: nothing has been written anywhere. Close
// must be called; it ends the locks.
type Job struct {
	// Plan is what Apply will run, as it stands.
	Plan postgres.Plan
	// Cluster is where it runs, and Server the server's state.
	Cluster *v1alpha1.DBCluster
	Server  postgres.ServerState

	p        *Provisioner
	request  Request
	endpoint postgres.Endpoint
	server   *postgres.Server
	// database is the request's; nil: none.
	database *databaseJob
	users    []*userJob
	// unread has the namespaces that could not be read, and why.
	unread map[string]error
	// warnings are what policies say beside that they allow it.
	warnings []string
	// restarts are what became of the workloads that have older credentials.
	restarts Restarts
	// patch is what Edit came to.
	patch []byte
	// begun is set before the plan runs, applied once the server stands as planned, and
	// told once each status says what came of it.
	begun, applied, told bool
}

// Open gathers what the request refers to, asks the policies, connects, takes the
// locks of the databases and logins unless readOnly, observes, and plans. Errors are
// *DeniedError, *NoAccessError, *postgres.ConnectError, *postgres.RefusedError,
// *revision.ForeignError, *Error, or those of the API server.
func (p *Provisioner) Open(ctx context.Context, request Request, readOnly bool) (made *Job, err error) {
	ctx, step := tracing.Start(ctx, "plan")
	defer func() { tracing.End(step, err) }()
	job := &Job{p: p, request: request}
	if err := job.edit(ctx); err != nil {
		return nil, err
	}
	if err := job.gather(ctx); err != nil {
		return nil, err
	}
	if err := job.validate(); err != nil {
		return nil, err
	}
	if job.server, job.endpoint, err = p.dial(ctx, job.Cluster); err != nil {
		return nil, err
	}
	if err := job.prepare(ctx, readOnly); err != nil {
		job.Close()
		return nil, err
	}
	return job, nil
}

// Close gives the job's connection back, without its locks.
func (j *Job) Close() { j.server.Close() }

// prepare locks, reads and plans.
func (j *Job) prepare(ctx context.Context, readOnly bool) error {
	if !readOnly {
		if err := j.lock(ctx); err != nil {
			return err
		}
	}
	for _, u := range j.users {
		if err := u.open(ctx, j); err != nil {
			return refusedUser(u.user, err)
		}
	}
	j.p.progress("reading the state of cluster %s", j.Cluster.Name)
	state, err := j.server.Observe(ctx, j.scope())
	if err != nil {
		return err
	}
	j.Server = state.Server
	for _, u := range j.users {
		if err := u.probe(ctx, j, state); err != nil {
			return refusedUser(u.user, err)
		}
		if u.password.IsZero() || u.rotation.rotate {
			continue
		}
		if err := u.render(j); err != nil {
			return refusedUser(u.user, err)
		}
	}
	if j.Plan, err = postgres.MakePlan(state, j.desired(state)); err != nil {
		return j.adoptable(err)
	}
	j.Plan.Warnings = append(j.Plan.Warnings, j.warnings...)
	for _, u := range j.users {
		j.Plan.Warnings = append(j.Plan.Warnings, u.rotation.warnings...)
		j.Plan.Warnings = append(j.Plan.Warnings, u.withdrawn...)
	}
	if j.request.PlanHash != "" && j.request.PlanHash != j.Plan.Hash() {
		return failed("review the plan that is due now: run the command with --dry-run=server",
			"the plan is no longer the one with hash %s, it has hash %s", j.request.PlanHash, j.Plan.Hash())
	}
	return nil
}

// adoptable says of a conflict how the resource gets what it asks to adopt, where the
// run may not do that by itself.
func (j *Job) adoptable(err error) error {
	var refused *postgres.RefusedError
	if !j.p.Runner || !errors.As(err, &refused) || !refused.Conflict() || !j.asksAdoption() {
		return err
	}
	object := "user/NAME"
	if j.database != nil && j.database.db.Spec.Adopt {
		object = "db/NAME"
	}
	return &Error{Cause: err, Fix: fmt.Sprintf("whoever may read the administrator's credential adopts it by name: kubectl dbtether reconcile %s; or add it to spec.adoption of DBCluster %q", object, j.Cluster.Name)}
}

// asksAdoption reports whether a resource of the request asks to adopt.
func (j *Job) asksAdoption() bool {
	if j.database != nil && j.database.db.Spec.Adopt {
		return true
	}
	return slices.ContainsFunc(j.users, func(u *userJob) bool { return u.user.Spec.Adopt })
}

// scope names all that the plan has to know of.
func (j *Job) scope() postgres.Scope {
	scope := postgres.Scope{Named: true, Tables: map[string][][2]string{}}
	if j.database != nil {
		j.database.extend(&scope)
	}
	for _, u := range j.users {
		u.extend(&scope)
	}
	return scope
}

// desired turns the resources into what should stand on the server.
func (j *Job) desired(state postgres.State) postgres.Desired {
	var desired postgres.Desired
	listed := map[string]bool{}
	if j.database != nil {
		desired.Databases = append(desired.Databases, j.database.desired(j, state))
		listed[j.database.name] = true
	}
	for _, u := range j.users {
		for _, a := range u.access {
			if !listed[a.name] {
				listed[a.name] = true
				desired.Databases = append(desired.Databases, postgres.Database{Name: a.name, Marker: databaseMarker(a.db), ReferenceOnly: true,
					Adopt: a.db.Status.Adopted, Provisioned: a.db.Status.ProvisionedTime != nil})
			}
		}
		desired.Logins = append(desired.Logins, u.desired(j, state)...)
		desired.DropLogins = append(desired.DropLogins, u.drops()...)
	}
	return desired
}

// Empty reports whether Apply would change nothing but a status.
func (j *Job) Empty() bool {
	if !j.Plan.Empty() || j.patch != nil || j.database != nil && j.database.db.UID == "" {
		return false
	}
	for _, u := range j.users {
		if u.user.UID == "" || u.writesSecret() {
			return false
		}
	}
	return true
}

// Secrets lists the Secrets that Apply will write or delete.
func (j *Job) Secrets() SecretChanges {
	var changes SecretChanges
	for _, u := range j.users {
		for _, s := range u.secrets {
			if u.rotation.rotate || s.writes() {
				changes.Written = append(changes.Written, s.target.Namespace+"/"+s.target.Name)
			}
		}
		for _, name := range u.formerSecrets() {
			changes.Deleted = append(changes.Deleted, u.user.Namespace+"/"+name)
		}
	}
	return changes
}

// Promoted lists the Secrets, as NAMESPACE/NAME, that Apply has made live with another
// credential, also where it failed afterwards.
func (j *Job) Promoted() []string {
	var names []string
	for _, u := range j.users {
		for _, s := range u.secrets {
			if s.version != "" {
				names = append(names, s.target.Namespace+"/"+s.target.Name)
			}
		}
	}
	return names
}

// Logins lists the names of the logins that the Secrets of the request's users hold
// after Apply, those of closed users excepted.
func (j *Job) Logins() []string {
	var names []string
	for _, u := range j.users {
		if !u.closed {
			names = append(names, u.rotation.login)
		}
	}
	return names
}

// Subject says what the plan is about: a database, or a user and its first database.
func (j *Job) Subject() string {
	if j.database != nil {
		return fmt.Sprintf("database %q", j.database.name)
	}
	u := j.users[0]
	return fmt.Sprintf("user %q of database %q", u.base, u.access[0].name)
}
