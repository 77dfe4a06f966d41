package plugin

import (
	"context"
	"fmt"
	"maps"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// dbCreate is one call of db create.
type dbCreate struct {
	cluster, user, privileges string
	databaseName, owner       string
	schemas, extensions       []string
	connectionLimit           int32
	deletionPolicy            string
	deletionProtection        bool
	forceDrop                 bool
	template, encoding        string
	lcCollate, lcCtype        string
	localeProvider, icuLocale string
	builtinLocale             string
	parameters                []string
	revokePublicConnect       bool
	adopt, recreate           bool
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
	flags.StringVar(&create.owner, "owner", "", "a DatabaseUser that may do everything in the database, whatever its resource says")
	flags.StringSliceVar(&create.schemas, "schema", nil, "schema to create beside public; may be repeated")
	flags.StringSliceVar(&create.extensions, "extension", nil, `extension to create, as in "hstore SCHEMA app VERSION 1.8"; may be repeated`)
	flags.Int32Var(&create.connectionLimit, "connection-limit", -1, "connections that the database takes at once; -1: no limit")
	addChoice(cmd, &create.deletionPolicy, "deletion-policy", "what deleting the Database does with the database (default Retain)", "Retain", "Delete")
	flags.BoolVar(&create.deletionProtection, "deletion-protection", false, "let the API server refuse to delete the Database")
	create.addMaking(cmd)
	create.provisioning.add(cmd)
	must(cmd.MarkFlagRequired("cluster"))
	completeFlagNames(cmd, env, "cluster", clusterKind)
	completeFlagNames(cmd, env, "owner", userKind)
	return cmd
}

// addMaking adds the flags about how the database is made, or taken over.
func (c *dbCreate) addMaking(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&c.forceDrop, "force-drop", false, "let deleting the database end the sessions that use it")
	flags.StringVar(&c.template, "template", "", "database to copy (default template0)")
	flags.StringVar(&c.encoding, "encoding", "", "character set (default UTF8)")
	flags.StringVar(&c.lcCollate, "lc-collate", "", "sort order, a locale of the server's operating system")
	flags.StringVar(&c.lcCtype, "lc-ctype", "", "classes of characters, a locale of the server's operating system")
	addChoice(cmd, &c.localeProvider, "locale-provider", "where the default collation comes from; icu needs PostgreSQL 15, builtin 17", "libc", "icu", "builtin")
	flags.StringVar(&c.icuLocale, "icu-locale", "", "ICU locale, with --locale-provider icu")
	addChoice(cmd, &c.builtinLocale, "builtin-locale", "locale, with --locale-provider builtin", "C", "C.UTF-8", "PG_UNICODE_FAST")
	flags.StringArrayVar(&c.parameters, "parameter", nil, "setting of every session in the database, as NAME=VALUE; may be repeated")
	flags.BoolVar(&c.revokePublicConnect, "revoke-public-connect", true, "take from every role of the server the right to connect; an adopted database keeps it unless this is given")
	flags.BoolVar(&c.adopt, "adopt", false, "take over a database of that name which dbtether did not create")
	flags.BoolVar(&c.recreate, "recreate", false, "make the database anew if somebody deleted it")
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
		request := &provision.Request{Recreate: c.recreate}
		if request.Database, err = c.database(ctx, p, namespace, name, given); err != nil {
			return nil, err
		}
		owner, err := c.existingOwner(ctx, p, request.Database)
		if err != nil {
			return nil, err
		}
		if owner != nil {
			request.Users = append(request.Users, owner)
		}
		if c.user == "" || owner != nil && owner.Name == c.user {
			return request, nil
		}
		user := &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: c.user},
			Spec: v1alpha1.DatabaseUserSpec{DatabaseRef: &v1alpha1.DatabaseAccess{Name: name}, Privileges: v1alpha1.Privileges(orDefault(c.privileges, "admin"))}}
		user, err = existingOrValid(ctx, p, user)
		request.Users = append([]*v1alpha1.DatabaseUser{user}, request.Users...)
		return request, err
	})
}

// existingOwner returns the owner of the database if it exists; otherwise it joins the
// owner group when it is created.
func (c *dbCreate) existingOwner(ctx context.Context, p *provision.Provisioner, db *v1alpha1.Database) (*v1alpha1.DatabaseUser, error) {
	if db.Spec.Owner == "" {
		return nil, nil
	}
	owner, err := p.User(ctx, db.Namespace, db.Spec.Owner)
	if isNotFound(err) || err == nil && owner.DeletionTimestamp != nil {
		return nil, nil
	}
	return owner, err
}

