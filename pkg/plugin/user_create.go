package plugin

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// userCreate is one call of user create.
type userCreate struct {
	databases                []string
	privileges, username     string
	secretName, secretFormat string
	onConflict               string
	secretPerDatabase        bool
	passwordLength           int32
	connectionLimit          int32
	settings                 []string
	serviceAccounts          []string
	rotateDays               int32
	rotationStrategy         string
	gracePeriod              time.Duration
	expiresIn                time.Duration
	adopt                    bool
	deletionPolicy           string
	provisioning
}

func newUserCreateCommand(env *Environment) *cobra.Command {
	var create userCreate
	cmd := &cobra.Command{
		Use:   "create NAME --database [NAMESPACE/]DATABASE[=PRIVILEGES] [--privileges readonly|readwrite|admin] [flags]",
		Short: "Create a user of databases, and the Secret with its credential",
		Example: `  # A user who reads; its credential is then in Secret reports-credentials
  kubectl dbtether user create reports --database orders

  # A user who writes to one database and reads another team's
  kubectl dbtether user create sync --database orders=readwrite --database billing/invoices

  # One for a week, whose password would be replaced every day
  kubectl dbtether user create auditor --database orders --expires-in 168h --rotate-days 1`,
		Args: oneName(userKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			return create.provision(cmd.Context(), env, func(ctx context.Context, p *provision.Provisioner) (*provision.Request, error) {
				return create.request(ctx, env, p, args[0], cmd.Flags().Changed)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVar(&create.databases, "database", nil, "a Database that the user may use; may be repeated, all on one cluster. The first one is that of the Secret")
	addChoice(cmd, &create.privileges, "privileges", "what the user may do where --database does not say (default readonly)", "readonly", "readwrite", "admin")
	flags.StringVar(&create.username, "username", "", "name in PostgreSQL (default NAME with - and . turned into _)")
	flags.StringVar(&create.secretName, "secret", "", "name of the Secret (default NAME-credentials)")
	addChoice(cmd, &create.secretFormat, "format", "further keys of the Secret (default raw)", "raw", "DB", "DATABASE", "POSTGRES", "PG")
	addChoice(cmd, &create.onConflict, "on-conflict", "what happens to a Secret of that name which is not the user's (default Fail)", "Fail", "Adopt", "Merge")
	flags.BoolVar(&create.secretPerDatabase, "secret-per-database", false, "write one Secret for each database, named NAME-DATABASE-credentials")
	flags.Int32Var(&create.passwordLength, "password-length", 32, "characters of the password")
	flags.Int32Var(&create.connectionLimit, "connection-limit", -1, "connections that the user may have at once; -1: no limit")
	flags.StringArrayVar(&create.settings, "setting", nil, "setting of every session of the user, as NAME=VALUE; may be repeated")
	flags.StringArrayVar(&create.serviceAccounts, "service-account", nil, "service account whose pods may have the credential; may be repeated (default all of the namespace)")
	flags.Int32Var(&create.rotateDays, "rotate-days", 0, "replace the password after so many days; 0: never by itself")
	addChoice(cmd, &create.rotationStrategy, "rotation-strategy", "with a second login, or by a new password for the one (default Alternate)", "Alternate", "InPlace")
	flags.DurationVar(&create.gracePeriod, "grace-period", v1alpha1.DefaultGracePeriod, "how long the old login of an alternate rotation still works")
	flags.DurationVar(&create.expiresIn, "expires-in", 0, "end the user after that time; 0: never")
	flags.BoolVar(&create.adopt, "adopt", false, "take over a role of that name which dbtether did not create")
	addChoice(cmd, &create.deletionPolicy, "deletion-policy", "what deleting the DatabaseUser does with the login (default Delete)", "Retain", "Delete")
	create.provisioning.add(cmd)
	must(cmd.MarkFlagRequired("database"))
	completeFlagNames(cmd, env, "database", dbKind)
	return cmd
}

func (c *userCreate) request(ctx context.Context, env *Environment, p *provision.Provisioner, name string, given func(string) bool) (*provision.Request, error) {
	namespace, err := env.Namespace()
	if err != nil {
		return nil, err
	}
	user, err := c.user(env, namespace, name, given)
	if err != nil {
		return nil, err
	}
	for _, ref := range user.Access() {
		if err := env.databaseThere(ctx, p, ref.Namespace, ref.Name); err != nil {
			return nil, err
		}
	}
	have, err := existingOrValid(ctx, p, user)
	if err != nil {
		return nil, err
	}
	return &provision.Request{Users: []*v1alpha1.DatabaseUser{have}}, refuseOther(userKind, name, given, map[string]bool{
		"database":            have.Access()[0] == user.Access()[0], // the Secret names it
		"secret":              have.SecretName() == user.SecretName(),
		"format":              have.Spec.SecretTemplate.Format == user.Spec.SecretTemplate.Format,
		"on-conflict":         have.Spec.SecretTemplate.OnConflict == user.Spec.SecretTemplate.OnConflict,
		"secret-per-database": have.PerDatabase() == user.PerDatabase(),
		"password-length":     have.Spec.Password.Length == user.Spec.Password.Length,
		"connection-limit":    *orNoLimit(have.Spec.ConnectionLimit) == *user.Spec.ConnectionLimit,
		"setting":             maps.Equal(have.Spec.Settings, user.Spec.Settings),
		"service-account":     sameNames(have.Spec.ServiceAccounts, user.Spec.ServiceAccounts),
		"rotate-days":         rotationDays(have) == rotationDays(user),
		"rotation-strategy":   have.Strategy() == user.Strategy(),
		"grace-period":        have.GracePeriod() == user.GracePeriod(),
		"expires-in":          c.expires(have),
		"deletion-policy":     have.Spec.DeletionPolicy == user.Spec.DeletionPolicy,
		"adopt":               have.Spec.Adopt == user.Spec.Adopt,
	})
}

// expires reports whether an existing user expires --expires-in after it was created, give
// or take --timeout; true for a new one.
func (c *userCreate) expires(have *v1alpha1.DatabaseUser) bool {
	switch {
	case have.UID == "":
		return true
	case have.Spec.ExpiresAt == nil:
		return c.expiresIn == 0
	}
	return (have.Spec.ExpiresAt.Sub(have.CreationTimestamp.Time) - c.expiresIn).Abs() <= c.timeout
}

// sameNames reports whether two lists hold the same names, in whatever order.
func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

func rotationDays(user *v1alpha1.DatabaseUser) int32 {
	if user.Spec.Rotation == nil {
		return 0
	}
	return user.Spec.Rotation.Days
}

// user returns the DatabaseUser as the flags describe it.
func (c *userCreate) user(env *Environment, namespace, name string, given func(string) bool) (*v1alpha1.DatabaseUser, error) {
	user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.DatabaseUserSpec{
		Privileges: v1alpha1.Privileges(orDefault(c.privileges, "readonly")),
		Username:   c.username, ConnectionLimit: &c.connectionLimit, Password: v1alpha1.PasswordSpec{Length: c.passwordLength},
		SecretTemplate: v1alpha1.SecretTemplate{Name: c.secretName, Format: v1alpha1.SecretFormat(c.secretFormat), OnConflict: v1alpha1.ConflictPolicy(c.onConflict)},
		DeletionPolicy: v1alpha1.DeletionPolicy(c.deletionPolicy), Adopt: c.adopt, ServiceAccounts: c.serviceAccounts,
	}}
	var err error
	if user.Spec.Settings, err = settingValues("setting", c.settings); err != nil {
		return nil, err
	}
	var refs []v1alpha1.DatabaseAccess
	for _, text := range c.databases {
		ref, err := parseAccess(text)
		if err != nil {
			return nil, err
		}
		if ref.Namespace == namespace {
			ref.Namespace = ""
		}
		refs = append(refs, ref)
	}
	if len(refs) == 1 {
		user.Spec.DatabaseRef = &refs[0]
	} else {
		user.Spec.DatabaseRefs = refs
	}
	if c.secretPerDatabase {
		user.Spec.SecretGeneration = v1alpha1.SecretPerDatabase
	}
	if given("rotate-days") || given("rotation-strategy") || given("grace-period") {
		user.Spec.Rotation = &v1alpha1.RotationSpec{Days: c.rotateDays, Strategy: v1alpha1.RotationStrategy(c.rotationStrategy), GracePeriod: c.gracePeriod.String()}
	}
	if c.expiresIn < 0 {
		return nil, Usagef("--expires-in %s lies in the past", c.expiresIn)
	}
	if c.expiresIn > 0 {
		expires := metav1.NewTime(env.Now().Add(c.expiresIn).UTC().Truncate(time.Second))
		user.Spec.ExpiresAt = &expires
	}
	return user, nil
}
