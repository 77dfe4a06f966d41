package provision

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// unfit says why a change of the template would not replace the pods, and what does;
// empty: it would.
func (w workload) unfit(of []*unstructured.Unstructured) string {
	name, namespace := w.object.Metadata.Name, w.object.Metadata.Namespace
	switch {
	case w.object.Spec.Paused:
		return fmt.Sprintf("%s has the old credential and is paused: kubectl rollout resume %s %s -n %s, then kubectl rollout restart %s %s -n %s",
			w, w.kind.name, name, namespace, w.kind.name, name, namespace)
	case w.object.Spec.UpdateStrategy.Type == "OnDelete":
		return fmt.Sprintf("%s has the old credential and replaces only pods that are deleted (updateStrategy OnDelete): %s",
			w, deletion(of))
	case w.object.Spec.UpdateStrategy.RollingUpdate.Partition > 0:
		return fmt.Sprintf("%s has the old credential and leaves pods as they are (rollingUpdate.partition %d): take the partition away, then kubectl rollout restart %s %s -n %s",
			w, w.object.Spec.UpdateStrategy.RollingUpdate.Partition, w.kind.name, name, namespace)
	default:
		return ""
	}
}

// unmanaged says of pods that belong to no workload which can be restarted what to do,
// together for those of one controller.
func unmanaged(all []*unstructured.Unstructured) []string {
	var said []string
	for len(all) > 0 {
		owner := metav1.GetControllerOf(all[0])
		var of []*unstructured.Unstructured
		of, all = split(all, func(pod *unstructured.Unstructured) bool {
			other := metav1.GetControllerOf(pod)
			return owner == nil && other == nil || owner != nil && other != nil && owner.UID == other.UID
		})
		said = append(said, sentence(owner, of))
	}
	slices.Sort(said)
	return said
}

// sentence says what to do about pods of one controller, or about those of none.
func sentence(owner *metav1.OwnerReference, of []*unstructured.Unstructured) string {
	verb, it := "has", "it"
	if len(of) > 1 {
		verb, it = "have", "them"
	}
	remove := deletion(of)
	switch {
	case owner == nil:
		return fmt.Sprintf("%s %s the old credential, and nothing replaces %s: %s, then create %s again", podList(of), verb, it, remove, it)
	case owner.Kind == "ReplicaSet":
		return fmt.Sprintf("%s of ReplicaSet %q %s the old credential, and no Deployment replaces %s: %s", podList(of), owner.Name, verb, it, remove)
	case owner.Kind == "Job":
		return fmt.Sprintf("%s of Job %q %s the old credential until the Job ends: wait for that, or have it begin anew: %s", podList(of), owner.Name, verb, remove)
	default:
		return fmt.Sprintf("%s of %s %q %s the old credential: restart that by what it belongs to", podList(of), owner.Kind, owner.Name, verb)
	}
}

// podList names pods, at most shownPods: "pod/a, pod/b and 3 more".
func podList(all []*unstructured.Unstructured) string {
	names, more := podNames(all)
	said := "pod/" + strings.Join(names, ", pod/")
	if more > 0 {
		said += fmt.Sprintf(" and %d more", more)
	}
	return said
}

// deletion returns the command that deletes pods of one namespace, at most shownPods, and
// how many that leaves.
func deletion(of []*unstructured.Unstructured) string {
	names, more := podNames(of)
	said := fmt.Sprintf("kubectl delete pod %s -n %s", strings.Join(names, " "), of[0].GetNamespace())
	if more > 0 {
		said += fmt.Sprintf(" (and %d more)", more)
	}
	return said
}

// podNames returns the names of pods, sorted, at most shownPods, and how many it leaves out.
func podNames(pods []*unstructured.Unstructured) (names []string, more int) {
	for _, pod := range pods {
		names = append(names, pod.GetName())
	}
	slices.Sort(names)
	shown := min(len(names), shownPods)
	return names[:shown], len(names) - shown
}
