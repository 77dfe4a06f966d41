package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// explainedKinds returns the kinds that explain takes, in the order in which it names them.
func explainedKinds() []objectKind {
	return slices.Concat([]objectKind{podKind}, templateKinds(), []objectKind{secretKind, databaseUserKind})
}

// explainedObject is what explain is asked about.
type explainedObject struct {
	objectKind
	name string
}

// parseExplained reads TYPE/NAME or TYPE NAME. Its error is one of usage.
func parseExplained(args []string) (explainedObject, error) {
	var word, name string
	switch {
	case len(args) == 1:
		before, after, found := strings.Cut(args[0], "/")
		if !found {
			return explainedObject{}, fmt.Errorf("%q names no object: write TYPE/NAME, for example pod/%s", args[0], args[0])
		}
		word, name = before, after
	case len(args) == 2 && !strings.Contains(args[0], "/"):
		word, name = args[0], args[1]
	case len(args) == 0:
		return explainedObject{}, fmt.Errorf("there is nothing to explain: name an object as TYPE/NAME")
	default:
		return explainedObject{}, fmt.Errorf("one object is explained at a time, not %s", strings.Join(args, " "))
	}
	if name == "" || strings.Contains(name, "/") {
		return explainedObject{}, fmt.Errorf("%q names no object: write TYPE/NAME, for example pod/web", strings.Join(args, " "))
	}
	var nouns []string
	for _, k := range explainedKinds() {
		if k.called(word) {
			return explainedObject{k, name}, nil
		}
		nouns = append(nouns, k.noun)
	}
	err := fmt.Errorf("%q is nothing that can be explained", word)
	return explainedObject{}, hintSimilar(err, word, nouns, "it is one of %s; of databases and clusters tells describe", strings.Join(nouns, ", "))
}

// String returns pod/web.
func (o explainedObject) String() string { return o.noun + "/" + o.name }

// read returns an object of the cluster; of a Secret only the metadata. Where there is
// none of its name, the error names those that may have been meant.
func (o explainedObject) read(ctx context.Context, env *Environment, namespace string) (*unstructured.Unstructured, error) {
	var found *unstructured.Unstructured
	var err error
	if o.kind == secretKind.kind {
		found, err = readSecretMetadata(ctx, env, namespace, o.name)
	} else {
		kube, clientErr := env.Dynamic()
		if clientErr != nil {
			return nil, clientErr
		}
		found, err = kube.Resource(o.resource).Namespace(namespace).Get(ctx, o.name, metav1.GetOptions{})
	}
	if !apierrors.IsNotFound(err) || isUnknownResource(err) {
		return found, err
	}
	err = &renamedError{fmt.Sprintf("%s %q not found in namespace %q", o.kind, o.name, namespace), err}
	names, unread := o.names(ctx, env, namespace, metav1.ListOptions{})
	near := similarTo(o.name, names)
	switch {
	case len(near) > 0:
		return nil, Hinted(err, "did you mean %s/%s?", o.noun, strings.Join(near, " or "+o.noun+"/"))
	case unread == nil && len(names) == 0:
		return nil, Hinted(err, "there is no %s in this namespace: name another with -n", o.kind)
	case o.kind == databaseUserKind.kind:
		return nil, Hinted(err, "see which there are: kubectl dbtether user list -n %s", namespace)
	default:
		return nil, Hinted(err, "see which there are: kubectl get %s -n %s", o.resource.Resource, namespace)
	}
}

// completeObject completes TYPE/NAME, and the name after TYPE.
func completeObject(env *Environment) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		word, name, slash := strings.Cut(begun, "/")
		prefix := word + "/"
		switch {
		case len(args) == 1 && !strings.Contains(args[0], "/"):
			word, name, prefix = args[0], begun, ""
		case len(args) > 0:
			return nil, cobra.ShellCompDirectiveNoFileComp
		case !slash:
			var nouns []string
			for _, k := range explainedKinds() {
				if strings.HasPrefix(k.noun, begun) {
					nouns = append(nouns, k.noun+"/")
				}
			}
			return nouns, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		}
		i := slices.IndexFunc(explainedKinds(), func(k objectKind) bool { return k.called(word) })
		namespace, err := env.Namespace()
		if i < 0 || err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := completing(cmd.Context())
		defer cancel()
		names, _ := explainedKinds()[i].names(ctx, env, namespace, metav1.ListOptions{})
		var fitting []string
		for _, n := range names {
			if strings.HasPrefix(n, name) {
				fitting = append(fitting, prefix+n)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp
	}
}
