package plugin

import (
	"context"
	"fmt"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// credential rolls back the credential of a DatabaseUser: its login gets the earlier
// password again, in PostgreSQL and in its Secrets.
func (c *secretRollback) credential(ctx context.Context, env *Environment, store revision.Store, now *revision.Standing, to revision.Entry) error {
	if c.limit > 0 {
		return Usagef("the credential of a DatabaseUser keeps as many revisions as every Secret: leave --history-limit out")
	}
	if err := now.Expect(c.expected()); err != nil {
		return err
	}
	user, err := env.credentialOwner(ctx, now.Live.OwnerUID, now.Name, now.Namespace)
	if err != nil {
		return err
	}
	if err := env.notExpired(user); err != nil {
		return err
	}
	r, err := store.ReadRevision(ctx, now.Namespace, now.Name, to.Number)
	if err != nil {
		return err
	}
	if r.OwnerUID != user.UID {
		return Hinted(fmt.Errorf("revision %d of secret %q was not written for DatabaseUser %q", to.Number, now.Name, user.Name),
			"give it a new password instead: kubectl dbtether user rotate %s", user.Name)
	}
	run := provisioning{print: c.print, dryRun: c.dryRun, timeout: c.timeout, own: true,
		done: func(_ *provision.Request, logins []string) string {
			said := fmt.Sprintf("User %s has the password of revision %d again", user.Name, to.Number)
			if len(logins) > 0 {
				said += ", " + logins[0] + " can log in"
			}
			return said
		}}
	return run.provision(ctx, env, func(ctx context.Context, p *provision.Provisioner) (*provision.Request, error) {
		user, err := env.user(ctx, p, user.Name)
		if err != nil {
			return nil, err
		}
		return &provision.Request{Users: []*v1alpha1.DatabaseUser{user}, Restore: &provision.Restore{Revision: to.Number, Seen: now.Revision(),
			Username: string(r.Data["username"]), Password: secret.NewValue(r.Data["password"]), Reason: c.reason}}, nil
	})
}
