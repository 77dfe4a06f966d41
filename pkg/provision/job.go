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

func (j *Job) asksAdoption() bool {
	if j.database != nil && j.database.db.Spec.Adopt {
		return true
	}
	for _, u := range j.users {
		if u.user.Spec.Adopt {
			return true
		}
	}
	return false
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

// Apply writes the user's patch, creates the resources that do not exist, stages the
// credentials as revisions, runs the plan, logs in with each credential, makes the
// Secrets live, restarts what has an older credential in its environment, and writes the
// status of every resource. Killed at any point, the next
// Open and Apply of the same resources complete it.
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

func limit(n *int32) int {
	if n == nil {
		return -1
	}
	return int(*n)
}
