package plugin

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/revision"
)

// completeSecretNames completes the first argument with the names of Secrets, revisions
// left out.
func completeSecretNames(env *Environment) cobra.CompletionFunc {
	return completeUpTo(env, 1, env.secretNames)
}

// completeSomeSecretNames does the same for each of at most that many arguments, or of any
// number for 0, and leaves out those that are named already.
func completeSomeSecretNames(env *Environment, most int) cobra.CompletionFunc {
	return completeUpTo(env, most, env.secretNames)
}

// completeUpTo completes each of at most that many arguments, or of any number for 0, with
// those of the words of the current namespace that no argument has.
func completeUpTo(env *Environment, most int, words func(context.Context, string) ([]string, error)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if most > 0 && len(args) >= most {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return env.complete(cmd.Context(), args, begun, words)
	}
}

// completeSecretAndKeys completes the name of a Secret, and after it its keys.
func completeSecretAndKeys(env *Environment) cobra.CompletionFunc {
	names, keys := completeSecretNames(env), completeSecretKeys(env)
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return names(cmd, args, begun)
		}
		return keys(cmd, args, begun)
	}
}

// completeAssignments completes the name of a Secret, and after it KEY= of its keys, where
// the user goes on typing.
func completeAssignments(env *Environment) cobra.CompletionFunc {
	complete := completeSecretAndKeys(env)
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if strings.Contains(begun, "=") {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		found, directive := complete(cmd, args, begun)
		if len(args) == 0 {
			return found, directive
		}
		for i := range found {
			found[i] += "="
		}
		return found, directive | cobra.ShellCompDirectiveNoSpace
	}
}

// completeDeletedSecrets completes the first argument with the names of Secrets of which
// only revisions are left.
func completeDeletedSecrets(env *Environment) cobra.CompletionFunc {
	return completeUpTo(env, 1, env.deletedSecrets)
}

// deletedSecrets returns the names of the Secrets of a namespace of which only revisions
// are left. It reads metadata only.
func (e *Environment) deletedSecrets(ctx context.Context, namespace string) ([]string, error) {
	there, err := e.secretNames(ctx, namespace)
	if err != nil {
		return nil, err
	}
	revisions, err := secretKind.names(ctx, e, namespace, metav1.ListOptions{LabelSelector: v1alpha1.LabelRevisionOf})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range revisions {
		if name := v1alpha1.LiveSecret(r); !slices.Contains(there, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// completeKeyList completes the value of --keys, a list with commas: its last word, with
// those keys of the named Secret that the list does not have.
func completeKeyList(cmd *cobra.Command, env *Environment) {
	complete := completeSecretKeys(env)
	must(cmd.RegisterFlagCompletionFunc("keys", func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		last := strings.LastIndex(begun, ",") + 1
		there := append([]string{args[0]}, strings.Split(begun[:last], ",")...)
		found, directive := complete(cmd, there, begun[last:])
		for i := range found {
			found[i] = begun[:last] + found[i]
		}
		return found, directive
	}))
}

// completeRevisionFlag completes the value of a flag with the revisions of the Secret that
// is named first.
func completeRevisionFlag(cmd *cobra.Command, env *Environment, flag string) {
	must(cmd.RegisterFlagCompletionFunc(flag, completeRevisions(env)))
}

// completeSecretKeys completes an argument after the name of a Secret, or the value of a
// flag, with those of its keys that no argument names. It reads metadata only.
func completeSecretKeys(env *Environment) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var there []string
		for _, arg := range args[1:] {
			key, _, _ := strings.Cut(arg, "=")
			there = append(there, key)
		}
		return env.complete(cmd.Context(), there, begun, func(ctx context.Context, namespace string) ([]string, error) {
			meta, err := env.secretMeta(ctx, namespace, args[0])
			return meta.keys, err
		})
	}
}

// completeRevisions completes an argument after the name of a Secret, or the value of a
// flag, with the numbers of its revisions that no argument names, newest first.
func completeRevisions(env *Environment) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) == 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		numbers, directive := env.complete(cmd.Context(), args[1:], begun, func(ctx context.Context, namespace string) ([]string, error) {
			return env.revisionNumbers(ctx, namespace, args[0])
		})
		return numbers, directive | cobra.ShellCompDirectiveKeepOrder
	}
}

// revisionNumbers returns the numbers of a Secret's revisions, newest first.
func (e *Environment) revisionNumbers(ctx context.Context, namespace, name string) ([]string, error) {
	names, err := secretKind.names(ctx, e, namespace, metav1.ListOptions{LabelSelector: revision.Selector(name)})
	if err != nil {
		return nil, err
	}
	var numbers []int64
	for _, n := range names {
		text, ok := strings.CutPrefix(n, name+".v")
		// Another long name may have the same label.
		if number, err := strconv.ParseInt(text, 10, 64); ok && err == nil {
			numbers = append(numbers, number)
		}
	}
	slices.Sort(numbers)
	slices.Reverse(numbers)
	all := make([]string, len(numbers))
	for i, number := range numbers {
		all[i] = strconv.FormatInt(number, 10)
	}
	return all, nil
}

// complete returns those of the words of the current namespace that begin with begun and
// are not among there, what has been typed before. As names does, it returns none where
// they cannot be read.
func (e *Environment) complete(ctx context.Context, there []string, begun string, words func(context.Context, string) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := completing(ctx)
	defer cancel()
	namespace, err := e.Namespace()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, err := words(ctx, namespace)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	fitting := slices.DeleteFunc(all, func(word string) bool { return !strings.HasPrefix(word, begun) || slices.Contains(there, word) })
	return fitting, cobra.ShellCompDirectiveNoFileComp
}
