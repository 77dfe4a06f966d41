package provision

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
)

// Request names a database and users of it that should be as their resources say.
// A resource without a UID does not exist yet; Apply creates it.
type Request struct {
	Database *v1alpha1.Database
	Users    []*v1alpha1.DatabaseUser
}

// Job is a request whose plan is made: nothing has been written anywhere. Close
// must be called; it ends the connection and the locks.
type Job struct {
	// Plan is what Apply will run, as it stands.
	Plan postgres.Plan
	// Cluster is where it runs, and Server the server's state.
	Cluster *v1alpha1.DBCluster
	Server  postgres.ServerState

	p        *Provisioner
	endpoint postgres.Endpoint
	server   *postgres.Server
	database *v1alpha1.Database
	users    []*userJob
	// applied is set once the server stands as planned.
	applied bool
}

// Open gathers what the request refers to, connects, takes the locks of the
// database and its logins unless readOnly, observes, and plans. Errors are
// *postgres.ConnectError, *postgres.RefusedError, *revision.ForeignError, *Error,
// or those of the API server.
func (p *Provisioner) Open(ctx context.Context, request Request, readOnly bool) (*Job, error) {
	if err := validate(request); err != nil {
		return nil, err
	}
	cluster, err := p.Cluster(ctx, request.Database.Spec.ClusterRef.Name)
	if err != nil {
		return nil, err
	}
	job := &Job{p: p, Cluster: cluster, database: request.Database}
	if job.server, job.endpoint, err = p.dial(ctx, cluster); err != nil {
		return nil, err
	}
	if err := job.prepare(ctx, request, readOnly); err != nil {
		job.Close()
		return nil, err
	}
	return job, nil
}

// Close ends the job's connection and its locks.
func (j *Job) Close() { j.server.Close() }

func (j *Job) prepare(ctx context.Context, request Request, readOnly bool) error {
	locks := []string{postgres.LockDatabase(j.database.PostgresName())}
	for _, user := range request.Users {
		locks = append(locks, postgres.LockRole(user.PostgresName()))
	}
	if !readOnly {
		err := j.server.Lock(ctx, locks, func(name string) { j.p.progress("waiting for another run that holds %s", name) })
		if err != nil {
			return err
		}
		if err := j.p.refresh(ctx, request); err != nil { // another run may have finished while this one waited
			return err
		}
	}
	for _, user := range request.Users {
		u, err := j.openUser(ctx, user)
		if err != nil {
			return err
		}
		j.users = append(j.users, u)
	}
	j.p.progress("reading the state of cluster %s", j.Cluster.Name)
	state, err := j.server.Observe(ctx, j.scope())
	if err != nil {
		return err
	}
	j.Server = state.Server
	for _, u := range j.users {
		if err := u.probe(ctx, j, state); err != nil {
			return err
		}
	}
	j.Plan, err = postgres.MakePlan(state, j.desired())
	return err
}

func (j *Job) scope() postgres.Scope {
	scope := postgres.Scope{Databases: []string{j.database.PostgresName()}}
	for _, e := range j.database.Spec.Extensions {
		scope.Extensions = append(scope.Extensions, string(e))
	}
	return scope
}

// desired turns the resources into what should stand on the server.
func (j *Job) desired() postgres.Desired {
	db := j.database
	want := postgres.Database{Name: db.PostgresName(), Marker: databaseMarker(db), ConnectionLimit: limit(db.Spec.ConnectionLimit)}
	for _, s := range db.Spec.Schemas {
		want.Schemas = append(want.Schemas, string(s))
	}
	for _, e := range db.Spec.Extensions {
		want.Extensions = append(want.Extensions, string(e))
	}
	desired := postgres.Desired{Databases: []postgres.Database{want}}
	for _, u := range j.users {
		desired.Logins = append(desired.Logins, postgres.DesiredLogin{
			Name: u.user.PostgresName(), Marker: userMarker(u.user), ConnectionLimit: limit(u.user.Spec.ConnectionLimit),
			Access: map[string]postgres.Privilege{want.Name: postgres.Privilege(u.user.Spec.Privileges)}, SetPassword: u.setPassword,
		})
	}
	return desired
}

// Empty reports whether Apply would change nothing but a status.
func (j *Job) Empty() bool {
	if !j.Plan.Empty() || j.database.UID == "" {
		return false
	}
	for _, u := range j.users {
		if u.user.UID == "" || u.writesSecret() {
			return false
		}
	}
	return true
}

// Secrets lists the Secrets that Apply will write, as namespace/name.
func (j *Job) Secrets() []string {
	var names []string
	for _, u := range j.users {
		if u.writesSecret() {
			names = append(names, u.target.Namespace+"/"+u.target.Name)
		}
	}
	return names
}

