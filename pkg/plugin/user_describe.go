package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

func newUserDescribeCommand(env *Environment) *cobra.Command {
	return newDescribeCommand(env, userKind, "Show a user, what it may do and where its credential is", describeUser)
}

func describeUser(_ context.Context, _ *Environment, object *unstructured.Unstructured) (*description, error) {
	user, err := typed[v1alpha1.DatabaseUser](object)
	if err != nil {
		return nil, err
	}
	text := &description{}
	text.metadata(object)
	text.section("User")
	for _, a := range user.Access() {
		text.field("Database", databaseOf(user, a))
	}
	text.field("Cluster", user.Status.ClusterName)
	text.field("Name in PostgreSQL", user.CurrentUsername())
	for _, grant := range user.Spec.AdditionalGrants {
		what := join(grant.Privileges) + " on " + join(grant.Tables)
		if grant.Database != "" {
			what += " in " + grant.Database
		}
		text.field("Granted", what)
	}
	text.settings("Setting", user.Spec.Settings)
	text.field("Connections", limit(user.Spec.ConnectionLimit))
	text.fieldIfSet("Service accounts", strings.Join(user.Spec.ServiceAccounts, ", "))
	if user.Spec.Adopt {
		text.field("Adopts", "a role of that name that is there before")
	}
	text.field("On deletion", string(user.Spec.DeletionPolicy))
	if user.Spec.ExpiresAt != nil {
		text.field("Expires", user.Spec.ExpiresAt.UTC().Format(time.RFC3339))
	}
	describeSecrets(text, user)
	describeRotation(text, user)
	text.status(object, user.Status.Phase, user.Status.Message, user.Status.ObservedGeneration)
	text.conditions(user.Status.Conditions)
	return text, nil
}

// describeSecrets adds where the credential is, and in which form.
func describeSecrets(text *description, user *v1alpha1.DatabaseUser) {
	template := user.Spec.SecretTemplate
	if user.PerDatabase() {
		text.section("Secrets")
		for _, a := range user.Access() {
			text.field("Name", user.SecretNameFor(a.Name)+" (database "+a.Name+")")
		}
	} else {
		text.section("Secret")
		text.field("Name", user.SecretName())
	}
	keys := string(template.Format)
	if template.Format == v1alpha1.FormatCustom {
		names := map[string]string{}
		for field, key := range template.Keys {
			names[field] = string(key)
		}
		keys += ": " + pairs(names)
	}
	text.field("Keys", keys)
	if template.OnConflict != "" && template.OnConflict != v1alpha1.ConflictFail {
		text.field("On conflict", string(template.OnConflict))
	}
	text.field("Password", fmt.Sprintf("%d characters", user.Spec.Password.Length))
	if user.Status.SecretRevision > 0 {
		text.field("Revision", fmt.Sprint(user.Status.SecretRevision))
	}
}

// describeRotation adds when the password is replaced and how, where that stands, and
// who holds the old login back.
func describeRotation(text *description, user *v1alpha1.DatabaseUser) {
	if user.Spec.Rotation == nil && user.Status.Rotation == nil {
		return
	}
	text.section("Rotation")
	if spec := user.Spec.Rotation; spec != nil && spec.Days > 0 {
		text.field("Every", fmt.Sprintf("%d %s", spec.Days, plural("day", int(spec.Days))))
	}
	if strategy := user.Strategy(); strategy == v1alpha1.RotateAlternate {
		text.field("Strategy", fmt.Sprintf("%s, the old login works for %s", strategy, user.GracePeriod()))
	} else {
		text.field("Strategy", string(strategy))
	}
	r := user.Status.Rotation
	if r == nil {
		return
	}
	when := func(name string, t *metav1.Time) {
		if t != nil {
			text.field(name, t.UTC().Format(time.RFC3339))
		}
	}
	when("Last", r.LastTime)
	when("Next", r.NextTime)
	if r.OldUsername != "" {
		text.field("Old login", r.OldUsername)
		when("Until", r.OldUntil)
	}
	if len(r.HeldBy) > 0 {
		text.field("Held by", strings.Join(r.HeldBy, ", "))
	}
}
