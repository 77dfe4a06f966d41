package provision

import (
	"context"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

var pods = schema.GroupVersionResource{Version: "v1", Resource: "pods"}

// shownPods bounds how many pods a status names.
const shownPods = 16

// heldBy lists the running pods of the user's namespace that have a revision of its
// credential before the given one in their environment, sorted, at most shownPods. Pods that have it
// as files only are not among them: the kubelet replaces files. unknown is set where
// they could not be listed.
func (p *Provisioner) heldBy(ctx context.Context, user *v1alpha1.DatabaseUser, revision int64) (names []string, unknown bool) {
	list, err := p.Kube.Resource(pods).Namespace(user.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "status.phase!=Succeeded,status.phase!=Failed"})
	if err != nil {
		return nil, true
	}
	for i := range list.Items {
		pod := &list.Items[i]
		if review.HoldsOlder(pod.GetAnnotations()[v1alpha1.AnnotationInjected], user.Name, revision) {
			names = append(names, pod.GetNamespace()+"/"+pod.GetName())
		}
	}
	slices.Sort(names)
	return names[:min(len(names), shownPods)], false
}
