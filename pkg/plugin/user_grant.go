package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// userGrant is one call of user grant or user revoke.
type userGrant struct {
	database   string
	privileges string
	tables     []string
	on         []string
	// found is whether an earlier call of revoke found what is to be revoked: another run may
	// revoke it between two calls, and that is no error.
	found bool
	provisioning
}

func newUserGrantCommand(env *Environment) *cobra.Command {
	var grant userGrant
	cmd := &cobra.Command{
		Use:   "grant NAME [--database [NAMESPACE/]DATABASE] [--privileges PRIVILEGES] [--table TABLE --on-table SELECT,…] [flags]",
		Short: "Give a user another database, other privileges, or a table",
		Long: `Change what a DatabaseUser may do: the resource is changed, and PostgreSQL with it, after the
plan was shown. Privileges that are lower than before take effect at once: sessions that
could do more end.`,
		Example: `  # Another database for the user
  kubectl dbtether user grant reports --database invoices

  # More, or less, in the database that it has
  kubectl dbtether user grant reports --database orders --privileges readwrite

  # One table beyond that
  kubectl dbtether user grant reports --database orders --table app.audit --on-table INSERT`,
		Args:              oneName(userKind),
		ValidArgsFunction: completeNames(env, userKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !anyChanged(cmd, "database", "privileges", "table") {
				return Usagef("say what to grant: --database, --privileges or --table")
			}
			if cmd.Flags().Changed("table") != cmd.Flags().Changed("on-table") {
				return Usagef("--table and --on-table go together")
			}
			return grant.change(cmd.Context(), env, args[0], grant.grant, env.databaseThere)
		},
	}
	grant.add(cmd, env)
	addChoice(cmd, &grant.privileges, "privileges", "what the user may do in --database, or everywhere", "readonly", "readwrite", "admin")
	return cmd
}

func (g *userGrant) add(cmd *cobra.Command, env *Environment) {
	flags := cmd.Flags()
	flags.StringVar(&g.database, "database", "", "the Database that it is about, as NAME or NAMESPACE/NAME")
	flags.StringSliceVar(&g.tables, "table", nil, "table or view, as NAME in the schema public or SCHEMA.NAME; may be repeated")
	flags.StringSliceVar(&g.on, "on-table", nil, "privileges on --table: SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER")
	g.provisioning.add(cmd)
	completeFlagNames(cmd, env, "database", dbKind)
}

func anyChanged(cmd *cobra.Command, flags ...string) bool {
	return slices.ContainsFunc(flags, cmd.Flags().Changed)
}

// change provisions the user with the spec that edit makes. check, unless it is nil,
// returns an error about the Database that the flags name.
func (g *userGrant) change(ctx context.Context, env *Environment, name string, edit func(*v1alpha1.DatabaseUser) error,
	check func(ctx context.Context, p *provision.Provisioner, namespace, database string) error,
) error {
	g.done = func(request *provision.Request, _ []string) string {
		return fmt.Sprintf("User %s: %s", name, inWords(request.Users[0]))
	}
	return g.provision(ctx, env, func(ctx context.Context, p *provision.Provisioner) (*provision.Request, error) {
		user, err := env.user(ctx, p, name)
		if err != nil {
			return nil, err
		}
		request := &provision.Request{Users: []*v1alpha1.DatabaseUser{user}, Edit: func(user *v1alpha1.DatabaseUser) ([]byte, error) {
			changed := user.DeepCopy()
			if err := edit(changed); err != nil {
				return nil, err
			}
			return specPatch(user, changed)
		}}
		if _, err := request.Edit(user); err != nil || g.database == "" || check == nil {
			return request, err
		}
		ref, _ := parseAccess(g.database)
		return request, check(ctx, p, orDefault(ref.Namespace, user.Namespace), ref.Name)
	})
}

