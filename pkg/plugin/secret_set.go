package plugin

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
	"github.com/dbtether/kubectl-dbtether/pkg/secret"
)

// secretSet is one call of secret set.
type secretSet struct {
	secretChange
	replace    bool
	secretType string
}

func newSecretSetCommand(env *Environment) *cobra.Command {
	var set secretSet
	cmd := &cobra.Command{
		Use:   "set NAME KEY=- | KEY=@FILE | KEY | KEY=VALUE | KEY- ... [flags]",
		Short: "Set keys of a Secret, and remove some",
		Long: `Set keys of a Secret of this namespace; its other keys stay, unless --replace is given. A
Secret that does not exist is created. What it held before stays in its history, also what
something else has written into it meanwhile.

  KEY=-       the value is read from stdin, less one line end
  KEY=@FILE   the bytes of a file, as they are
  KEY         asks for the value, without showing it
  KEY=VALUE   the value itself; others of this machine can see it, and your shell keeps it
  KEY-        removes the key

Two who write at the same time do not undo each other: the second writes on top of the
first. With --if-revision it is refused instead, and told who was first. Setting what a
Secret holds already writes nothing.`,
		Example: `  kubectl dbtether secret set app-secrets API_TOKEN
  openssl rand -hex 32 | kubectl dbtether secret set app-secrets SESSION_KEY=- --reason 'first of the quarter'
  kubectl dbtether secret set app-tls tls.crt=@cert.pem tls.key=@key.pem --type kubernetes.io/tls
  kubectl dbtether secret set app-secrets OLD_TOKEN-`,
		Args:              nameAndMore("secret set", "KEY=-"),
		ValidArgsFunction: completeAssignments(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := set.check(); err != nil {
				return err
			}
			if kind := corev1.SecretType(set.secretType); revision.IsForeignType(kind) || kind == v1alpha1.SecretTypeRevision {
				return Usagef("--type %s is that of Secrets which others write", kind)
			}
			assignments, err := parseAssignments(args[1:])
			if err != nil {
				return err
			}
			return set.run(cmd.Context(), env, args[0], assignments)
		},
	}
	set.add(cmd)
	set.addGuards(cmd)
	cmd.Flags().BoolVar(&set.replace, "replace", false, "remove all other keys")
	cmd.Flags().StringVar(&set.secretType, "type", "", "the type of a new Secret (default Opaque)")
	completeFlag(cmd, "type", string(corev1.SecretTypeOpaque), string(corev1.SecretTypeBasicAuth), string(corev1.SecretTypeTLS), string(corev1.SecretTypeSSHAuth), string(corev1.SecretTypeDockerConfigJson))
	return cmd
}

// assignment is an argument of secret set.
type assignment struct {
	key string
	// source is what follows the = sign; prompt and remove are the forms without one.
	source         string
	prompt, remove bool
}

// parseAssignments reads the arguments. Its errors are of usage.
func parseAssignments(args []string) ([]assignment, error) {
	var all []assignment
	seen := map[string]bool{}
	fromStdin := "" // the key whose value is read from there
	for i, arg := range args {
		key, source, assigned := strings.Cut(arg, "=")
		a := assignment{key: key, source: source, prompt: !assigned}
		if trimmed, removes := strings.CutSuffix(arg, "-"); !assigned && removes {
			a = assignment{key: trimmed, remove: true}
		}
		if secret.CheckKey(a.key) != nil { // it may be a value, in the wrong place
			return nil, Hinted(Usagef("argument %d after the name is none of KEY=-, KEY=@FILE, KEY=VALUE, KEY and KEY-", i+1), "%s", (&secret.KeyError{}).Hint())
		}
		if seen[a.key] {
			return nil, Usagef("key %s is named twice", a.key)
		}
		seen[a.key] = true
		if assigned && source == "-" {
			if fromStdin != "" {
				return nil, Hinted(Usagef("%s and %s cannot both be read from stdin", fromStdin, key), "pass one of them as %s=@FILE", key)
			}
			fromStdin = key
		}
		all = append(all, a)
	}
	return all, nil
}

// read returns the value of an assignment.
func (a assignment) read(ctx context.Context, env *Environment) (string, error) {
	source := valueSource{a.key, a.key + "=-", a.key + "=@FILE"}
	switch {
	case a.prompt:
		return env.promptedValue(ctx, source, a.key)
	case a.source == "": // an empty value is no secret
		return "", nil
	default:
		return env.passedValue(source, a.source)
	}
}

// run reads the values, from stdin, files or a prompt, and writes them.
func (c *secretSet) run(ctx context.Context, env *Environment, name string, assignments []assignment) error {
	namespace, err := env.Namespace()
	if err != nil {
		return err
	}
	values, removed := secret.Data{}, []string{}
	for _, a := range assignments {
		if a.remove {
			removed = append(removed, a.key)
		}
	}
	if c.replace && len(removed) > 0 { // before anybody is asked for a value
		return Usagef("--replace removes all other keys: leave %s- out", removed[0])
	}
	for _, a := range assignments {
		if a.remove {
			continue
		}
		value, err := a.read(ctx, env)
		if err != nil {
			return err
		}
		values[a.key] = []byte(value)
	}
	return c.secretChange.run(ctx, env, revision.Edit{Namespace: namespace, Name: name, Type: corev1.SecretType(c.secretType),
		Change: func(now *revision.Standing) (secret.Data, error) {
			if c.replace {
				return values, nil
			}
			var held secret.Data
			if now.Live != nil {
				held = now.Live.Data
			}
			if err := hasKeys(now.Name, held, removed); err != nil {
				return nil, err
			}
			return held.Merge(values, removed...), nil
		}})
}