// Apply creates the resources that do not exist, stages the credentials as
// revisions, runs the plan, logs in with each credential, makes the Secrets live
// and writes the status of every resource. Killed at any point, the next Open and
// Apply of the same resources complete it.
func (j *Job) Apply(ctx context.Context) error {
	if err := j.createResources(ctx); err != nil {
		return err
	}
	err := j.run(ctx)
	if statusErr := j.writeStatus(ctx, err); err == nil {
		err = statusErr
	}
	return err
}

func (j *Job) createResources(ctx context.Context) error {
	if j.database.UID == "" {
		j.p.progress("creating database %s/%s", j.database.Namespace, j.database.Name)
		if err := j.p.Create(ctx, j.database, false); err != nil {
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
		u.setTarget()
	}
	return nil
}

func (j *Job) run(ctx context.Context) error {
	if err := j.p.syncFinalizer(ctx, v1alpha1.Databases, j.database, j.database.Spec.DeletionPolicy); err != nil {
		return err
	}
	values := postgres.Values{UIDs: map[string]string{databaseMarker(j.database).Kind + " " + key(j.database): string(j.database.UID)}}
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
	return nil
}

func (j *Job) writeStatus(ctx context.Context, err error) error {
	message := "provisioned"
	if len(j.Plan.Warnings) > 0 {
		message = "provisioned; warning: " + j.Plan.Warnings[0]
	}
	o := outcome{err: err, message: message}
	var statusErr error
	switch {
	case j.applied: // what failed after that concerns a user only
		statusErr = j.p.databaseStatus(ctx, j.database, outcome{message: message})
	case j.database.Status.Phase != v1alpha1.PhaseReady || len(j.users) == 0:
		statusErr = j.p.databaseStatus(ctx, j.database, o)
	}
	for _, u := range j.users {
		statusErr = errors.Join(statusErr, j.p.userStatus(ctx, u.user, j.Cluster.Name, j.database.PostgresName(), u.revision.Number, o))
	}
	return statusErr
}

// Create writes a new Database. With dryRun the API server validates it only.
func (p *Provisioner) Create(ctx context.Context, db *v1alpha1.Database, dryRun bool) error {
	db.Finalizers = finalizersFor(db.Spec.DeletionPolicy, db.Finalizers)
	return p.create(ctx, v1alpha1.Databases, db, v1alpha1.KindDatabase, dryRun)
}

// CreateUser writes a new DatabaseUser. With dryRun the API server validates it only.
func (p *Provisioner) CreateUser(ctx context.Context, user *v1alpha1.DatabaseUser, dryRun bool) error {
	user.Finalizers = finalizersFor(user.Spec.DeletionPolicy, user.Finalizers)
	return p.create(ctx, v1alpha1.DatabaseUsers, user, v1alpha1.KindDatabaseUser, dryRun)
}

// validate refuses names that are derived and therefore escape the API's checks.
func validate(request Request) error {
	db := request.Database
	if n := len(db.PostgresName()); n > v1alpha1.MaxDatabaseName {
		return failed("set spec.databaseName (--database-name) to a shorter one",
			"database name %q has %d bytes, at most %d are possible", db.PostgresName(), n, v1alpha1.MaxDatabaseName)
	}
	if reserved(db.PostgresName(), databasesOfOthers) {
		return failed("choose another name", "database name %q belongs to PostgreSQL or to a provider", db.PostgresName())
	}
	for _, user := range request.Users {
		if n := len(user.PostgresName()); n > v1alpha1.MaxUsername {
			return failed("set spec.username (--username) to a shorter one",
				"user name %q has %d bytes, at most %d are possible", user.PostgresName(), n, v1alpha1.MaxUsername)
		}
		if reserved(user.PostgresName(), rolesOfOthers) {
			return failed("choose another name", "user name %q belongs to PostgreSQL or to a provider", user.PostgresName())
		}
	}
	return nil
}

func databaseMarker(db *v1alpha1.Database) postgres.Marker {
	return postgres.Marker{Kind: v1alpha1.KindDatabase, Resource: key(db), UID: string(db.UID)}
}

func userMarker(user *v1alpha1.DatabaseUser) postgres.Marker {
	return postgres.Marker{Kind: v1alpha1.KindDatabaseUser, Resource: key(user), UID: string(user.UID)}
}

func key(object interface {
	GetNamespace() string
	GetName() string
}) string {
	return object.GetNamespace() + "/" + object.GetName()
}

func limit(n *int32) int {
	if n == nil {
		return -1
	}
	return int(*n)
}

// refusedUser names the user that a gathering error is about.
func refusedUser(user *v1alpha1.DatabaseUser, err error) error {
	if apierrors.IsForbidden(err) {
		return err
	}
	return fmt.Errorf("databaseuser %q: %w", user.Name, err)
}
