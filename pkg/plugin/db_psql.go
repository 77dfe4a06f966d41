package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/postgres"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// dbPsql is one call of db psql.
type dbPsql struct {
	user  string
	admin bool
}

func newDBPsqlCommand(env *Environment) *cobra.Command {
	var psql dbPsql
	cmd := &cobra.Command{
		Use:   "psql NAME [--user USER | --admin] [-- PSQL-ARGS]",
		Short: "Open psql in a database as one of its users",
		Long: `Open psql in a database, as a DatabaseUser of it (the only one, or --user) or as the
server's administrator (--admin). The password reaches psql through its environment, never
through an argument. What follows -- is passed to psql; psql's exit code is the command's.`,
		Example: `  kubectl dbtether db psql orders
  kubectl dbtether db psql orders --user reports -- -c 'SELECT count(*) FROM orders'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at >= 0 {
				args = args[:at]
			}
			return oneName(dbKind)(cmd, args)
		},
		ValidArgsFunction: completeNames(env, dbKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return psql.run(cmd.Context(), env, args[0], args[1:])
		},
	}
	cmd.Flags().StringVar(&psql.user, "user", "", "the DatabaseUser to log in as; one of another namespace as NAMESPACE/NAME")
	cmd.Flags().BoolVar(&psql.admin, "admin", false, "log in as the server's administrator")
	cmd.MarkFlagsMutuallyExclusive("user", "admin")
	completeFlagNames(cmd, env, "user", userKind)
	return cmd
}

func (c *dbPsql) run(ctx context.Context, env *Environment, name string, args []string) error {
	program, err := exec.LookPath("psql")
	if err != nil {
		return Hinted(errors.New("psql is not installed"), "install it: apt-get install postgresql-client, dnf install postgresql, brew install libpq, or winget install PostgreSQL")
	}
	db, err := read[v1alpha1.Database](ctx, env, dbKind, name)
	if err != nil {
		return err
	}
	p, err := env.provisioner(&progress{})
	if err != nil {
		return err
	}
	defer p.Close()
	cluster, err := p.Cluster(ctx, db.Spec.ClusterRef.Name)
	if err != nil {
		return err
	}
	endpoint, err := p.Endpoint(ctx, cluster)
	if err != nil {
		return err
	}
	login, err := c.login(ctx, env, p, cluster, db)
	if err != nil {
		return err
	}
	return runPsql(ctx, env, program, args, endpoint, login, db.PostgresName(cluster))
}

// login returns the credential to log in with.
func (c *dbPsql) login(ctx context.Context, env *Environment, p *provision.Provisioner, cluster *v1alpha1.DBCluster, db *v1alpha1.Database) (postgres.Login, error) {
	if c.admin {
		return p.AdminLogin(ctx, cluster)
	}
	user, err := c.choose(ctx, p, db)
	if err != nil {
		return postgres.Login{}, err
	}
	if err := env.notExpired(user); err != nil {
		return postgres.Login{}, err
	}
	secrets, err := env.Secrets()
	if err != nil {
		return postgres.Login{}, err
	}
	name := secretFor(user, db.Name)
	credential, err := secrets.Secrets(user.Namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return postgres.Login{}, Hinted(fmt.Errorf("Secret %q of DatabaseUser %q does not exist", name, user.Name), "make it: kubectl dbtether reconcile -n %s", user.Namespace)
	}
	if err != nil {
		return postgres.Login{}, err
	}
	return postgres.Login{Username: string(credential.Data["username"]), Password: secret.NewValue(credential.Data["password"])}, nil
}

// choose returns the user that was named, or the only one.
func (c *dbPsql) choose(ctx context.Context, p *provision.Provisioner, db *v1alpha1.Database) (*v1alpha1.DatabaseUser, error) {
	users, err := p.UsersOf(ctx, db)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, user := range users {
		name := seenFrom(db.Namespace, user.Namespace, user.Name) // there may be one of that name in both
		if name == c.user {
			return user, nil
		}
		names = append(names, name)
	}
	slices.Sort(names)
	switch {
	case c.user != "":
		return nil, Hinted(fmt.Errorf("Database %q has no DatabaseUser %q", db.Name, c.user), "%s", usersHint(db.Name, names))
	case len(users) == 1:
		return users[0], nil
	case len(users) == 0:
		return nil, Hinted(fmt.Errorf("Database %q has no DatabaseUser", db.Name), "%s", usersHint(db.Name, nil))
	default:
		return nil, Hinted(Usagef("Database %q has %d DatabaseUsers", db.Name, len(users)), "choose one with --user: %s", strings.Join(names, ", "))
	}
}

func usersHint(database string, names []string) string {
	if len(names) > 0 {
		return "there are: " + strings.Join(names, ", ")
	}
	return "create one: kubectl dbtether user create NAME --database " + database + ", or log in with --admin"
}

// runPsql runs psql with the terminal as it is. Interrupts go to psql, which the
// terminal sends them to as well; this process waits for it.
func runPsql(ctx context.Context, env *Environment, program string, args []string, endpoint postgres.Endpoint, login postgres.Login, database string) error {
	variables := append(withoutLibpq(os.Environ()),
		"PGHOST="+endpoint.Host, "PGPORT="+strconv.Itoa(int(endpoint.Port)), "PGDATABASE="+database,
		"PGUSER="+login.Username, "PGPASSWORD="+login.Password.Reveal(), "PGSSLMODE="+endpoint.SSLMode, "PGAPPNAME=kubectl-dbtether")
	if endpoint.Dial != nil { // it only resolves inside the cluster
		port, stop, err := listenFor(ctx, endpoint)
		if err != nil {
			return err
		}
		defer stop()
		// The name stays, for the certificate (manual, "Parameter Key Words", hostaddr).
		variables = append(variables, "PGHOSTADDR=127.0.0.1", "PGPORT="+strconv.Itoa(port))
	}
	if len(endpoint.CA) > 0 {
		file, remove, err := writeTemporary("dbtether-ca-*.crt", endpoint.CA)
		if err != nil {
			return err
		}
		defer remove()
		variables = append(variables, "PGSSLROOTCERT="+file)
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt)
	defer signal.Stop(interrupts)
	// Not bound to ctx: psql itself decides what an interrupt means.
	psql := exec.CommandContext(context.WithoutCancel(ctx), program, args...)
	psql.Env, psql.Stdin, psql.Stdout, psql.Stderr = variables, env.In, env.Out, env.ErrOut
	err := psql.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return withExitCode(errSilent, exit.ExitCode())
	}
	return err
}

// withoutLibpq returns the variables that libpq does not read, so that the user's
// own PGHOST or PGSERVICE leads psql nowhere else.
func withoutLibpq(variables []string) []string {
	return slices.DeleteFunc(slices.Clone(variables), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "PG") && name != "PGOPTIONS" && name != "PGTZ" && name != "PGDATESTYLE" && name != "PGCLIENTENCODING"
	})
}

func writeTemporary(pattern string, content []byte) (name string, remove func(), err error) {
	file, err := os.CreateTemp("", pattern)
	if err != nil {
		return "", nil, err
	}
	remove = func() { _ = os.Remove(file.Name()) }
	_, err = file.Write(content)
	if err = errors.Join(err, file.Close()); err != nil {
		remove()
		return "", nil, err
	}
	return file.Name(), remove, nil
}
