package provision

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// shownPods bounds how many pods a status or a message names.
const shownPods = 16

// heldBy lists the running pods of the user's namespace that have a revision of its
// credential before the given one in their environment, sorted, at most shownPods. unknown
// is set where they could not be listed.
func (p *Provisioner) heldBy(ctx context.Context, user *v1alpha1.DatabaseUser, revision int64) (names []string, unknown bool) {
	holders, err := p.holders(ctx, user, revision)
	if err != nil {
		return nil, true
	}
	for i := range holders {
		names = append(names, holders[i].GetNamespace()+"/"+holders[i].GetName())
	}
	slices.Sort(names)
	return names[:min(len(names), shownPods)], false
}

// holders returns the running pods of the user's namespace that have a revision of its
// credential before the given one in their environment: see Holds.
func (p *Provisioner) holders(ctx context.Context, user *v1alpha1.DatabaseUser, revision int64) ([]unstructured.Unstructured, error) {
	list, err := p.Kube.Resource(pods).Namespace(user.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "status.phase!=Succeeded,status.phase!=Failed"})
	if err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(pod unstructured.Unstructured) bool {
		return !Holds(pod.GetAnnotations(), user, revision)
	}), nil
}

// Holds reports whether the annotations of a pod say that it has a revision of a user's
// credential before the given one in its environment. One that has it as files only does
// not: the kubelet replaces files. Neither does a pod of a template that was restarted for
// the revision, which was live then: the webhook, which tells the pod which one it gets,
// may have known of it only later. It is pure.
func Holds(annotations map[string]string, user *v1alpha1.DatabaseUser, revision int64) bool {
	return review.HoldsOlder(annotations[v1alpha1.AnnotationInjected], user.Name, revision) &&
		!isRestartedFor(annotations[v1alpha1.AnnotationRestartedFor], user, revision)
}
