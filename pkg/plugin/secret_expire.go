package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// secretExpire is one call of secret expire.
type secretExpire struct {
	secretChange
	at, in string
	never  bool
}

func newSecretExpireCommand(env *Environment) *cobra.Command {
	var expire secretExpire
	cmd := &cobra.Command{
		Use:   "expire NAME (--at TIME | --in SPAN | --never) [flags]",
		Short: "Say until when the values of a Secret are to be used",
		Long: `Say until when the values of a Secret are to be used, in its annotation
dbtether.io/expires-at; its history stays as it is. From that time on kubectl dbtether
reconcile names it, and the runner writes an Event; nothing takes the values away from those
who use them. New values do not change when a Secret expires: say so after you have set them.

For the Secret with the credential of a DatabaseUser it is that user who expires: its login is
closed and its sessions end, and no pod is given the credential any more.

A time in the past is refused: a year that was mistyped would end what runs.`,
		Example: `  kubectl dbtether secret expire app-secrets --in 90d
  kubectl dbtether secret expire app-secrets --at 2026-12-31
  kubectl dbtether secret expire app-secrets --never`,
		Args:              nameOfSecret("secret expire", false),
		ValidArgsFunction: completeSecretNames(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := expire.check(); err != nil {
				return err
			}
			at, err := expire.time(env.Now())
			if err != nil {
				return err
			}
			return expire.expire(cmd.Context(), env, args[0], at)
		},
	}
	expire.print.add(cmd, []string{"json", "yaml", "name"})
	expire.dryRun.add(cmd)
	cmd.Flags().StringVar(&expire.at, "at", "", "the `time`, for example 2026-12-31T12:00:00Z, or a day: when it begins, in UTC")
	cmd.Flags().StringVar(&expire.in, "in", "", "the time from now, for example 90d or 12h")
	cmd.Flags().BoolVar(&expire.never, "never", false, "it does not expire")
	expire.addIfRevision(cmd)
	cmd.Flags().DurationVar(&expire.timeout, "timeout", time.Minute, "how long it may take")
	return cmd
}

// time returns when it is to expire; zero: never.
func (c *secretExpire) time(now time.Time) (time.Time, error) {
	given := 0
	for _, one := range []bool{c.at != "", c.in != "", c.never} {
		if one {
			given++
		}
	}
	var at time.Time
	switch {
	case given != 1:
		return at, Usagef("say when: one of --at, --in and --never")
	case c.never:
		return at, nil
	case c.in != "":
		span, err := parseSpan(c.in)
		if err != nil {
			return at, Usagef("--in: %w", err)
		}
		at = now.Add(span)
	default:
		var err error
		if at, err = time.Parse(time.RFC3339, c.at); err != nil {
			at, err = time.Parse(time.DateOnly, c.at)
		}
		if err != nil {
			return at, Usagef("--at: %q is no time like 2026-12-31T12:00:00Z, and no day like 2026-12-31", c.at)
		}
	}
	if at = at.UTC().Truncate(time.Second); !at.After(now) {
		return at, Hinted(Usagef("%s lies in the past", at.Format(time.RFC3339)), "what is not to be used any more from now on: --in 1m")
	}
	return at, nil
}

// expire sets when the Secret expires, or the DatabaseUser whose credential it holds; zero:
// never.
func (c *secretExpire) expire(ctx context.Context, env *Environment, name string, at time.Time) error {
	seen, user, err := env.head(ctx, name)
	if err != nil {
		return err
	}
	if user != nil {
		return c.user(ctx, env, user, at)
	}
	var value *string
	if !at.IsZero() {
		text := at.Format(time.RFC3339)
		value = &text
	}
	return c.annotate(ctx, env, seen, map[string]*string{v1alpha1.AnnotationExpiresAt: value}, expiry(at))
}

// expiry returns "expires at …", or "never expires".
func expiry(at time.Time) string {
	if at.IsZero() {
		return "never expires"
	}
	return "expires at " + at.Format(time.RFC3339)
}

// user sets when a DatabaseUser expires, by a patch of nothing else.
func (c *secretExpire) user(ctx context.Context, env *Environment, user *v1alpha1.DatabaseUser, at time.Time) error {
	if c.ifRevision != anyRevision {
		return Usagef("this Secret holds the credential of DatabaseUser %q, which expires as a whole: leave --if-revision out", user.Name)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var value any
	if !at.IsZero() {
		value = at.Format(time.RFC3339)
	}
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": user.UID}, "spec": map[string]any{"expiresAt": value}})
	if err != nil {
		return err
	}
	client, err := env.client(userKind, user.Namespace)
	if err != nil {
		return err
	}
	said, has := expiry(at), user.Spec.ExpiresAt
	if has == nil && at.IsZero() || has != nil && has.Time.Equal(at) {
		said = outcomeUnchanged
	}
	var after *unstructured.Unstructured
	if said == outcomeUnchanged || c.dryRun.client() {
		after, err = env.get(ctx, userKind, user.Namespace, user.Name)
	} else {
		after, err = client.Patch(ctx, user.Name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: v1alpha1.FieldManager, DryRun: c.dryRun.options()})
	}
	if err != nil {
		return err
	}
	if c.print.output != "" {
		return c.print.print(env, after, "")
	}
	if _, err := fmt.Fprintln(env.Out, c.dryRun.said(userKind.object(user.Name)+" "+said)); err != nil {
		return err
	}
	if said != outcomeUnchanged && !at.IsZero() {
		env.note("its login is closed at that time, and its sessions end; PostgreSQL is told by the runner, or by kubectl dbtether reconcile user/%s", user.Name)
	}
	return nil
}

// remarkExpiry says that a Secret that was written has expired: new values do not change
// that by themselves.
func remarkExpiry(env *Environment, namespace, name string, annotations map[string]string) {
	now := revision.Summary{ObjectMeta: metav1.ObjectMeta{Annotations: annotations}}
	if at := now.ExpiredAt(env.Now()); !at.IsZero() {
		env.note("secret %q has expired at %s, and stays so: kubectl dbtether secret expire %s -n %s --in 90d, or --never", name, at.UTC().Format(time.RFC3339), name, namespace)
	}
}
