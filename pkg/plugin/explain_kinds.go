package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// explained is a kind of object that can be explained, or that consumes what is.
type explained struct {
	resource schema.GroupVersionResource
	kind     string
	// noun is what it is called here; other names are those that kubectl takes, too.
	noun  string
	other []string
}

var (
	podKind    = explained{corev1.SchemeGroupVersion.WithResource("pods"), "Pod", "pod", []string{"po"}}
	secretKind = explained{corev1.SchemeGroupVersion.WithResource("secrets"), "Secret", "secret", nil}
	ownKind    = explained{v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, "user", []string{"dbu"}}
)

// templateKinds are the kinds that make pods from a template.
func templateKinds() []explained {
	apps, batch := schema.GroupVersion{Group: "apps", Version: "v1"}, schema.GroupVersion{Group: "batch", Version: "v1"}
	return []explained{
		{apps.WithResource("deployments"), "Deployment", "deployment", []string{"deploy"}},
		{apps.WithResource("statefulsets"), "StatefulSet", "statefulset", []string{"sts"}},
		{apps.WithResource("daemonsets"), "DaemonSet", "daemonset", []string{"ds"}},
		{apps.WithResource("replicasets"), "ReplicaSet", "replicaset", []string{"rs"}},
		{batch.WithResource("jobs"), "Job", "job", nil},
		{batch.WithResource("cronjobs"), "CronJob", "cronjob", []string{"cj"}},
		{corev1.SchemeGroupVersion.WithResource("replicationcontrollers"), "ReplicationController", "replicationcontroller", []string{"rc"}},
	}
}

func explainedKinds() []explained {
	return slices.Concat([]explained{podKind}, templateKinds(), []explained{secretKind, ownKind})
}

// called reports whether a word names the kind: pod, pods, po, deployment.apps.
func (k explained) called(word string) bool {
	word, group, _ := strings.Cut(strings.ToLower(word), ".")
	if group != "" && group != k.resource.Group && group != k.resource.Version+"."+k.resource.Group {
		return false
	}
	return word == k.noun || word == k.noun+"s" || word == k.resource.Resource || word == strings.ToLower(k.kind) || slices.Contains(k.other, word)
}

// explainedObject is what explain is asked about.
type explainedObject struct {
	explained
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
	if near := similarTo(word, nouns); len(near) > 0 {
		return explainedObject{}, Hinted(err, "did you mean %s?", strings.Join(near, " or "))
	}
	return explainedObject{}, Hinted(err, "it is one of %s; of databases and clusters tells describe", strings.Join(nouns, ", "))
}

// String returns pod/web.
func (o explainedObject) String() string { return o.noun + "/" + o.name }

// metadataOnly returns the client that reads no more of an object than its metadata.
func (e *Environment) metadataOnly() (metadata.Interface, error) {
	config, err := e.RESTConfig()
	if err != nil {
		return nil, err
	}
	return metadata.NewForConfig(config)
}

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
	names, listErr := o.names(ctx, env, namespace, metav1.ListOptions{})
	near := similarTo(o.name, names)
	switch {
	case len(near) > 0:
		return nil, Hinted(err, "did you mean %s/%s?", o.noun, strings.Join(near, " or "+o.noun+"/"))
	case listErr == nil && len(names) == 0:
		return nil, Hinted(err, "there is no %s in this namespace: name another with -n", o.kind)
	case o.kind == ownKind.kind:
		return nil, Hinted(err, "see which there are: kubectl dbtether user list -n %s", namespace)
	default:
		return nil, Hinted(err, "see which there are: kubectl get %s -n %s", o.resource.Resource, namespace)
	}
}

// list reads the objects of the kind in a namespace; "" means all, or that it has none.
func (k explained) list(ctx context.Context, env *Environment, namespace string, options metav1.ListOptions) ([]unstructured.Unstructured, error) {
	kube, err := env.Dynamic()
	if err != nil {
		return nil, err
	}
	options.Limit = listChunk
	var all []unstructured.Unstructured
	for {
		chunk, err := kube.Resource(k.resource).Namespace(namespace).List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range chunk.Items {
			chunk.Items[i].SetGroupVersionKind(k.resource.GroupVersion().WithKind(k.kind))
		}
		all = append(all, chunk.Items...)
		if options.Continue = chunk.GetContinue(); options.Continue == "" {
			return all, nil
		}
	}
}

// names returns the names of the objects of the kind in a namespace.
func (k explained) names(ctx context.Context, env *Environment, namespace string, options metav1.ListOptions) ([]string, error) {
	client, err := env.metadataOnly()
	if err != nil {
		return nil, err
	}
	list, err := client.Resource(k.resource).Namespace(namespace).List(ctx, options)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].Name
	}
	return names, nil
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
		i := slices.IndexFunc(explainedKinds(), func(k explained) bool { return k.called(word) })
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
