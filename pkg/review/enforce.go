package review

import (
	"context"
	"errors"
	"fmt"
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

// Enforce answers the requests that Inject answers, after all webhooks have made their
// patches: it denies a pod whose annotations are not in order, that the policies of the area
// workload deny, or that does not carry what it asks for.
func (v Reviewer) Enforce(ctx context.Context, r *Request, facts Facts) Outcome {
	if text := wrongPod(r); text != "" {
		return invalid(text)
	}
	pod, err := inject.Decode(r.Object)
	if err != nil {
		return unreadable(err)
	}
	ask, findings := asked(pod.Annotations)
	if ask == nil || len(findings) > 0 {
		return deny(findings)
	}
	options, err := optionsOf(r)
	if err != nil {
		return unreadable(err)
	}
	// A container that gets nothing may be there to find out what is wrong with a credential.
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
		// We write dbtether.io/injected only where something is asked for.
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

// lacking returns a finding if the pod does not carry what it asks for: if patching it once
// more would change it, or cannot be done.
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

// rotatedMeanwhile puts into bindings the revision that the pod says it was given, where that
// is the one before, and reports whether there was such a binding: a user may be rotated
// between the call of Inject and that of Enforce. The pod refers to the same Secret, and its
// old login is kept for it as for a pod that was admitted a moment earlier.
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
