package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// dbCreate is one call of db create.
type dbCreate struct {
	cluster, user, privileges string
	databaseName              string
	schemas, extensions       []string
	connectionLimit           int32
	deletionPolicy            string
	deletionProtection        bool
	provisioning
}

func newDBCreateCommand(env *Environment) *cobra.Command {
	var create dbCreate
	cmd := &cobra.Command{
		Use:   "create NAME --cluster CLUSTER [--user USER] [flags]",
		Short: "Create a database, and a user for it",
		Long: `Create a Database, and with --user a DatabaseUser for it: the plan is shown, then the
database, its groups, the login and the Secret with its credential are made at once.

The user may by default do everything in the database (admin), because somebody has to
create its tables. Run again after an interruption, the command takes up where it stopped.`,
		Example: `  # A database and a user, whose credential is then in Secret orders-api-credentials
  kubectl dbtether db create orders --cluster main --user orders-api

  # Only show the SQL
  kubectl dbtether db create orders --cluster main --user orders-api --dry-run=server`,
		Args: oneName(dbKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return create.run(cmd.Context(), env, args[0], cmd.Flags().Changed)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&create.cluster, "cluster", "", "the DBCluster that holds the database")
	flags.StringVar(&create.user, "user", "", "create a DatabaseUser of this name too")
	addChoice(cmd, &create.privileges, "privileges", "what --user may do (default admin)", "readonly", "readwrite", "admin")
	flags.StringVar(&create.databaseName, "database-name", "", "name in PostgreSQL (default NAME with - and . turned into _)")
	flags.StringSliceVar(&create.schemas, "schema", nil, "schema to create beside public; may be repeated")
	flags.StringSliceVar(&create.extensions, "extension", nil, "trusted extension to create; may be repeated")
	flags.Int32Var(&create.connectionLimit, "connection-limit", -1, "connections that the database takes at once; -1: no limit")
	addChoice(cmd, &create.deletionPolicy, "deletion-policy", "what deleting the Database does with the database (default Retain)", "Retain", "Delete")
	flags.BoolVar(&create.deletionProtection, "deletion-protection", false, "let the API server refuse to delete the Database")
	create.provisioning.add(cmd)
	must(cmd.MarkFlagRequired("cluster"))
	completeFlagNames(cmd, env, "cluster", clusterKind)
	return cmd
}

func (c *dbCreate) run(ctx context.Context, env *Environment, name string, given func(string) bool) error {
	if given("privileges") && c.user == "" {
		return Usagef("--privileges needs --user")
	}
	return c.provision(ctx, env, func(ctx context.Context, p *provision.Provisioner) (*provision.Request, error) {
		namespace, err := env.Namespace()
		if err != nil {
			return nil, err
		}
		request := &provision.Request{}
		if request.Database, err = c.database(ctx, p, namespace, name, given); err != nil || c.user == "" {
			return request, err
		}
		user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: c.user},
			Spec: v1alpha1.DatabaseUserSpec{DatabaseRef: v1alpha1.DatabaseReference{Name: name}, Privileges: v1alpha1.Privileges(orDefault(c.privileges, "admin"))}}
		user, err = existingOrValid(ctx, p, user)
		request.Users = []*v1alpha1.DatabaseUser{user}
		return request, err
	})
}

// database returns the Database as asked for: the one that exists, if an earlier
// run made it, or a new one that the API server finds valid.
func (c *dbCreate) database(ctx context.Context, p *provision.Provisioner, namespace, name string, given func(string) bool) (*v1alpha1.Database, error) {
	want := &v1alpha1.Database{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.DatabaseSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: c.cluster}, DatabaseName: c.databaseName,
		DeletionPolicy: v1alpha1.DeletionPolicy(c.deletionPolicy), ConnectionLimit: &c.connectionLimit,
		DeletionProtection: c.deletionProtection,
	}}
	for _, s := range c.schemas {
		want.Spec.Schemas = append(want.Spec.Schemas, v1alpha1.SchemaName(s))
	}
	for _, e := range c.extensions {
		want.Spec.Extensions = append(want.Spec.Extensions, v1alpha1.ExtensionName(e))
	}
	if _, err := p.Cluster(ctx, c.cluster); err != nil {
		return nil, err
	}
	have, err := p.Database(ctx, namespace, name)
	switch {
	case apierrors.IsNotFound(err) && !isUnknownResource(err):
		return want, p.Create(ctx, want, true)
	case err != nil:
		return nil, err
	}
	if have.DeletionTimestamp != nil {
		return nil, Hinted(fmt.Errorf("Database %q is being deleted", name), "finish that: kubectl dbtether db delete %s", name)
	}
	if have.Spec.ClusterRef != want.Spec.ClusterRef || have.PostgresName() != want.PostgresName() {
		return nil, Hinted(fmt.Errorf("Database %q exists already: %q on cluster %q", name, have.PostgresName(), have.Spec.ClusterRef.Name),
			"choose another name, or see it: kubectl dbtether db describe %s", name)
	}
	return have, refuseOther(dbKind, name, given, map[string]bool{
		"schema":              containsAll(have.Spec.Schemas, want.Spec.Schemas),
		"extension":           containsAll(have.Spec.Extensions, want.Spec.Extensions),
		"connection-limit":    *want.Spec.ConnectionLimit == *orNoLimit(have.Spec.ConnectionLimit),
		"deletion-policy":     have.Spec.DeletionPolicy == want.Spec.DeletionPolicy,
		"deletion-protection": have.Spec.DeletionProtection == want.Spec.DeletionProtection,
	})
}

