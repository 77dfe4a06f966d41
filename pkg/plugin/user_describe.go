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
		name := a.Name
		if a.Namespace != user.Namespace {
			name = a.Namespace + "/" + a.Name
		}
		text.field("Database", name+" ("+string(a.Privileges)+")")
	}
	text.field("Cluster", user.Status.ClusterName)
	text.field("Name in PostgreSQL", user.CurrentUsername())
	for _, grant := range user.Spec.AdditionalGrants {
		text.field("Granted", join(grant.Privileges)+" on "+join(grant.Tables))
	}
	if len(user.Spec.Settings) > 0 {
		text.field("Settings", pairs(plain(user.Spec.Settings)))
	}
	text.field("Connections", limit(user.Spec.ConnectionLimit))
	text.field("On deletion", string(user.Spec.DeletionPolicy))
	if user.Spec.ExpiresAt != nil {
		text.field("Expires", user.Spec.ExpiresAt.UTC().Format(time.RFC3339))
	}
	text.section("Secret")
	text.field("Name", user.SecretName())
	text.field("Keys", string(user.Spec.SecretTemplate.Format))
	if user.Status.SecretRevision > 0 {
		text.field("Revision", fmt.Sprint(user.Status.SecretRevision))
	}
	describeRotation(text, user.Status.Rotation)
	text.status(object, user.Status.Phase, user.Status.Message, user.Status.ObservedGeneration)
	text.conditions(user.Status.Conditions)
	return text, nil
}

// describeRotation adds where the rotation stands, and who holds the old login back.
func describeRotation(text *description, r *v1alpha1.RotationStatus) {
	if r == nil {
		return
	}
	text.section("Rotation")
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
