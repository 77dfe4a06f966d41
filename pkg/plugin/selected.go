package plugin

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// selected is which Databases and DatabaseUsers a command is about: those that are
// named, or all of a namespace.
type selected struct{ allNamespaces bool }

func (s *selected) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&s.allNamespaces, "all-namespaces", "A", false, "every namespace")
}

// namespace returns the namespace, "" for all.
func (s *selected) namespace(env *Environment) (string, error) {
	if s.allNamespaces {
		return metav1.NamespaceAll, nil
	}
	return env.Namespace()
}

// objects reads what args name, as KIND/NAME, or all, databases first.
func (s *selected) objects(ctx context.Context, env *Environment, args []string) ([]unstructured.Unstructured, error) {
	namespace, err := s.namespace(env)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 && s.allNamespaces {
		return nil, Usagef("-A and names exclude each other")
	}
	var objects []unstructured.Unstructured
	for _, arg := range args {
		k, name, err := parseObject(arg)
		if err != nil {
			return nil, err
		}
		object, err := env.get(ctx, k, namespace, name)
		if err != nil {
			return nil, err
		}
		objects = append(objects, *object)
	}
	if len(args) > 0 {
		return objects, nil
	}
	for _, k := range []kind{dbKind, userKind} {
		list, err := env.list(ctx, k, namespace, metav1.ListOptions{})
		if err != nil {
			return nil, err
		}
		objects = append(objects, list.Items...)
	}
	return objects, nil
}

// parseObject reads db/NAME or user/NAME; the resources' own names are taken too.
func parseObject(text string) (kind, string, error) {
	noun, name, found := strings.Cut(text, "/")
	for _, k := range []kind{dbKind, userKind} {
		if found && name != "" && (noun == k.noun || noun == k.resource.Resource || noun == strings.ToLower(k.name) || noun == k.short) {
			return k, name, nil
		}
	}
	return kind{}, "", Hinted(Usagef("%q is no Database and no DatabaseUser", text), "write db/NAME or user/NAME")
}

// noteNothing says on stderr that the namespace, or the cluster, has none of them.
func (s *selected) noteNothing(env *Environment) {
	if namespace, _ := s.namespace(env); namespace != metav1.NamespaceAll {
		env.note("there are no Databases and DatabaseUsers in namespace %q", namespace)
		return
	}
	env.note("there are no Databases and DatabaseUsers")
}
