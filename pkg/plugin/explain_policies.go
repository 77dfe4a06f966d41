package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/policy"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// engine returns the policies of the cluster, as far as they can be read and loaded.
func (s *sight) engine(ctx context.Context, place *policyPlace) (*policy.Engine, error) {
	engine, unread := s.env.policyEngine(ctx, place)
	if engine == nil {
		return nil, unread
	}
	switch {
	case apierrors.IsForbidden(unread):
		s.notSeen = append(s.notSeen, refusal(unread)+": judged by the built-in policies")
	case unread != nil:
		s.notSeen = append(s.notSeen, explain(unread).cause+"; judged without those")
	}
	for _, problem := range engine.Problems() {
		s.env.warn("%s", problem)
	}
	return engine, nil
}

// judgement is what the policies say of a pod, or of the pods of a workload.
type judgement struct {
	examined
	engine *policy.Engine // that was asked
	// blind is why nothing could be decided; nil: it was.
	blind error
}

// names returns the short names of the policies, by package.
func (a judgement) names() map[string]string { return policyNames(a.engine.Policies()) }

// policies returns the short names of the policies that were asked, each with its mode unless
// that is deny.
func (a judgement) policies() []string {
	names := a.names()
	found := []string{}
	for _, p := range listPolicies(a.engine.Policies()) {
		if !slices.Contains(a.Areas, p.Area) {
			continue
		}
		name := names[p.Policy]
		if p.Mode != policy.ModeDeny {
			name += " (" + string(p.Mode) + ")"
		}
		found = append(found, name)
	}
	return found
}

// ask lets the policies judge an object of the cluster as if it were created now: by its
// controller, if it has one, else by the caller.
func (s *sight) ask(ctx context.Context, object *unstructured.Unstructured, place *policyPlace) (judgement, error) {
	bare := object.DeepCopy()
	delete(bare.Object, "status")
	bare.SetManagedFields(nil)
	text, err := bare.MarshalJSON()
	if err != nil {
		return judgement{}, err
	}
	engine, err := s.engine(ctx, place)
	if err != nil {
		return judgement{}, err
	}
	m := review.Manifest{Object: text, Namespace: s.namespace}
	controlled := false
	if owner := metav1.GetControllerOf(object); owner != nil {
		m.User, controlled = review.Creator(owner.APIVersion, owner.Kind)
	}
	if !controlled {
		if m.User, err = s.env.identity(ctx); err != nil {
			return judgement{}, fmt.Errorf("find out who is asking: %w", err)
		}
	}
	e, err := examine(ctx, review.Examiner{Policies: engine, Now: s.env.Now}, m, s)
	a := judgement{examined: e, engine: engine}
	if !e.Judged() {
		a.blind = s.blind
	}
	return a, err
}

// change returns the patch that the pod would get; nil: none. There is none for a pod that
// would be refused, and the patch that only marks a pod as having got nothing does not count.
func (a judgement) change() []byte {
	if a.Judged() && !a.Allowed || a.Injected == inject.Nothing {
		return nil
	}
	return a.Patch
}

// firstFinding returns why an object is denied, or why it was not judged, in one sentence.
func firstFinding(a judgement) string {
	switch {
	case a.blind != nil:
		return a.blind.Error()
	case len(a.Findings) == 0:
		return a.Message
	}
	return a.Findings[0].Code + ": " + review.OneLine(a.Findings[0].Message)
}

// policyAccount is what explain says of the policies: what they said, and which were asked.
type policyAccount struct {
	said
	Asked    []string `json:"asked"`
	Revision string   `json:"revision,omitempty"`

	lines []string // what they said, as text
}

// newPolicyAccount returns what is to be said of a judgement. It is pure.
func newPolicyAccount(a judgement) policyAccount {
	p := policyAccount{newSaid(a.state(), a.Examination), a.policies(), a.Decision.Revision, findingLines(a.Examination, a.names())}
	if a.blind != nil {
		p.Message, p.Deny, p.lines = a.blind.Error(), nil, nil
	}
	return p
}

// policies adds a section of what the policies say.
func (d *description) policies(p policyAccount) {
	d.section("Policies")
	verdict := p.Verdict
	switch {
	case verdict == unjudged:
		verdict = notJudged
	case verdict == "allowed" && len(p.Asked) == 0:
		verdict += ", no policy had to be asked"
	}
	d.field("Verdict", verdict)
	if len(p.Asked) > 0 {
		d.field("Asked", strings.Join(p.Asked, ", "))
	}
	for _, line := range p.lines {
		d.row(line)
	}
	if len(p.lines) == 0 && p.Message != "" {
		d.row(p.Message)
	}
}