// database returns the Database as asked for: the one that exists, if an earlier
// run made it, or a new one that the API server finds valid.
func (c *dbCreate) database(ctx context.Context, p *provision.Provisioner, namespace, name string, given func(string) bool) (*v1alpha1.Database, error) {
	want := &v1alpha1.Database{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: v1alpha1.DatabaseSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: c.cluster}, DatabaseName: c.databaseName,
		DeletionPolicy: v1alpha1.DeletionPolicy(c.deletionPolicy), ConnectionLimit: &c.connectionLimit,
		DeletionProtection: c.deletionProtection, ForceDrop: c.forceDrop, Template: c.template, Encoding: c.encoding,
		LcCollate: c.lcCollate, LcCtype: c.lcCtype, LocaleProvider: c.localeProvider, IcuLocale: c.icuLocale, BuiltinLocale: c.builtinLocale,
		Adopt: c.adopt, Owner: c.owner,
	}}
	var err error
	if want.Spec.Parameters, err = settingValues("parameter", c.parameters); err != nil {
		return nil, err
	}
	if given("revoke-public-connect") {
		want.Spec.RevokePublicConnect = &c.revokePublicConnect
	}
	for _, s := range c.schemas {
		want.Spec.Schemas = append(want.Spec.Schemas, v1alpha1.SchemaName(s))
	}
	for _, e := range c.extensions {
		want.Spec.Extensions = append(want.Spec.Extensions, v1alpha1.Extension(e))
	}
	cluster, err := p.Cluster(ctx, c.cluster)
	if err != nil && !needsRunner(err) {
		return nil, err
	}
	have, err := p.Database(ctx, namespace, name)
	switch {
	case isNotFound(err):
		return want, p.Create(ctx, want, true)
	case err != nil:
		return nil, err
	}
	if have.DeletionTimestamp != nil {
		return nil, beingDeleted(dbKind, name)
	}
	if have.Spec.ClusterRef != want.Spec.ClusterRef || c.databaseName != "" && have.PostgresName(cluster) != c.databaseName {
		return nil, Hinted(fmt.Errorf("Database %q exists already: %q on cluster %q", name, have.PostgresName(cluster), have.Spec.ClusterRef.Name),
			"choose another name, or see it: kubectl dbtether db describe %s", name)
	}
	return have, refuseOther(dbKind, name, given, map[string]bool{
		"schema":                containsAll(have.Spec.Schemas, want.Spec.Schemas),
		"extension":             containsAll(have.Spec.Extensions, want.Spec.Extensions),
		"connection-limit":      *want.Spec.ConnectionLimit == *orNoLimit(have.Spec.ConnectionLimit),
		"deletion-policy":       have.Spec.DeletionPolicy == want.Spec.DeletionPolicy,
		"deletion-protection":   have.Spec.DeletionProtection == want.Spec.DeletionProtection,
		"force-drop":            have.Spec.ForceDrop == want.Spec.ForceDrop,
		"template":              have.Spec.Template == want.Spec.Template,
		"encoding":              have.Spec.Encoding == want.Spec.Encoding,
		"lc-collate":            have.Spec.LcCollate == want.Spec.LcCollate,
		"lc-ctype":              have.Spec.LcCtype == want.Spec.LcCtype,
		"locale-provider":       have.Spec.LocaleProvider == want.Spec.LocaleProvider,
		"icu-locale":            have.Spec.IcuLocale == want.Spec.IcuLocale,
		"builtin-locale":        have.Spec.BuiltinLocale == want.Spec.BuiltinLocale,
		"parameter":             maps.Equal(have.Spec.Parameters, want.Spec.Parameters),
		"owner":                 have.Spec.Owner == want.Spec.Owner,
		"adopt":                 have.Spec.Adopt == want.Spec.Adopt,
		"revoke-public-connect": revokesPublicConnect(have) == c.revokePublicConnect,
	})
}

// revokesPublicConnect fills in the default of spec.revokePublicConnect.
func revokesPublicConnect(db *v1alpha1.Database) bool {
	if db.Spec.RevokePublicConnect == nil {
		return !db.Status.Adopted
	}
	return *db.Spec.RevokePublicConnect
}
