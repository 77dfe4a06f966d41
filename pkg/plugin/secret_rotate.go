package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/notify"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// secretRotate is one call of secret rotate.
type secretRotate struct {
	secretChange
	generator, every string
	length, days     int
	noSchedule       bool
}

func newSecretRotateCommand(env *Environment) *cobra.Command {
	var rotate secretRotate
	cmd := &cobra.Command{
		Use:   "rotate NAME [KEY ...] [flags]",
		Short: "Give keys of a Secret new values, now and every so many days",
		Long: `Generate new values for keys of a Secret, as one new revision; nobody has to see them. A
Secret, or a key, that does not exist is created. Without KEY, the keys that its rotation
rules name get new values.

With --every, the rules are kept in the annotation dbtether.io/rotation of the Secret:
kubectl dbtether reconcile, or the runner, goes by them from then on. All keys of a Secret
are rotated together. --no-schedule takes the rules away, or those of the KEYs, and generates
nothing.

  alnum       letters and digits; --length is in characters
  hex         random bytes in hexadecimal digits; --length is in bytes: twice as many digits
  base64      random bytes; --length is in bytes
  base64url   the same for URLs and file names, without padding
  digits      --length is in characters
  uuid        a random UUID, version 4; it has no length

For the Secret with the credential of a DatabaseUser this is kubectl dbtether user rotate: the
password is replaced in PostgreSQL, too.

Pods that have the values in their environment keep the old ones until they are restarted.`,
		Example: `  kubectl dbtether secret rotate app-secrets SESSION_KEY --reason 'was in a log'
  kubectl dbtether secret rotate app-secrets SESSION_KEY CSRF_KEY --generator base64 --every 30d
  kubectl dbtether secret rotate app-secrets
  kubectl dbtether secret rotate app-secrets --no-schedule`,
		Args:              nameOfSecret("secret rotate", true),
		ValidArgsFunction: completeSecretAndKeys(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := rotate.check(args[1:]); err != nil {
				return err
			}
			return rotate.rotate(cmd.Context(), env, cmd, args[0], args[1:])
		},
	}
	rotate.add(cmd)
	rotate.addGuards(cmd)
	var names []string
	for _, g := range secret.Generators() {
		names = append(names, string(g))
	}
	addChoice(cmd, &rotate.generator, "generator", "what the new values are made of (default alnum, or what the rules say)", names...)
	cmd.Flags().IntVar(&rotate.length, "length", 0, "of the new values (default 32, or what the rules say)")
	cmd.Flags().StringVar(&rotate.every, "every", "", "rotate the keys again after so many `days`, for example 30d")
	cmd.Flags().BoolVar(&rotate.noSchedule, "no-schedule", false, "take the rotation rules away, or those of the KEYs, and generate nothing")
	return cmd
}

// check returns an error of usage. It reads --every.
func (c *secretRotate) check(keys []string) error {
	if err := c.secretChange.check(); err != nil {
		return err
	}
	seen := map[string]bool{}
	for _, key := range keys {
		if err := secret.CheckKey(key); err != nil {
			return withExitCode(err, ExitUsage)
		}
		if seen[key] {
			return Usagef("key %s is named twice", key)
		}
		seen[key] = true
	}
	generates := c.length != 0 || c.generator != ""
	switch {
	case c.noSchedule && (c.every != "" || generates || c.reason != ""):
		return Usagef("--no-schedule generates nothing and writes no revision: leave --every, --length, --generator and --reason out")
	case generates && len(keys) == 0:
		return Hinted(Usagef("--length and --generator are for the keys that are named"), "name them after the Secret")
	}
	if c.every == "" {
		return nil
	}
	var err error
	if c.days, err = parseDays(c.every); err == nil && c.days > secret.MaxRotationDays {
		err = fmt.Errorf("at most %d days", secret.MaxRotationDays)
	}
	if err != nil {
		return Usagef("--every: %w", err)
	}
	return nil
}

