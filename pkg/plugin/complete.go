package plugin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// completionTimeout is how long a shell waits for names after Tab.
const completionTimeout = 3 * time.Second

// completeNames completes the first argument, or the value of a flag, with the
// names of objects.
func completeNames(env *Environment, k kind) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return env.names(cmd.Context(), k, begun), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeObjects completes each argument with db/NAME or user/NAME of what is not
// named so far.
func completeObjects(env *Environment) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		var objects []string
		for _, k := range []kind{dbKind, userKind} {
			for _, name := range env.names(cmd.Context(), k, "") {
				if object := k.noun + "/" + name; strings.HasPrefix(object, begun) && !slices.Contains(args, object) {
					objects = append(objects, object)
				}
			}
		}
		return objects, cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlagNames completes the value of a flag with the names of objects.
func completeFlagNames(cmd *cobra.Command, env *Environment, flag string, k kind) {
	must(cmd.RegisterFlagCompletionFunc(flag, func(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		return env.names(cmd.Context(), k, begun), cobra.ShellCompDirectiveNoFileComp
	}))
}

// completing bounds the context of a completion; cobra may start one without a context.
func completing(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx == nil {
		ctx = context.Background()
	}
	return context.WithTimeout(ctx, completionTimeout)
}

// names returns the names of the objects of a kind that begin with begun. Where they
// cannot be read it returns none: an error has no place in a line that is being typed.
func (e *Environment) names(ctx context.Context, k kind, begun string) []string {
	ctx, cancel := completing(ctx)
	defer cancel()
	namespace, err := e.namespaceOf(k)
	if err != nil {
		return nil
	}
	list, err := e.list(ctx, k, namespace, metav1.ListOptions{})
	if err != nil {
		return nil
	}
	var names []string
	for _, item := range list.Items {
		if strings.HasPrefix(item.GetName(), begun) {
			names = append(names, item.GetName())
		}
	}
	return names
}

// completeFlag completes the value of a flag with words. After a word that ends
// in = the user goes on typing.
func completeFlag(cmd *cobra.Command, flag string, words ...string) {
	must(cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
		var fitting []string
		directive := cobra.ShellCompDirectiveNoFileComp
		for _, word := range words {
			if strings.HasPrefix(word, begun) {
				fitting = append(fitting, word)
			}
		}
		if len(fitting) == 1 && strings.HasSuffix(fitting[0], "=") {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return fitting, directive
	}))
}

// must panics on an error that only a wrong program causes: a completion for a
// flag that the command does not have.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
