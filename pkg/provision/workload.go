package provision

import (
	"context"
	"encoding/json"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// workloadKind is a kind of workload that replaces its pods when its template changes.
type workloadKind struct {
	resource schema.GroupVersionResource
	// name is the singular, and owner the kind that its pods name as their controller.
	name, owner string
}

// workloadKinds are those that `kubectl rollout restart` knows.
var workloadKinds = []workloadKind{
	{appsResource("deployments"), "deployment", "ReplicaSet"},
	{appsResource("statefulsets"), "statefulset", "StatefulSet"},
	{appsResource("daemonsets"), "daemonset", "DaemonSet"},
}

func appsResource(name string) schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: name}
}

// controls reports whether the controller of a pod belongs to a workload of this kind.
func (k workloadKind) controls(owner *metav1.OwnerReference) bool {
	if owner == nil || owner.Kind != k.owner {
		return false
	}
	gv, err := schema.ParseGroupVersion(owner.APIVersion)
	return err == nil && gv.Group == k.resource.Group
}

// workload is one of them, as far as it matters here.
type workload struct {
	kind     workloadKind
	object   workloadObject
	selector labels.Selector
}

// workloadObject is what is read of the API server's object.
type workloadObject struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Selector       *metav1.LabelSelector `json:"selector"`
		Paused         bool                  `json:"paused"`
		UpdateStrategy struct {
			Type          string `json:"type"`
			RollingUpdate struct {
				Partition int64 `json:"partition"` // of a StatefulSet
			} `json:"rollingUpdate"`
		} `json:"updateStrategy"`
		Template struct {
			Metadata metav1.ObjectMeta `json:"metadata"`
		} `json:"template"`
	} `json:"spec"`
}

// workloads lists those of a kind in a namespace.
func (p *Provisioner) workloads(ctx context.Context, kind workloadKind, namespace string) ([]workload, error) {
	items, err := p.list(ctx, kind.resource, namespace)
	if err != nil {
		return nil, err
	}
	all := make([]workload, 0, len(items))
	for i := range items {
		w := workload{kind: kind}
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(items[i].Object, &w.object); err != nil {
			return nil, err
		}
		if w.selector, err = metav1.LabelSelectorAsSelector(w.object.Spec.Selector); err != nil {
			return nil, err
		}
		all = append(all, w)
	}
	return all, nil
}

// String returns the name as kubectl prints it: "deployment.apps/orders".
func (w workload) String() string {
	return w.kind.name + "." + w.kind.resource.Group + "/" + w.object.Metadata.Name
}

func (w workload) template() map[string]string { return w.object.Spec.Template.Metadata.Annotations }

// workloadOf returns the workload that a pod belongs to; nil: to none of these. A
// Deployment has its pods by way of a ReplicaSet, so its selector decides, of pods that
// bear a Deployment's label. Where those of several Deployments overlap, the one does that
// the ReplicaSet is called after.
func workloadOf(pod *unstructured.Unstructured, all []workload) *workload {
	owner := metav1.GetControllerOf(pod)
	var found *workload
	for i := range all {
		w := &all[i]
		if !w.kind.controls(owner) || !w.selector.Matches(labels.Set(pod.GetLabels())) {
			continue
		}
		name := w.object.Metadata.Name
		if w.kind.owner == "ReplicaSet" {
			hash, labelled := pod.GetLabels()["pod-template-hash"]
			if !labelled { // something else than a Deployment made the ReplicaSet
				continue
			}
			name += "-" + hash
		} else if owner.Name != name {
			continue
		}
		if found == nil || owner.Name == name {
			found = w
		}
	}
	return found
}

// roll restarts a workload as `kubectl rollout restart` does: by an annotation of its
// template. It is bound to the version that was read: others' entries of the annotation
// must not be lost.
func (p *Provisioner) roll(ctx context.Context, w workload, user *v1alpha1.DatabaseUser, revision int64) error {
	meta := w.object.Metadata
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"uid": meta.UID, "resourceVersion": meta.ResourceVersion},
		"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{"annotations": map[string]any{
			v1alpha1.AnnotationRestartedFor: restartedFor(w.template()[v1alpha1.AnnotationRestartedFor], user, revision)}}}},
	})
	if err != nil {
		return err
	}
	p.progress("restarting %s in %s", w, meta.Namespace)
	_, err = p.Kube.Resource(w.kind.resource).Namespace(meta.Namespace).Patch(ctx, meta.Name, types.MergePatchType, patch,
		metav1.PatchOptions{FieldManager: v1alpha1.FieldManager})
	return err
}
