package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// rolledOut returns an error that says which replicas are missing, and why.
func (w *installing) rolledOut(ctx context.Context) error {
	wanted := ofSystem("apps/v1", "Deployment", install.WebhookName)
	object, err := w.env.standing(ctx, wanted)
	if err != nil {
		return err
	}
	if object == nil {
		return fmt.Errorf("%s is gone", install.Title(wanted))
	}
	deployment, err := typed[appsv1.Deployment](object)
	if err != nil {
		return err
	}
	done, missing := install.RolledOut(deployment)
	if done {
		return nil
	}
	return errors.New(strings.Join(append([]string{install.Title(wanted) + ": " + missing}, w.stuck(ctx, deployment)...), "\n"))
}

// stuck returns a line for each pod that a Deployment wants now and that cannot start, with the
// reason; nothing where the caller may not list pods. Pods of another image are those of an
// earlier installation, on their way out.
func (w *installing) stuck(ctx context.Context, deployment *appsv1.Deployment) []string {
	core, err := w.env.core()
	if err != nil {
		return nil
	}
	pods, err := core.Pods(v1alpha1.SystemNamespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(deployment.Spec.Selector)})
	if err != nil {
		return nil
	}
	events, err := core.Events(v1alpha1.SystemNamespace).List(ctx, metav1.ListOptions{FieldSelector: "involvedObject.kind=Pod"})
	if err != nil { // without them less is known
		events = &corev1.EventList{}
	}
	// Where every pod has another image, it is the cluster that writes images anew.
	some := slices.ContainsFunc(pods.Items, func(pod corev1.Pod) bool { return !isOfEarlierImage(&pod, deployment) })
	var lines []string
	for i := range pods.Items {
		pod := &pods.Items[i]
		if some && isOfEarlierImage(pod, deployment) {
			continue
		}
		why := install.Stuck(pod)
		if why == "" && !isReady(pod) {
			why = lastWarning(pod, events.Items)
		}
		if why != "" {
			lines = append(lines, fmt.Sprintf("pod %s: %s", pod.Name, why))
		}
	}
	return lines
}

// isOfEarlierImage reports whether a pod has another image than the Deployment wants now in the
// container of that name. Containers that others have added say nothing.
func isOfEarlierImage(pod *corev1.Pod, deployment *appsv1.Deployment) bool {
	for _, wanted := range deployment.Spec.Template.Spec.Containers {
		for _, c := range pod.Spec.Containers {
			if c.Name == wanted.Name && c.Image != wanted.Image {
				return true
			}
		}
	}
	return false
}

// isReady reports whether a pod serves.
func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// lastWarning returns what the last Event of a pod warns of, or that its image is being pulled:
// what keeps it from having a sandbox, volumes or a good probe is in Events only. It is "" where
// the last Event is another one, so that the pod has come further. It is pure.
func lastWarning(pod *corev1.Pod, events []corev1.Event) string {
	var last *corev1.Event
	for i := range events {
		if events[i].InvolvedObject.UID == pod.UID && (last == nil || lastSeen(&events[i]).After(lastSeen(last))) {
			last = &events[i]
		}
	}
	if last == nil || last.Type != corev1.EventTypeWarning && last.Reason != "Pulling" {
		return ""
	}
	return last.Reason + ": " + last.Message
}

// lastSeen returns when an Event was seen last, in whichever field its source tells it.
func lastSeen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}
