package review

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
)

// Policies say what they think of an input; a *policy.Engine does.
type Policies interface {
	Evaluate(ctx context.Context, area string, input *policy.Input) policy.Decision
}

// Examiner answers requests as a Reviewer does, and tells what the answer is based on.
type Examiner struct {
	Policies *policy.Engine
	Now      func() time.Time
	// Traces asks how each rule went, and Steps, if not nil, gets OPA's own words.
	Traces bool
	Steps  io.Writer
}

// Examination is an answer, and what it is based on: the Decision is that of all policies
// which were asked.
type Examination struct {
	Outcome
	// Object is what would be stored, as JSON: a pod with what it is given.
	Object []byte
	// Injected says what a pod is given: the annotation dbtether.io/injected.
	Injected string
	// Areas are those whose policies were asked, in that order.
	Areas []string
	// Traces say how each rule went.
	Traces []Trace
}

// Judged reports whether the outcome is about the object. If not, too little was known,
// or a policy failed: the object is denied, and might be allowed another time.
func (e Examination) Judged() bool { return e.Allowed || e.Code == http.StatusForbidden }

// Trace is how a rule went, for one of the databases of a DatabaseUser.
type Trace struct {
	// About is the reference to that database; empty for other objects.
	About string `json:"about,omitempty"`
	policy.Trace
}

// Examine answers a request as all entries of the webhook do that see it, one after
// another, and for a pod the policy of the API server that stands before them. The error
// is one of tracing; the examination is right nevertheless. It does no I/O but to write
// Steps.
func (x Examiner) Examine(ctx context.Context, r *Request, facts Facts) (Examination, error) {
	w := &witness{examiner: x}
	v := Reviewer{Policies: w, Now: x.Now}
	e := Examination{Object: r.Object}
	templates := false
	switch {
	case r.Kind.Kind == "Pod":
		v.examinePod(ctx, r, facts, &e)
	case wrongTemplate(r) == "":
		templates = true
		e.Outcome = v.Templates(ctx, r, facts)
	default:
		e.Outcome = v.Resources(ctx, r, facts)
	}
	if len(w.decisions) > 0 {
		e.Decision = policy.Merge(w.decisions...)
		if templates { // it denies nothing
			e.Decision.Deny, e.Decision.Warn = nil, slices.Concat(e.Decision.Deny, e.Decision.Warn)
		}
	}
	e.Areas, e.Traces = w.areas, w.traces
	return e, w.err
}

// examinePod lets the entries for pods answer, as the API server would ask them.
func (v Reviewer) examinePod(ctx context.Context, r *Request, facts Facts, e *Examination) {
	pod, err := inject.Decode(r.Object)
	if err != nil {
		e.Outcome = v.Enforce(ctx, r, facts)
		return
	}
	if ask, _ := inject.Parse(pod.Annotations); ask != nil {
		if findings := notEnabled(r, facts); len(findings) > 0 {
			e.Outcome = deny(findings)
			return
		}
	}
	if !seesPods(r.Namespace, facts) {
		e.Outcome = allow()
		return
	}
	patched := *r
	if patch := v.Inject(ctx, r, facts).Patch; patch != nil {
		if patched.Object, err = applied(r.Object, patch); err != nil {
			e.Outcome = undecided(err)
			return
		}
		e.Patch = patch
	}
	patch := e.Patch
	e.Outcome = v.Enforce(ctx, &patched, facts)
	if e.Allowed {
		warnings := e.Warnings
		e.Outcome = v.Guard(ctx, &patched, facts)
		e.Warnings = append(warnings, e.Warnings...)
	}
	e.Patch, e.Object = patch, patched.Object
	if pod, err := inject.Decode(patched.Object); err == nil {
		e.Injected = pod.Annotations[v1alpha1.AnnotationInjected]
	}
}

// applied returns an object with a JSON Patch applied.
func applied(object, patch []byte) ([]byte, error) {
	operations, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, fmt.Errorf("decode the patch: %w", err)
	}
	result, err := operations.Apply(object)
	if err != nil {
		return nil, fmt.Errorf("apply the patch: %w", err)
	}
	return result, nil
}

// excluded are the namespaces that the webhook configurations leave out.
func excluded() []string { return []string{"kube-system", "kube-node-lease", v1alpha1.SystemNamespace} }

// seesPods reports whether the webhook configurations send the pods of a namespace. Those
// of one that is not known are taken for sent: then it cannot be decided on them.
func seesPods(namespace string, facts Facts) bool {
	found, known := facts.Namespace(namespace)
	return !slices.Contains(excluded(), namespace) && (!known || found.Labels[v1alpha1.LabelInjection] == "enabled")
}

// notEnabled returns what the ValidatingAdmissionPolicy namespace-enabled.dbtether.io
// says of a pod that asks for a credential; nothing where the namespace is not known.
func notEnabled(r *Request, facts Facts) []policy.Finding {
	finding := policy.Finding{Path: "metadata.annotations", Code: "NAMESPACE-EXCLUDED",
		Message: fmt.Sprintf("the pod asks for credentials (%s), but no pod of namespace %q gets any", v1alpha1.AnnotationInject, r.Namespace),
		Fix:     "run it in another namespace, or remove the annotation"}
	if slices.Contains(excluded(), r.Namespace) {
		return []policy.Finding{finding}
	}
	namespace, ok := facts.Namespace(r.Namespace)
	if !ok || namespace.Labels[v1alpha1.LabelInjection] == "enabled" {
		return nil
	}
	finding.Code = "NAMESPACE-NOT-ENABLED"
	finding.Message = fmt.Sprintf("the pod asks for credentials (%s), but namespace %q is not labelled for it", v1alpha1.AnnotationInject, r.Namespace)
	finding.Fix = fmt.Sprintf("ask the platform team to run: kubectl label namespace %s %s=enabled", r.Namespace, v1alpha1.LabelInjection)
	return []policy.Finding{finding}
}

// witness keeps what the policies say.
type witness struct {
	examiner  Examiner
	decisions []policy.Decision
	areas     []string
	traces    []Trace
	err       error
}

// Evaluate implements Policies.
func (w *witness) Evaluate(ctx context.Context, area string, input *policy.Input) policy.Decision {
	decision := w.examiner.Policies.Evaluate(ctx, area, input)
	w.decisions = append(w.decisions, decision)
	if !slices.Contains(w.areas, area) {
		w.areas = append(w.areas, area)
	}
	if !w.examiner.Traces && w.examiner.Steps == nil || decision.Err != "" {
		return decision
	}
	traces, err := w.examiner.Policies.Explain(ctx, area, input, w.examiner.Steps)
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("trace the policies of area %q: %w", area, err)
	}
	for _, trace := range traces {
		about := ""
		if input.Role != nil {
			about = input.Role.Path
		}
		w.traces = append(w.traces, Trace{about, trace})
	}
	return decision
}