// rotate gives the keys new values, or takes rules away. The credential of a DatabaseUser is
// rotated as user rotate does it.
func (c *secretRotate) rotate(ctx context.Context, env *Environment, cmd *cobra.Command, name string, keys []string) error {
	seen, user, err := env.head(ctx, name)
	switch {
	case err != nil:
		return err
	case user != nil:
		return c.credential(ctx, env, cmd, user, keys)
	case !seen.Exists() && (c.noSchedule || len(keys) == 0):
		store, err := env.revisions()
		if err != nil {
			return err
		}
		return noSecret(ctx, store, seen.Namespace, name)
	case c.noSchedule:
		return c.unschedule(ctx, env, seen, keys)
	}
	if err := env.notOfCluster(ctx, seen.Namespace, name); err != nil {
		return err
	}
	kept, _, err := seen.Rotation()
	if err != nil {
		return err
	}
	rules, err := c.rules(kept, keys)
	if err != nil {
		return err
	}
	if len(rules) == 0 {
		return Hinted(Usagef("secret %q has no rotation rules, and no key was named", name),
			"name the keys, with --every 30d also for the future: kubectl dbtether secret rotate %s KEY -n %s", name, seen.Namespace)
	}
	regeneration := revision.Regeneration{Keys: rules, Random: env.Random, Now: env.Now(), Reason: c.reason}
	if c.days > 0 {
		rotation := kept.With(c.days, rules)
		regeneration.Rotation = &rotation
	}
	edit, err := regeneration.Edit(seen)
	if err != nil {
		return err
	}
	c.reason, c.kind = "", notify.Rotated // the edit has the reason
	if err := c.run(ctx, env, edit); err != nil {
		return err
	}
	c.remarkSchedule(env, regeneration.Rotation)
	return nil
}

// rules returns how the keys get their new values: as the flags say, else as the rules of
// the Secret do. The error is one of usage.
func (c *secretRotate) rules(kept secret.Rotation, keys []string) (map[string]secret.Rule, error) {
	if len(keys) == 0 {
		return kept.Keys, nil
	}
	rules := map[string]secret.Rule{}
	for _, key := range keys {
		rule := kept.Keys[key]
		if g := secret.Generator(c.generator); g != "" && g != rule.Generator {
			rule.Generator, rule.Length = g, 0
		}
		if c.length != 0 {
			rule.Length = c.length
		}
		if err := rule.Check(); err != nil {
			return nil, withExitCode(err, ExitUsage)
		}
		rules[key] = rule
	}
	return rules, nil
}

// remarkSchedule says what happens from now on.
func (c *secretRotate) remarkSchedule(env *Environment, rules *secret.Rotation) {
	if rules == nil || c.isDryRun() {
		return
	}
	env.note("%s rotated %s from now on, by kubectl dbtether reconcile or the runner", isOrAre(slices.Sorted(maps.Keys(rules.Keys))), inDays(rules.Days))
}

// isOrAre returns "A is", or "A, B are".
func isOrAre(names []string) string {
	if len(names) == 1 {
		return names[0] + " is"
	}
	return listed(names) + " are"
}

// unschedule takes the rotation rules away, or those of some keys.
func (c *secretRotate) unschedule(ctx context.Context, env *Environment, seen revision.Summary, keys []string) error {
	var left *string
	if len(keys) > 0 {
		kept, _, err := seen.Rotation()
		if err != nil {
			return err
		}
		for _, key := range keys {
			if _, has := kept.Keys[key]; !has {
				return Hinted(fmt.Errorf("the rotation rules of secret %q do not name key %q", seen.Name, key), "they name %s", orDefault(listed(slices.Sorted(maps.Keys(kept.Keys))), "none"))
			}
		}
		if kept = kept.Without(keys...); len(kept.Keys) > 0 {
			text := kept.String()
			left = &text
		}
	}
	said := "has no rotation rules any more"
	if left != nil {
		said = "does not rotate " + listed(keys) + " any more"
	}
	return c.annotate(ctx, env, seen, map[string]*string{v1alpha1.AnnotationRotation: left}, said)
}

// credential rotates the password of a DatabaseUser.
func (c *secretRotate) credential(ctx context.Context, env *Environment, cmd *cobra.Command, user *v1alpha1.DatabaseUser, keys []string) error {
	refused := []string{}
	for _, flag := range []string{"length", "generator", "every", "no-schedule", "reason", "if-revision", "history-limit"} {
		if cmd.Flags().Changed(flag) {
			refused = append(refused, "--"+flag)
		}
	}
	if refused = append(refused, keys...); len(refused) > 0 {
		return Hinted(Usagef("this Secret holds the credential of DatabaseUser %q, whose password is rotated as a whole: leave %s out", user.Name, strings.Join(refused, ", ")),
			"what its password is like, and how often it is rotated, says spec.password and spec.rotation of the DatabaseUser")
	}
	rotate := userRotate{provisioning: provisioning{print: c.print, dryRun: c.dryRun, timeout: c.timeout, wait: true}}
	if !cmd.Flags().Changed("timeout") {
		rotate.timeout = 2 * time.Minute
	}
	return rotate.run(ctx, env, user.Name)
}
