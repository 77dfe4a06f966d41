package plugin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
)

// userRotate is one call of user rotate.
type userRotate struct {
	force, restart bool
	provisioning
}

func newUserRotateCommand(env *Environment) *cobra.Command {
	var rotate userRotate
	cmd := &cobra.Command{
		Use:   "rotate NAME [flags]",
		Short: "Give a user a new password",
		Long: `Replace the password of a DatabaseUser, in PostgreSQL and in its Secret. By default (strategy
Alternate) a second login gets the new password and the same rights, and the old one works
until the grace period is over and no running pod was injected with it; reconcile ends it
then. With strategy InPlace the one login gets a new password, and its sessions end.

With --restart, what has the old credential in its environment is restarted afterwards, as
by kubectl rollout restart: the Deployments, StatefulSets and DaemonSets of the user's
namespace whose running pods were injected with it. Pods that have it as files need nothing.
What cannot be restarted is named. Workloads whose pod template is annotated
dbtether.io/on-rotate: restart are restarted in any case, by whoever rotates.

Interrupted, the same command completes the rotation that it began, and its restarts. Where
the runner rotates, a restart that was interrupted is for kubectl rollout restart: the
rotation has been answered, and the same command would ask for another one.`,
		Example: `  kubectl dbtether user rotate orders-api

  # And have what runs with the old password begin anew
  kubectl dbtether user rotate orders-api --restart`,
		Args:              oneName(userKind),
		ValidArgsFunction: completeNames(env, userKind),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rotate.restart && !rotate.wait {
				return Usagef("--restart waits for the rotation: leave --wait=false out")
			}
			return rotate.run(cmd.Context(), env, args[0])
		},
	}
	cmd.Flags().BoolVar(&rotate.force, "force", false, "end the old login of the rotation before this one now")
	cmd.Flags().BoolVar(&rotate.restart, "restart", false, "restart the workloads that have the old credential in their environment")
	rotate.provisioning.add(cmd)
	return cmd
}

func (c *userRotate) run(ctx context.Context, env *Environment, name string) error {
	c.done = func(request *provision.Request, logins []string) string {
		said := "User " + name + " has a new password"
		if len(logins) > 0 {
			said += ", " + logins[0] + " can log in"
		}
		return said
	}
	return c.provision(ctx, env, func(ctx context.Context, p *provision.Provisioner) (*provision.Request, error) {
		user, err := env.user(ctx, p, name)
		if err != nil {
			return nil, err
		}
		if err := env.notExpired(user); err != nil {
			return nil, err
		}
		request := &provision.Request{Users: []*v1alpha1.DatabaseUser{user}, EndGrace: c.force, Rotate: true, Restart: c.restart, Edit: askRotation(env.Now)}
		return request, nil
	})
}

// askRotation returns the edit that asks for a rotation. It changes nothing where the user,
// as the first call saw it, waits for a rotation already: a run that was interrupted, or is
// under way, asked for it, and this command completes that one. It changes nothing either
// where another run has asked for one, or finished one, since the first call.
func askRotation(now func() time.Time) provision.Edit {
	var seen *v1alpha1.DatabaseUser
	return func(user *v1alpha1.DatabaseUser) ([]byte, error) {
		if seen == nil {
			seen = user.DeepCopy()
		}
		asked := v1alpha1.RotationRequest(user.Annotations)
		if isUnanswered(seen) || asked != v1alpha1.RotationRequest(seen.Annotations) || answeredRotation(user) != answeredRotation(seen) {
			return nil, nil
		}
		return json.Marshal(map[string]any{"metadata": map[string]any{"uid": user.UID, "annotations": map[string]any{
			v1alpha1.AnnotationRotate: now().UTC().Format(time.RFC3339Nano)}}})
	}
}

// isUnanswered reports whether a rotation is asked for that no run has finished.
func isUnanswered(user *v1alpha1.DatabaseUser) bool {
	asked := v1alpha1.RotationRequest(user.Annotations)
	return asked != "" && (user.Status.Rotation == nil || user.Status.Rotation.Request != asked)
}

// answeredRotation returns the request for a rotation that was finished last. The time of
// the last new password would not do: a rollback sets that, too.
func answeredRotation(user *v1alpha1.DatabaseUser) string {
	if user.Status.Rotation == nil {
		return ""
	}
	return user.Status.Rotation.Request
}
