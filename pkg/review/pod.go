package review

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// The codes of what is found wrong with a pod without asking a policy.
const (
	codeAnnotation = "ANNOTATION-INVALID"
	codeInjected   = "NOT-INJECTED"
	codeMismatch   = "INJECTED-MISMATCH"
)

// Inject answers the CREATE of a pod, or the UPDATE of its ephemeral containers,
// with the patch that gives it the credentials it asks for. It denies nothing but
// what is no pod: one that cannot be injected is marked as such, and Enforce says why.
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

// mirrored is on the API server's copy of a pod that a kubelet has from a file of its
// node: such a pod can have no Secret (Kubernetes documentation, "Create static Pods").
const mirrored = "kubernetes.io/config.mirror"

// byDefault returns the DatabaseUser that the namespace gives a pod with these
// annotations; empty for one that says itself what it wants, and where pods get nothing
// by default.
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

// Asked returns the annotations of a pod of a namespace as they are read: one that does
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

// refused returns the patch of a pod that gets nothing, by which the API server sees
// that we were asked. Of an ephemeral container's pod it would not take it.
func refused(r *Request, pod *inject.Pod, user string) Outcome {
	outcome := allow()
	if r.SubResource != ephemeral {
		outcome.Patch = pod.Refused(inject.Default(user)).JSON
	}
	return outcome
}

// Enforce answers the same requests once all patches are made: it denies a pod
// whose annotations are not in order, that the policies of the area workload deny,
// or that does not carry what it asks for.
func (v Reviewer) Enforce(ctx context.Context, r *Request, facts Facts) Outcome {
	if text := wrongPod(r); text != "" {
		return invalid(text)
	}
	pod, err := inject.Decode(r.Object)
	if err != nil {
		return invalid(fmt.Sprintf(codeObject+": %v.", err))
	}
	ask, findings := asked(pod.Annotations)
	if ask == nil || len(findings) > 0 {
		return deny(findings)
	}
	options, err := optionsOf(r)
	if err != nil {
		return invalid(fmt.Sprintf(codeObject+": %v.", err))
	}
	// Whoever looks for what is wrong with a credential is not kept out by that.
	if !pod.Needs(ask, options...) {
		return allow()
	}
	outcome := v.workload(ctx, podSubject(r, pod), ask, facts)
	if !outcome.Allowed {
		return outcome
	}
	denied := deny(lacking(r, pod, ask, facts, options))
	denied.Warnings, denied.Decision = outcome.Warnings, outcome.Decision
	return denied
}

// asked returns what a pod, or a template, with these annotations asks for, nil for
// nothing, and what is wrong with them.
func asked(annotations map[string]string) (*inject.Ask, []policy.Finding) {
	ask, problems := inject.Parse(annotations)
	if ask == nil {
		// Without anything to inject nobody has written it but by hand.
		problems = append(problems, inject.Reserved(annotations)...)
	}
	return ask, annotationFindings(problems)
}

// workload asks the policies of the area workload about a subject.
func (v Reviewer) workload(ctx context.Context, s subject, ask *inject.Ask, facts Facts) Outcome {
	input, err := workloadInput(s, ask, facts, v.Now())
	if err != nil {
		return undecided(err)
	}
	return decided(v.Policies.Evaluate(ctx, policy.AreaWorkload, input))
}

// optionsOf returns what a request restricts a patch to. The error is one of decoding the
// pod as it was.
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

// lacking returns what the pod does not carry although it asks for it, and
// nothing if patching it once more would change nothing.
func lacking(r *Request, pod *inject.Pod, ask *inject.Ask, facts Facts, options []inject.Option) []policy.Finding {
	found, ok := bindings(ask, r.Namespace, facts)
	if !ok {
		return []policy.Finding{notInjected(r, ask, "wait until the DatabaseUser is ready")}
	}
	patch, err := pod.Patch(ask, found, options...)
	if err == nil && patch.JSON != nil && rotatedMeanwhile(found, pod) {
		patch, err = pod.Patch(ask, found, options...)
	}
	var problem inject.Problem
	switch {
	case errors.As(err, &problem):
		return annotationFindings([]inject.Problem{problem})
	case err != nil:
		return []policy.Finding{{Code: codeInjected, Message: err.Error(), Fix: "give the pod fewer containers or users"}}
	case patch.JSON == nil:
		return nil
	}
	if has := pod.Annotations[v1alpha1.AnnotationInjected]; has != "" && has != inject.Nothing && has != patch.Injected && r.SubResource != ephemeral {
		return []policy.Finding{{
			Code:    codeMismatch,
			Message: fmt.Sprintf("%s is %q, but this pod gets %q", v1alpha1.AnnotationInjected, has, patch.Injected),
			Fix:     "remove the annotation, which the webhook writes, and create the pod again",
			Path:    "metadata.annotations",
		}}
	}
	return []policy.Finding{notInjected(r, ask, `try again: the webhook inject.dbtether.io did not answer, or another webhook changed the pod after it; "kubectl dbtether check" finds what is wrong`)}
}

// rotatedMeanwhile puts into bindings the revisions that the pod says it was given, where
// they are one behind, and reports whether there were such: its user may have been rotated
// between the two webhooks that look at it. What it refers to is the same, and its old login
// is held for it as for one that was admitted a moment before.
func rotatedMeanwhile(found []inject.Binding, pod *inject.Pod) (some bool) {
	for _, given := range inject.ReadInjected(pod.Annotations[v1alpha1.AnnotationInjected]) {
		for i := range found {
			if found[i].User == given.User && found[i].Alias == given.Alias && found[i].Revision == given.Revision+1 {
				found[i].Revision, some = given.Revision, true
			}
		}
	}
	return some
}

func notInjected(r *Request, ask *inject.Ask, fix string) policy.Finding {
	what := "the pod"
	if r.SubResource == ephemeral {
		what = "the new ephemeral container"
	}
	names := make([]string, len(ask.Users))
	for i, user := range ask.Users {
		names[i] = user.Name
	}
	return policy.Finding{Code: codeInjected, Path: "metadata.annotations", Fix: fix,
		Message: fmt.Sprintf("%s should have the credentials of %s and does not", what, strings.Join(names, ", "))}
}

func annotationFindings(problems []inject.Problem) []policy.Finding {
	findings := make([]policy.Finding, len(problems))
	for i, p := range problems {
		findings[i] = policy.Finding{Code: codeAnnotation, Message: p.Annotation + ": " + p.Message, Fix: p.Fix, Path: "metadata.annotations"}
	}
	return findings
}