// refuseOther returns an error if flags were given that an existing object does not
// agree with: a create does not change it, and must not seem to.
func refuseOther(k kind, name string, given func(string) bool, agrees map[string]bool) error {
	var others []string
	for _, flag := range slices.Sorted(maps.Keys(agrees)) {
		if given(flag) && !agrees[flag] {
			others = append(others, "--"+flag)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return Hinted(fmt.Errorf("%s %q exists already, and differs in %s", k.name, name, strings.Join(others, ", ")),
		"change it: kubectl edit %s %s, then kubectl dbtether reconcile", strings.ToLower(k.name), name)
}

func containsAll[T comparable](have, want []T) bool {
	return !slices.ContainsFunc(want, func(x T) bool { return !slices.Contains(have, x) })
}

// orNoLimit fills in the API's default, which objects older than the field lack.
func orNoLimit(limit *int32) *int32 {
	if limit == nil {
		return new(int32(-1))
	}
	return limit
}

// existingOrValid returns the DatabaseUser that exists, if it is the one asked for,
// or the new one if the API server finds it valid.
func existingOrValid(ctx context.Context, p *provision.Provisioner, want *v1alpha1.DatabaseUser) (*v1alpha1.DatabaseUser, error) {
	have, err := p.User(ctx, want.Namespace, want.Name)
	switch {
	case apierrors.IsNotFound(err) && !isUnknownResource(err):
		return want, p.CreateUser(ctx, want, true)
	case err != nil:
		return nil, err
	}
	if have.DeletionTimestamp != nil {
		return nil, Hinted(fmt.Errorf("DatabaseUser %q is being deleted", want.Name), "finish that: kubectl dbtether user delete %s", want.Name)
	}
	if have.Spec.DatabaseRef != want.Spec.DatabaseRef || have.PostgresName() != want.PostgresName() || have.Spec.Privileges != want.Spec.Privileges {
		return nil, Hinted(fmt.Errorf("DatabaseUser %q exists already: %s in database %q", want.Name, have.Spec.Privileges, have.Spec.DatabaseRef.Name),
			"choose another name, or see it: kubectl dbtether user describe %s", want.Name)
	}
	return have, nil
}

// provisioning is what db create and user create have in common.
type provisioning struct {
	print   printFlags
	dryRun  dryRun
	timeout time.Duration
}

func (c *provisioning) add(cmd *cobra.Command) {
	c.print.add(cmd, objectFormats)
	c.dryRun.add(cmd)
	cmd.Flags().DurationVar(&c.timeout, "timeout", 2*time.Minute, "how long it may take")
}

// provision gathers a request, shows its plan and carries it out.
func (c *provisioning) provision(ctx context.Context, env *Environment, gather func(context.Context, *provision.Provisioner) (*provision.Request, error)) error {
	if err := c.print.check(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	progress := env.newProgress()
	defer progress.done()
	p, err := env.provisioner(progress)
	if err != nil {
		return err
	}
	request, err := gather(ctx, p)
	if err != nil {
		return err
	}
	job, err := p.Open(ctx, *request, c.dryRun.way != dryRunNone)
	if err != nil {
		return err
	}
	defer job.Close()
	progress.done()
	if c.dryRun.way != dryRunNone {
		return c.showOnly(env, job, request)
	}
	if c.print.human() {
		printPlan(env.Out, planTitle(job, request), job.Plan, job.Secrets())
	}
	started := env.Now()
	if err := job.Apply(ctx); err != nil {
		return err
	}
	progress.done()
	return c.tell(ctx, env, request, env.Now().Sub(started))
}

func planTitle(job *provision.Job, request *provision.Request) string {
	return fmt.Sprintf("Plan for database %q on cluster %q (PostgreSQL %s)", request.Database.PostgresName(), job.Cluster.Name, version(job.Server.VersionText))
}

// version returns "18.4" of "18.4 (Debian 18.4-1.pgdg12+1)".
func version(text string) string {
	number, _, _ := strings.Cut(text, " ")
	return number
}

// showOnly prints the plan of a dry run: its SQL.
func (c *provisioning) showOnly(env *Environment, job *provision.Job, request *provision.Request) error {
	return printFullPlan(env, &c.print, planTitle(job, request), job.Cluster.Spec.AdminDatabase, job.Cluster.Name, job.Plan, job.Secrets())
}

// tell prints what came of it: a sentence, or the object that -o asked for.
func (c *provisioning) tell(ctx context.Context, env *Environment, request *provision.Request, took time.Duration) error {
	k, name := dbKind, request.Database.Name
	if len(request.Users) > 0 && request.Database.ResourceVersion != "" && c.print.output != "" {
		k, name = userKind, request.Users[0].Name
	}
	if !c.print.human() {
		object, err := env.get(ctx, k, request.Database.Namespace, name)
		if err != nil {
			return err
		}
		return c.print.print(env, object, "")
	}
	logins := ""
	for _, user := range request.Users {
		logins += fmt.Sprintf(", %s can log in", user.PostgresName())
	}
	fmt.Fprintf(env.Out, "Database %s is ready%s (%.1f s).\n", request.Database.Name, logins, took.Seconds())
	if env.Terminal.Err {
		fmt.Fprintf(env.ErrOut, "\nNext:  kubectl dbtether db psql %s\n", request.Database.Name)
		for _, user := range request.Users {
			fmt.Fprintf(env.ErrOut, "       kubectl get secret %s\n", user.SecretName())
		}
	}
	return nil
}

func orDefault(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