// specPatch returns the JSON merge patch (RFC 7396) between two users' references,
// privileges and grants, bound to the version that was read; nil if they are the same.
func specPatch(before, after *v1alpha1.DatabaseUser) ([]byte, error) {
	fields := func(u *v1alpha1.DatabaseUser) map[string]any {
		return map[string]any{"databaseRef": u.Spec.DatabaseRef, "databaseRefs": u.Spec.DatabaseRefs,
			"privileges": u.Spec.Privileges, "additionalGrants": u.Spec.AdditionalGrants}
	}
	old, spec := fields(before), map[string]any{}
	for name, value := range fields(after) {
		was, err := json.Marshal(old[name])
		if err != nil {
			return nil, err
		}
		is, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		if string(was) != string(is) {
			spec[name] = json.RawMessage(is)
		}
	}
	if len(spec) == 0 {
		return nil, nil
	}
	return json.Marshal(map[string]any{"spec": spec, "metadata": map[string]any{"uid": before.UID, "resourceVersion": before.ResourceVersion}})
}

// grant adds to the user's spec what the flags say.
func (g *userGrant) grant(user *v1alpha1.DatabaseUser) error {
	if len(g.tables) > 0 {
		if g.privileges != "" {
			return Usagef("--privileges is about databases, --on-table about tables: grant one at a time")
		}
		return g.grantTables(user)
	}
	if g.database == "" { // everywhere: no reference keeps others
		user.Spec.Privileges = v1alpha1.Privileges(g.privileges)
		refs := references(user)
		for i := range refs {
			refs[i].Privileges = ""
		}
		setReferences(user, refs)
		return nil
	}
	ref, err := g.ref(user)
	if err != nil {
		return err
	}
	refs := references(user)
	i := slices.IndexFunc(refs, func(r v1alpha1.DatabaseAccess) bool { return sameDatabase(user, r, ref) })
	switch {
	case i < 0:
		refs = append(refs, ref)
	case ref.Privileges != "":
		refs[i].Privileges = ref.Privileges
	}
	setReferences(user, refs)
	return nil
}

// ref reads --database and --privileges. The user's own namespace is left out, as in a
// manifest.
func (g *userGrant) ref(user *v1alpha1.DatabaseUser) (v1alpha1.DatabaseAccess, error) {
	ref, err := parseAccess(g.database)
	if ref.Namespace == user.Namespace {
		ref.Namespace = ""
	}
	if g.privileges != "" {
		ref.Privileges = v1alpha1.Privileges(g.privileges)
	}
	return ref, err
}

// grantTables adds an entry to additionalGrants, or the privileges to the entry about the
// same tables.
func (g *userGrant) grantTables(user *v1alpha1.DatabaseUser) error {
	grant, err := g.tableGrant(user)
	if err != nil {
		return err
	}
	for i := range user.Spec.AdditionalGrants {
		old := &user.Spec.AdditionalGrants[i]
		if old.Database != grant.Database || !slices.Equal(slices.Sorted(slices.Values(old.Tables)), slices.Sorted(slices.Values(grant.Tables))) {
			continue
		}
		for _, p := range grant.Privileges {
			if !slices.Contains(old.Privileges, p) {
				old.Privileges = append(old.Privileges, p)
			}
		}
		return nil
	}
	user.Spec.AdditionalGrants = append(user.Spec.AdditionalGrants, grant)
	return nil
}

// tableGrant reads --database, --table and --on-table. The database is left out where the
// user has only one; another one is then an error.
func (g *userGrant) tableGrant(user *v1alpha1.DatabaseUser) (v1alpha1.TableGrant, error) {
	var grant v1alpha1.TableGrant
	if g.database != "" {
		ref, err := parseAccess(g.database)
		if err != nil {
			return grant, err
		}
		grant.Database = ref.Name
		if len(references(user)) == 1 { // it has no other that could be meant
			grant.Database = ""
			if !user.Refers(orDefault(ref.Namespace, user.Namespace), ref.Name) {
				return grant, Hinted(fmt.Errorf("DatabaseUser %q has no database %q", user.Name, g.database), "it has: %s", inWords(user))
			}
		}
	}
	for _, t := range g.tables {
		grant.Tables = append(grant.Tables, v1alpha1.TableName(t))
	}
	for _, p := range g.on {
		grant.Privileges = append(grant.Privileges, v1alpha1.TablePrivilege(strings.ToUpper(p)))
	}
	return grant, nil
}
