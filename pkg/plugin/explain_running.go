package plugin

import (
	"context"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// runningPod is a pod, and what it has to do with credentials.
type runningPod struct {
	name        string
	labels      map[string]string
	owner       *metav1.OwnerReference
	annotations map[string]string
	injections  []inject.Injection
	// ask is what it asks for, and asks the text of that; byDefault says that its
	// namespace asks on its behalf.
	ask        *inject.Ask
	asks       string
	byDefault  bool
	containers []review.Container
	// others are Secrets that only volumes refer to.
	others []string
	// uses are all places that refer to Secrets.
	uses []review.Use
	// started are the times at which containers that run have started.
	started map[string]time.Time
}

// newRunningPod reads a pod of a namespace. What is wrong with its annotations is no error.
func newRunningPod(object *unstructured.Unstructured, namespace string, facts review.Facts) (runningPod, error) {
	text, err := object.MarshalJSON()
	if err != nil {
		return runningPod{}, err
	}
	p := runningPod{name: object.GetName(), labels: object.GetLabels(), owner: metav1.GetControllerOf(object),
		annotations: object.GetAnnotations(), started: map[string]time.Time{}}
	if p.containers, p.others, err = review.Containers(text); err != nil {
		return p, err
	}
	if p.uses, err = review.Uses(text); err != nil {
		return p, err
	}
	p.injections = inject.ReadInjected(p.annotations[v1alpha1.AnnotationInjected])
	asked := review.Asked(p.annotations, namespace, facts)
	p.ask, _ = inject.Parse(asked)
	p.asks = asked[v1alpha1.AnnotationInject]
	p.byDefault = p.asks != p.annotations[v1alpha1.AnnotationInject]
	status, err := typed[corev1.Pod](object)
	if err != nil {
		return p, err
	}
	for _, list := range [][]corev1.ContainerStatus{status.Status.InitContainerStatuses, status.Status.ContainerStatuses, status.Status.EphemeralContainerStatuses} {
		for _, c := range list {
			if c.State.Running != nil {
				p.started[c.Name] = c.State.Running.StartedAt.Time
			}
		}
	}
	return p, nil
}

// injection returns what the pod was given of a user.
func (p runningPod) injection(user string) (inject.Injection, bool) {
	i := slices.IndexFunc(p.injections, func(i inject.Injection) bool { return i.User == user })
	if i < 0 {
		return inject.Injection{}, false
	}
	return p.injections[i], true
}

// asksForUser reports whether an ask names a user.
func asksForUser(ask *inject.Ask, user string) bool {
	return ask != nil && slices.ContainsFunc(ask.Users, func(u inject.UserAsk) bool { return u.Name == user })
}

// containersWith says in which containers a pod has a Secret, and how.
func containersWith(containers []review.Container, others []string, secrets ...string) []string {
	places := []string{}
	for _, c := range containers {
		var how []string
		for _, t := range c.Taken {
			if !slices.Contains(secrets, v1alpha1.LiveSecret(t.Secret)) {
				continue
			}
			if len(t.Variables) > 0 {
				how = append(how, "env")
			}
			if t.All {
				how = append(how, "envFrom")
			}
			if len(t.Mounts) > len(t.Fixed) {
				how = append(how, "files")
			}
			if len(t.Fixed) > 0 {
				how = append(how, "subPath")
			}
		}
		if len(how) > 0 {
			slices.Sort(how)
			places = append(places, c.Name+" ("+strings.Join(slices.Compact(how), ", ")+")")
		}
	}
	if len(places) == 0 && slices.ContainsFunc(others, func(secret string) bool { return slices.Contains(secrets, v1alpha1.LiveSecret(secret)) }) {
		places = append(places, "a volume")
	}
	return places
}

// runningPods reads the pods of the namespace that have not ended.
func (s *sight) runningPods(ctx context.Context) ([]runningPod, error) {
	list, err := s.list(ctx, podKind, running())
	if err != nil {
		return nil, err
	}
	return s.asRunning(list)
}

// running selects pods that have not ended.
func running() metav1.ListOptions {
	return metav1.ListOptions{FieldSelector: "status.phase!=Succeeded,status.phase!=Failed"}
}

// asRunning reads pods of the namespace from objects.
func (s *sight) asRunning(list []unstructured.Unstructured) (pods []runningPod, err error) {
	pods = make([]runningPod, len(list))
	for i := range list {
		if pods[i], err = newRunningPod(&list[i], s.namespace, s); err != nil {
			return nil, err
		}
	}
	return pods, nil
}
