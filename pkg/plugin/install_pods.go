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
	"k8s.io/apimachinery/pkg/fields"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/install"
)

// rolledOut returns an error that says which replicas are missing, and why.
func (w *installing) rolledOut(ctx context.Context) error {
	wanted := ofSystem("apps/v1", "Deployment", "dbtether-webhook")
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
	var lines []string
	for i := range pods.Items {
		pod := &pods.Items[i]
		if len(pod.Spec.Containers) > 0 && pod.Spec.Containers[0].Image != deployment.Spec.Template.Spec.Containers[0].Image {
			continue
		}
		why := install.Stuck(pod)
		if why == "" && !isReady(pod) {
			why = w.warned(ctx, core, pod)
		}
		if why != "" {
			lines = append(lines, fmt.Sprintf("pod %s: %s", pod.Name, why))
		}
	}
	return lines
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// warned returns what the last Event of a pod warns of, or that its image is being pulled: what
// keeps it from having a sandbox, volumes or a good probe is in Events only. It is "" where the
// last Event is another one, so that the pod has come further, and where the caller may not list
// Events.
func (w *installing) warned(ctx context.Context, core corev1client.CoreV1Interface, pod *corev1.Pod) string {
	events, err := core.Events(pod.Namespace).List(ctx, metav1.ListOptions{FieldSelector: fields.Set{"involvedObject.uid": string(pod.UID)}.String()})
	if err != nil || len(events.Items) == 0 {
		return ""
	}
	last := slices.MaxFunc(events.Items, func(a, b corev1.Event) int { return lastSeen(a).Compare(lastSeen(b)) })
	if last.Type != corev1.EventTypeWarning && last.Reason != "Pulling" {
		return ""
	}
	return last.Reason + ": " + last.Message
}

// lastSeen returns when an Event was seen last, in whichever field its source tells it.
func lastSeen(e corev1.Event) time.Time {
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
