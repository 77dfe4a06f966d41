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

// Policies decide on an input, as a *policy.Engine does.
type Policies interface {
	Evaluate(ctx context.Context, area string, input *policy.Input) policy.Decision
}

// Examiner answers requests as a Reviewer does, and keeps what the answer is based on.
type Examiner struct {
	Policies *policy.Engine
	Now      func() time.Time
	// Traces asks for a Trace of each rule. Steps, if not nil, gets each step of the evaluation
	// in the words of OPA.
	Traces bool
	Steps  io.Writer
}

// Examination is an answer, and what it is based on. Its Decision merges those of all areas
// whose policies were asked.
type Examination struct {
	Outcome
	// Object is what would be stored, as JSON: of a pod, the patched one.
	Object []byte
	// Injected is the annotation dbtether.io/injected of a pod, which says what it is given.
	Injected string
	// Areas are those whose policies were asked, in that order.
	Areas []string
	// Traces say how each rule went.
	Traces []Trace
}

// Judged reports whether the outcome is a judgement of the object. If not, it is denied
// because too little was known, or because a policy failed, and may be allowed another time.
func (e Examination) Judged() bool { return e.Allowed || e.Code == http.StatusForbidden }

// Trace is how the evaluation of a rule went.
type Trace struct {
	// About is the path of the reference to a database, because the rules are evaluated for each
	// database of a DatabaseUser; empty for other objects.
	About string `json:"about,omitempty"`
	policy.Trace
}

// Examine answers a request as the entries of the webhook that get it do, one after another;
// for a pod, as the policy namespace-enabled.dbtether.io of the API server does before them.
// The error is one of tracing: the examination is right without the traces. It does no I/O
// but to write Steps.
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

// examinePod asks the entries for pods as the API server would.
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

// witness is Policies that keep what they say.
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
