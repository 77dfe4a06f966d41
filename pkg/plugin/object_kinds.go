package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// objectKind is a kind of object, of Kubernetes or ours, that may have to do with a
// credential: explain is asked about it, or it refers to Secrets. What kinds.go calls a kind
// is a custom resource of ours with commands of its own.
type objectKind struct {
	resource schema.GroupVersionResource
	kind     string
	// noun is what it is called here; other are names that kubectl takes for it, too.
	noun  string
	other []string
}

var (
	podKind          = objectKind{corev1.SchemeGroupVersion.WithResource("pods"), "Pod", "pod", []string{"po"}}
	secretKind       = objectKind{corev1.SchemeGroupVersion.WithResource("secrets"), "Secret", "secret", nil}
	databaseUserKind = objectKind{v1alpha1.DatabaseUsers, v1alpha1.KindDatabaseUser, "user", []string{"dbu"}}
)

// templateKinds returns the kinds that make pods from a template.
func templateKinds() []objectKind {
	apps, batch := schema.GroupVersion{Group: "apps", Version: "v1"}, schema.GroupVersion{Group: "batch", Version: "v1"}
	return []objectKind{
		{apps.WithResource("deployments"), "Deployment", "deployment", []string{"deploy"}},
		{apps.WithResource("statefulsets"), "StatefulSet", "statefulset", []string{"sts"}},
		{apps.WithResource("daemonsets"), "DaemonSet", "daemonset", []string{"ds"}},
		{apps.WithResource("replicasets"), "ReplicaSet", "replicaset", []string{"rs"}},
		{batch.WithResource("jobs"), "Job", "job", nil},
		{batch.WithResource("cronjobs"), "CronJob", "cronjob", []string{"cj"}},
		{corev1.SchemeGroupVersion.WithResource("replicationcontrollers"), "ReplicationController", "replicationcontroller", []string{"rc"}},
	}
}

// jobKind returns the kind Job, which a CronJob makes.
func jobKind() objectKind {
	return templateKinds()[slices.IndexFunc(templateKinds(), func(k objectKind) bool { return k.kind == "Job" })]
}

// called reports whether a word names the kind: pod, pods, po, deployment.apps.
func (k objectKind) called(word string) bool {
	word, group, _ := strings.Cut(strings.ToLower(word), ".")
	if group != "" && group != k.resource.Group && group != k.resource.Version+"."+k.resource.Group {
		return false
	}
	return word == k.noun || word == k.noun+"s" || word == k.resource.Resource || word == strings.ToLower(k.kind) || slices.Contains(k.other, word)
}

// plural names n objects of the kind: 1 ingress, 2 ingresses.
func (k objectKind) plural(n int) string {
	switch {
	case n == 1:
		return "1 " + k.noun
	case k.resource.Group == v1alpha1.GroupVersion.Group:
		return fmt.Sprintf("%d %ss", n, k.noun)
	default:
		return fmt.Sprintf("%d %s", n, k.resource.Resource)
	}
}

// list reads the objects of the kind in a namespace; "" means all, or that it has none.
func (k objectKind) list(ctx context.Context, env *Environment, namespace string, options metav1.ListOptions) ([]unstructured.Unstructured, error) {
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
func (k objectKind) names(ctx context.Context, env *Environment, namespace string, options metav1.ListOptions) ([]string, error) {
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

// metadataOnly returns the client that reads no more of an object than its metadata.
func (e *Environment) metadataOnly() (metadata.Interface, error) {
	config, err := e.RESTConfig()
	if err != nil {
		return nil, err
	}
	return metadata.NewForConfig(config)
}
