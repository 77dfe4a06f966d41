package plugin

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func newUserRevokeCommand(env *Environment) *cobra.Command {
	var revoke userGrant
	cmd := &cobra.Command{
		Use:   "revoke NAME (--database [NAMESPACE/]DATABASE | --table TABLE) [--on-table SELECT,…] [flags]",
		Short: "Take a database, or the privileges on a table, from a user",
		Long: `Take a database from a DatabaseUser, or what it was granted on a table: the resource is
changed, and PostgreSQL with it, after the plan was shown. Its sessions in the database end,
and what it owns there passes to the database's owner group. The last database cannot be
taken: delete the user.`,
		Example: `  kubectl dbtether user revoke reports --database invoices
  kubectl dbtether user revoke reports --database orders --table app.audit`,
		Args:              oneName(userKind),
		ValidArgsFunction: completeNames(env, userKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !anyChanged(cmd, "database", "table") {
				return Usagef("say what to revoke: --database or --table")
			}
			if anyChanged(cmd, "on-table") && !anyChanged(cmd, "table") { // it would be the whole database
				return Usagef("--on-table needs --table")
			}
			return revoke.change(cmd.Context(), env, args[0], revoke.revoke, nil) // one that is gone can be taken, too
		},
	}
	revoke.add(cmd, env)
	return cmd
}

// revoke takes from the user's spec what the flags say.
func (g *userGrant) revoke(user *v1alpha1.DatabaseUser) error {
	if len(g.tables) > 0 {
		return g.revokeTables(user)
	}
	ref, err := g.ref(user)
	if err == nil && ref.Privileges != "" {
		err = Hinted(Usagef("a database is revoked whole, and --database says %q", g.database), "for lower privileges: kubectl dbtether user grant %s --database %s --privileges …", user.Name, ref.Name)
	}
	if err != nil {
		return err
	}
	refs := references(user)
	rest := slices.DeleteFunc(slices.Clone(refs), func(r v1alpha1.DatabaseAccess) bool { return sameDatabase(user, r, ref) })
	switch {
	case len(rest) == len(refs) && (g.found || stillHas(user, ref)):
		return nil // another run has changed the resource, and may have been interrupted
	case len(rest) == len(refs):
		return Hinted(fmt.Errorf("DatabaseUser %q has no database %q", user.Name, g.database), "it has: %s", inWords(user))
	case len(rest) == 0:
		return Hinted(fmt.Errorf("database %q is the only one of DatabaseUser %q", g.database, user.Name), "delete the user: kubectl dbtether user delete %s", user.Name)
	}
	g.found = true
	setReferences(user, rest)
	if slices.ContainsFunc(rest, func(r v1alpha1.DatabaseAccess) bool { return r.Name == ref.Name }) {
		return nil // the grants are about that one of another namespace, too
	}
	user.Spec.AdditionalGrants = slices.DeleteFunc(slices.Clone(user.Spec.AdditionalGrants), func(t v1alpha1.TableGrant) bool { return t.Database == ref.Name })
	return nil
}

// stillHas reports whether the user has a database in PostgreSQL, according to the last run
// that was finished.
func stillHas(user *v1alpha1.DatabaseUser, ref v1alpha1.DatabaseAccess) bool {
	return slices.ContainsFunc(user.Status.Databases, func(a v1alpha1.DatabaseAccessStatus) bool {
		return a.Name == ref.Name && a.Namespace == orDefault(ref.Namespace, user.Namespace)
	})
}

// revokeTables takes the tables, or some privileges on them, from additionalGrants.
func (g *userGrant) revokeTables(user *v1alpha1.DatabaseUser) error {
	gone, err := g.tableGrant(user)
	if err != nil {
		return err
	}
	found := false
	var rest []v1alpha1.TableGrant
	for _, old := range user.Spec.AdditionalGrants {
		if gone.Database != "" && old.Database != "" && old.Database != gone.Database {
			rest = append(rest, old)
			continue
		}
		touched, untouched := old, old
		touched.Tables = slices.DeleteFunc(slices.Clone(old.Tables), func(t v1alpha1.TableName) bool { return !slices.Contains(gone.Tables, t) })
		untouched.Tables = slices.DeleteFunc(slices.Clone(old.Tables), func(t v1alpha1.TableName) bool { return slices.Contains(gone.Tables, t) })
		touched.Privileges = slices.DeleteFunc(slices.Clone(old.Privileges), func(p v1alpha1.TablePrivilege) bool {
			return len(gone.Privileges) == 0 || slices.Contains(gone.Privileges, p)
		})
		found = found || len(touched.Tables) > 0 && len(touched.Privileges) < len(old.Privileges)
		if len(untouched.Tables) > 0 {
			rest = append(rest, untouched)
		}
		if len(touched.Tables) > 0 && len(touched.Privileges) > 0 {
			rest = append(rest, touched)
		}
	}
	settled := user.Status.ObservedGeneration == user.Generation && user.Status.Phase != v1alpha1.PhaseFailed
	if !found && !g.found && settled { // else another run has changed the resource, and may have been interrupted
		what := "anything"
		if len(gone.Privileges) > 0 {
			what = join(gone.Privileges)
		}
		return Hinted(fmt.Errorf("DatabaseUser %q was not granted %s on table %s", user.Name, what, strings.Join(g.tables, ", ")), "see what it has: kubectl dbtether user describe %s", user.Name)
	}
	g.found = g.found || found
	user.Spec.AdditionalGrants = rest
	return nil
}
