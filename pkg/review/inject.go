package review

import (
	"context"
	"maps"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
)

// Inject answers the CREATE of a pod, or the UPDATE of its ephemeral containers, with the
// patch that gives it the credentials it asks for. It denies no pod: one that it can give
// nothing is marked as such, and Enforce says why. It denies what is no pod.
func (v Reviewer) Inject(_ context.Context, r *Request, facts Facts) Outcome {
	if text := wrongPod(r); text != "" {
		return invalid(text)
	}
	pod, err := inject.Decode(r.Object)
	if err != nil {
		return allow()
	}
	user := ""
	if r.SubResource != ephemeral {
		user = byDefault(pod.Annotations, r.Namespace, facts)
	}
	ask, problems := inject.Parse(withDefault(pod.Annotations, user))
	if ask == nil {
		return allow()
	}
	if len(problems) > 0 {
		return refused(r, pod, user)
	}
	found, ok := bindings(ask, r.Namespace, facts)
	options, err := optionsOf(r)
	if !ok || err != nil {
		return refused(r, pod, user)
	}
	patch, err := pod.Patch(ask, found, append(options, inject.Default(user))...)
	if err != nil {
		return refused(r, pod, user)
	}
	outcome := allow()
	outcome.Patch = patch.JSON
	return outcome
}

// mirrored is an annotation of the API server's copy of a pod that a kubelet has from a file
// of its node: such a pod can have no Secret (Kubernetes documentation, "Create static Pods").
const mirrored = "kubernetes.io/config.mirror"

// byDefault returns the DatabaseUser that the namespace gives a pod with these annotations.
// It is empty where pods get nothing by default, and for a pod that says itself what it
// wants.
func byDefault(annotations map[string]string, namespace string, facts Facts) string {
	_, says := annotations[v1alpha1.AnnotationInject]
	_, static := annotations[mirrored]
	if says || static {
		return ""
	}
	found, known := facts.Namespace(namespace)
	if !known {
		return ""
	}
	if user := found.Labels[v1alpha1.LabelInjectDefault]; user != inject.NoInjection {
		return user
	}
	return ""
}

// Asked returns the annotations of a pod of a namespace as they are read: a pod that does
// not say what it wants asks for what its namespace gives by default.
func Asked(annotations map[string]string, namespace string, facts Facts) map[string]string {
	if !seesPods(namespace, facts) {
		return annotations
	}
	return withDefault(annotations, byDefault(annotations, namespace, facts))
}

// withDefault returns the annotations as if the pod asked for a user, if there is one.
func withDefault(annotations map[string]string, user string) map[string]string {
	if user == "" {
		return annotations
	}
	all := make(map[string]string, len(annotations)+1)
	maps.Copy(all, annotations)
	all[v1alpha1.AnnotationInject] = user
	return all
}

// refused returns the outcome for a pod that gets nothing: an annotation tells the API server
// that we were asked. There is no patch for an ephemeral container, because an update of
// that subresource changes no annotation.
func refused(r *Request, pod *inject.Pod, user string) Outcome {
	outcome := allow()
	if r.SubResource != ephemeral {
		outcome.Patch = pod.Refused(inject.Default(user)).JSON
	}
	return outcome
}

// optionsOf returns the options of a patch for a request: an UPDATE of ephemeral containers
// restricts it to the new ones. The error is one of decoding the pod as it was.
func optionsOf(r *Request) ([]inject.Option, error) {
	if r.SubResource != ephemeral {
		return nil, nil
	}
	old, err := inject.Decode(r.OldObject)
	if err != nil {
		return nil, err
	}
	return []inject.Option{inject.EphemeralContainers(old)}, nil
}
