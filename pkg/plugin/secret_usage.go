package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// secretUsage is one call of secret usage.
type secretUsage struct {
	orphans bool
	print   printFlags
}

// shownAtMost is how many names a cell of a table has where -o wide is not asked for.
const shownAtMost = 3

func newSecretUsageCommand(env *Environment) *cobra.Command {
	var usage secretUsage
	cmd := &cobra.Command{
		Use:   "usage [NAME | --orphans] [flags]",
		Short: "Show what refers to a Secret, or which Secrets nothing refers to",
		Long: `Show which objects refer to a Secret: running pods and what makes pods (their variables,
files, volumes and image pulls, and the credentials that they ask for), ServiceAccounts,
Ingresses, Gateways, DatabaseUsers, DBClusters, PersistentVolumes, StorageClasses, and Roles
that name it. Of pods it says whether the keys that they name are there: one that is not
keeps a pod from starting. No value is read.

Without a name, it shows how many objects refer to each Secret of the namespace. Pods are
counted with the workload that has made them. Secrets that something needs and that do not
exist are named as warnings.

With --orphans, it shows the Secrets to which nothing refers. Revisions, Helm releases and
tokens are left out. Custom resources of other controllers, and programs that read Secrets
through the API, are not looked at: such a Secret may be in use all the same. What was
looked at, and what could not be, is said on stderr; it exits 0 also then.`,
		Example: `  kubectl dbtether secret usage orders-api-credentials
  kubectl dbtether secret usage
  kubectl dbtether secret usage --orphans -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("%s takes one name, not %d: %s", cmd.CommandPath(), len(args), strings.Join(args, " "))
			}
			return nil
		},
		ValidArgsFunction: completeSecretNames(env),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := usage.print.check(); err != nil {
				return err
			}
			if usage.orphans && len(args) > 0 {
				return Usagef("--orphans is about all Secrets of a namespace: leave %s out", args[0])
			}
			namespace, err := env.Namespace()
			if err != nil {
				return err
			}
			switch {
			case usage.orphans:
				return usage.showOrphans(cmd.Context(), env, namespace)
			case len(args) == 0:
				return usage.showAll(cmd.Context(), env, namespace)
			default:
				return usage.show(cmd.Context(), env, namespace, args[0])
			}
		},
	}
	cmd.Flags().BoolVar(&usage.orphans, "orphans", false, "only Secrets to which nothing that was looked at refers")
	usage.print.add(cmd, []string{"json", "yaml", "wide"})
	return cmd
}

// secretUsageAccount is what usage says of a Secret.
type secretUsageAccount struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// Exists is nil where that could not be looked at, and Keys are where nothing says them.
	Exists    *bool         `json:"exists,omitempty"`
	Type      string        `json:"type,omitempty"`
	Keys      []string      `json:"keys"`
	Consumers []*secretUser `json:"consumers"`
	coverage
}

// show prints what refers to one Secret. That it does not exist is an error where nothing
// refers to it.
func (c *secretUsage) show(ctx context.Context, env *Environment, namespace, name string) error {
	meta, err := env.secretMeta(ctx, namespace, name)
	gone := apierrors.IsNotFound(err)
	if err != nil && !gone && !apierrors.IsForbidden(err) {
		return err
	}
	s, scanErr := env.scanSecretUsers(ctx, namespace)
	if scanErr != nil {
		return scanErr
	}
	users := s.using[name]
	if gone && len(users) == 0 {
		return env.noSuchSecret(ctx, namespace, name, err)
	}
	a := secretUsageAccount{Kind: secretKind.kind, Name: name, Namespace: namespace, Consumers: []*secretUser{}}
	a.Consumers = append(a.Consumers, users...)
	var secret *secretMeta
	if err == nil {
		secret, a.Type, a.Keys = &meta, meta.secretType, meta.keys
	}
	if err == nil || gone {
		exists := !gone
		a.Exists = &exists
	} else {
		env.note("whether the Secret exists could not be looked at: %s", refusal(err))
	}
	s.judge(name, secret, a.Exists != nil)
	a.coverage = s.coverage
	if !c.print.human() {
		err = printDocument(env, c.print.output, a)
	} else {
		err = c.table(env, users)
	}
	if err != nil {
		return err
	}
	for _, broken := range s.broken(name) {
		env.warn("%s", broken)
	}
	if len(users) == 0 {
		env.note("nothing that was looked at refers to Secret %q", name)
		s.coverage.tell(env, "this")
	} else {
		s.coverage.tellMissing(env, "there may be others")
	}
	return nil
}

// table prints a line for each use.
func (c *secretUsage) table(env *Environment, users []*secretUser) error {
	if len(users) == 0 {
		return nil
	}
	rows := [][]string{{"OBJECT", "CONTAINER", "HOW", "KEYS", "STATE"}}
	most := c.most()
	for _, user := range users {
		object := user.Object
		if user.Namespace != "" {
			object += " of " + user.Namespace
		}
		for _, use := range user.Uses {
			keys := "all"
			if len(use.Keys) > 0 {
				keys = shortList(use.Keys, most)
			}
			rows = append(rows, []string{object, use.where(), use.text(most), keys, use.state()})
		}
	}
	return printRows(env.Out, rows)
}

// most is how many names a cell has; 0: all.
func (c *secretUsage) most() int {
	if c.print.output == "wide" {
		return 0
	}
	return shownAtMost
}
