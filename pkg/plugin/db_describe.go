package plugin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func newDBDescribeCommand(env *Environment) *cobra.Command {
	return newDescribeCommand(env, dbKind, "Show a database and its users", describeDB)
}

func describeDB(ctx context.Context, env *Environment, object *unstructured.Unstructured) (*description, error) {
	database, err := typed[v1alpha1.Database](object)
	if err != nil {
		return nil, err
	}
	text := &description{}
	text.metadata(object)
	text.section("Database")
	text.field("Cluster", database.Spec.ClusterRef.Name)
	text.field("Name in PostgreSQL", database.PostgresName(env.clusterIfKnown(ctx, database.Spec.ClusterRef.Name)))
	text.fieldIfSet("Template", database.Spec.Template)
	text.fieldIfSet("Encoding", database.Spec.Encoding)
	text.fieldIfSet("Locale", localeOf(database))
	text.field("Schemas", join(database.Spec.Schemas))
	text.field("Extensions", join(database.Spec.Extensions))
	text.field("Owner", database.Spec.Owner)
	text.settings("Parameter", database.Spec.Parameters)
	text.field("Connections", limit(database.Spec.ConnectionLimit))
	if !revokesPublicConnect(database) {
		text.field("PUBLIC", "keeps the right to connect")
	}
	describeLife(text, database)
	text.status(object, database.Status.Phase, database.Status.Message, database.Status.ObservedGeneration)
	text.conditions(database.Status.Conditions)
	return text, describeUsers(ctx, env, text, database)
}

// localeOf says what the spec says of the locale; empty: nothing.
func localeOf(database *v1alpha1.Database) string {
	var parts []string
	for _, part := range []struct{ name, value string }{
		{"provider", database.Spec.LocaleProvider}, {"locale", database.Spec.IcuLocale + database.Spec.BuiltinLocale},
		{"collation", database.Spec.LcCollate}, {"character classes", database.Spec.LcCtype},
	} {
		if part.value != "" {
			parts = append(parts, part.name+" "+part.value)
		}
	}
	return strings.Join(parts, ", ")
}

// describeLife adds where the database came from, and how it ends.
func describeLife(text *description, database *v1alpha1.Database) {
	switch {
	case database.Status.Adopted:
		text.field("Adopted", "it was there before")
	case database.Spec.Adopt:
		text.field("Adopts", "a database of that name that is there before")
	}
	if made := database.Status.ProvisionedTime; made != nil {
		text.field("Provisioned", made.UTC().Format(time.RFC3339))
	}
	ends := string(database.Spec.DeletionPolicy)
	if database.Spec.ForceDrop {
		ends += ", its sessions end"
	}
	text.field("On deletion", ends)
	if database.Spec.DeletionProtection {
		text.field("Protection", "may not be deleted")
	}
}

// describeUsers adds the DatabaseUsers of a database, those of other namespaces by
// namespace/name, as far as the caller may list them.
func describeUsers(ctx context.Context, env *Environment, text *description, database *v1alpha1.Database) error {
	p, err := env.provisioner(&progress{})
	if err != nil {
		return err
	}
	users, err := p.UsersOf(ctx, database)
	if err != nil {
		return err
	}
	text.section("Users")
	for n, user := range users {
		if n == 0 {
			text.row("NAME", "USERNAME", "PRIVILEGES", "SECRET", "PHASE")
		}
		name, secret := seenFrom(database.Namespace, user.Namespace, user.Name), seenFrom(database.Namespace, user.Namespace, secretFor(user, database.Name))
		i := slices.IndexFunc(user.Access(), func(a v1alpha1.DatabaseAccess) bool {
			return a.Name == database.Name && a.Namespace == database.Namespace
		})
		text.row(name, user.CurrentUsername(), string(user.Access()[i].Privileges), secret, user.Status.Phase)
	}
	return nil
}
