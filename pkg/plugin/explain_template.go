package plugin

import (
	"encoding/json"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// workload is an object that makes pods from a template.
type workload struct {
	objectKind
	object *unstructured.Unstructured
	// pod is what it makes: the template as a pod, before anything is injected.
	pod runningPod
	// forms are those in which the pods get the credentials of users; none if they cannot.
	forms map[string]string
}

// newWorkload reads an object that makes pods from a template. It does no I/O.
func newWorkload(k objectKind, object *unstructured.Unstructured, namespace string, facts review.Facts) (workload, error) {
	text, err := object.MarshalJSON()
	if err != nil {
		return workload{}, err
	}
	request, err := review.Manifest{Object: text, Namespace: namespace}.Request()
	if err != nil {
		return workload{}, err
	}
	pod := &unstructured.Unstructured{}
	if err := json.Unmarshal(request.Object, &pod.Object); err != nil {
		return workload{}, err
	}
	w := workload{objectKind: k, object: object}
	if w.pod, err = newRunningPod(pod, namespace, facts); err == nil {
		w.forms = forms(request.Object, w.pod.ask, namespace, facts)
	}
	return w, err
}

// forms returns the form in which a pod would get the credential of each user that it asks
// for, whether or not it may. Of a user that is not known the Secret is taken to have the
// name that it would have by default.
func forms(pod []byte, ask *inject.Ask, namespace string, facts review.Facts) map[string]string {
	decoded, err := inject.Decode(pod)
	if err != nil || ask == nil {
		return nil
	}
	bindings := make([]inject.Binding, len(ask.Users))
	for i, u := range ask.Users {
		user, known := facts.User(namespace, u.Name)
		if !known {
			user = &v1alpha1.DatabaseUser{ObjectMeta: metav1.ObjectMeta{Name: u.Name}}
		}
		bindings[i] = inject.Binding{User: u.Name, Alias: u.Alias, Secret: review.SecretName(user)}
	}
	patch, err := decoded.Patch(ask, bindings)
	if err != nil {
		return nil
	}
	all := map[string]string{}
	for _, i := range inject.ReadInjected(patch.Injected) {
		all[i.User] = i.Form
	}
	return all
}

// String returns deployment/web.
func (w workload) String() string { return w.noun + "/" + w.object.GetName() }

// selects returns a function that reports whether a pod is one of the workload's. The pods of
// a CronJob are those of its Jobs; jobs are all Jobs of the namespace.
func (w workload) selects(jobs []unstructured.Unstructured) (func(runningPod) bool, error) {
	if w.kind == "CronJob" {
		var own []func(runningPod) bool
		for i := range jobs {
			owner := metav1.GetControllerOf(&jobs[i])
			if owner == nil || owner.UID != w.object.GetUID() {
				continue
			}
			selects, err := workload{object: &jobs[i]}.selects(nil)
			if err != nil {
				return nil, err
			}
			own = append(own, selects)
		}
		return func(p runningPod) bool {
			return slices.ContainsFunc(own, func(selects func(runningPod) bool) bool { return selects(p) })
		}, nil
	}
	selector, err := w.selector()
	if err != nil {
		return nil, fmt.Errorf("read the selector of %s %q: %w", w.object.GetKind(), w.object.GetName(), err)
	}
	return func(p runningPod) bool {
		return !selector.Empty() && selector.Matches(labels.Set(p.labels)) && w.mayControl(p)
	}, nil
}

// mayControl reports whether the controller of a pod, if it has one, is the workload. A
// Deployment has its pods by way of a ReplicaSet, which is called after it and after the
// hash of the template: so Deployments whose selectors overlap are told apart, too.
func (w workload) mayControl(p runningPod) bool {
	switch {
	case p.owner == nil:
		return true
	case w.kind == "Deployment":
		hash := p.labels[appsv1.DefaultDeploymentUniqueLabelKey]
		return p.owner.Kind == "ReplicaSet" && (hash == "" || p.owner.Name == w.object.GetName()+"-"+hash)
	default:
		return p.owner.UID == w.object.GetUID()
	}
}

// selector returns the selector of spec.selector.
func (w workload) selector() (labels.Selector, error) {
	if w.kind == "ReplicationController" {
		set, _, err := unstructured.NestedStringMap(w.object.Object, "spec", "selector")
		return labels.SelectorFromSet(set), err
	}
	type selecting struct {
		Spec struct {
			Selector *metav1.LabelSelector `json:"selector"`
		} `json:"spec"`
	}
	s, err := typed[selecting](w.object)
	if err != nil {
		return nil, err
	}
	return metav1.LabelSelectorAsSelector(s.Spec.Selector)
}

// finished reports whether the object is a Job that makes no pods any more.
func (w workload) finished() bool {
	if w.kind != "Job" {
		return false
	}
	job, err := typed[batchv1.Job](w.object)
	return err == nil && slices.ContainsFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
}
