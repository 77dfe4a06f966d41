package install

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// RolledOut says whether all replicas of a Deployment have its newest template and are
// ready, and otherwise what is missing.
func RolledOut(d *appsv1.Deployment) (done bool, missing string) {
	wanted := int32(1)
	if d.Spec.Replicas != nil {
		wanted = *d.Spec.Replicas
	}
	s := d.Status
	switch {
	case s.ObservedGeneration < d.Generation:
		return false, "no controller has seen it since it was written"
	case s.UpdatedReplicas < wanted:
		missing = fmt.Sprintf("%d of %d replicas are of this version", s.UpdatedReplicas, wanted)
	case s.AvailableReplicas < wanted:
		missing = fmt.Sprintf("%d of %d replicas are ready", s.AvailableReplicas, wanted)
	case s.Replicas > s.UpdatedReplicas:
		missing = fmt.Sprintf("%d replicas of the version before are still there", s.Replicas-s.UpdatedReplicas)
	default:
		return true, ""
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			missing += "; " + c.Message
		}
	}
	return false, missing
}

// Stuck returns why a pod does not start: that no node takes it, or what its containers wait
// for or ended with. It is "" where the pod's status does not say.
func Stuck(pod *corev1.Pod) string {
	var reasons []string
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			reasons = append(reasons, c.Message)
		}
	}
	for _, c := range pod.Status.ContainerStatuses {
		if w := c.State.Waiting; w != nil && w.Reason != "ContainerCreating" && w.Reason != "PodInitializing" {
			reasons = append(reasons, strings.TrimSuffix(w.Reason+": "+w.Message, ": "))
		}
		if end := c.LastTerminationState.Terminated; end != nil {
			reasons = append(reasons, fmt.Sprintf("%s, exit code %d", end.Reason, end.ExitCode))
		}
	}
	return strings.Join(reasons, "; ")
}
