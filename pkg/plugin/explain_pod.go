package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// The states of a pod. One that has what it asks for is stateCurrent, one of whose
// credentials is stale is stateStale, one that has none is stateMissing.
const (
	stateNothing    = "nothing"    // it asks for none and has none
	stateIncomplete = "incomplete" // it lacks some of what it asks for
)

// podAccount is what explain says of a pod.
type podAccount struct {
	Kind         string `json:"kind"`
	Name         string `json:"name"`
	Namespace    string `json:"namespace"`
	ControlledBy string `json:"controlledBy,omitempty"`
	Phase        string `json:"phase,omitempty"`
	// State is nothing, current, stale, incomplete, missing, absent, gone or unknown; Summary
	// says it in words.
	State   string `json:"state"`
	Summary string `json:"summary"`
	Asks    string `json:"asks,omitempty"`
	// ByDefault says that its namespace asks on its behalf.
	ByDefault   bool               `json:"byDefault,omitempty"`
	Injected    string             `json:"injected,omitempty"`
	Credentials []credential       `json:"credentials"`
	Containers  []containerAccount `json:"containers"`
	Policies    policyAccount      `json:"policies"`
	// Patch is what would be changed about the pod, were it created now.
	Patch   json.RawMessage `json:"patch,omitempty"`
	NotSeen []string        `json:"notSeen"`
}

// explainPod returns what is to be said of a pod that stands in the cluster.
func explainPod(ctx context.Context, s *sight, object *unstructured.Unstructured, place *policyPlace) (account, error) {
	if err := s.readNamespace(ctx); err != nil {
		return nil, err
	}
	pod, err := newRunningPod(object, s.namespace, s)
	if err != nil {
		return nil, err
	}
	if err := s.readLimits(ctx, pod.ask); err != nil {
		return nil, err
	}
	a, err := s.ask(ctx, object, place)
	if err != nil {
		return nil, err
	}
	phase, _, _ := unstructured.NestedString(object.Object, "status", "phase")
	return newPodAccount(pod, phase, a, s)
}

// newPodAccount does no I/O.
func newPodAccount(pod runningPod, phase string, a judgement, s *sight) (*podAccount, error) {
	p := &podAccount{Kind: podKind.kind, Name: pod.name, Namespace: s.namespace, Phase: phase,
		Asks: pod.asks, ByDefault: pod.byDefault, Injected: pod.annotations[v1alpha1.AnnotationInjected],
		Credentials: pod.credentials(s, s.namespace, s.usersSeen), Policies: newPolicyAccount(a), NotSeen: s.notSeen}
	if pod.owner != nil {
		p.ControlledBy = strings.ToLower(pod.owner.Kind) + "/" + pod.owner.Name
	}
	var after []review.Container
	if change := a.change(); change != nil {
		p.Patch = change
		var err error
		if after, _, err = review.Containers(a.Object); err != nil {
			return nil, err
		}
	}
	p.Containers = accountContainers(pod.containers, after, pod.ask, pod.injections, s, s.namespace)
	p.State, p.Summary = p.sum(pod, a)
	return p, nil
}

// sum returns the state of the pod, and says it in one sentence.
func (p *podAccount) sum(pod runningPod, a judgement) (state, summary string) {
	in := func(states ...string) (users []string) {
		for _, c := range p.Credentials {
			if slices.Contains(states, c.State) {
				users = append(users, c.User)
			}
		}
		return users
	}
	missing, old := in(stateMissing, stateAbsent), in(stateStale, stateReplaced)
	lacking := slices.ContainsFunc(p.Containers, func(c containerAccount) bool { return len(c.Lacks) > 0 })
	refused, restart := "", "; restart it"
	if a.Judged() && !a.Allowed {
		refused = "; created again it would be refused: " + firstFinding(a)
		restart = refused
	}
	switch {
	case len(p.Credentials) == 0 && pod.ask == nil && pod.asks != "":
		return stateNothing, fmt.Sprintf("it wants no credential: %s is %s", v1alpha1.AnnotationInject, pod.asks) + refused
	case len(p.Credentials) == 0 && pod.ask == nil && a.Allowed:
		return stateNothing, "it asks for no credential: it has no annotation " + v1alpha1.AnnotationInject
	case len(p.Credentials) == 0 && pod.ask == nil:
		return stateNothing, "it asks for no credential" + refused
	case len(missing) == len(p.Credentials) && pod.ask == nil:
		return stateAbsent, "it says that it was injected, and was not" + refused
	case len(missing) == len(p.Credentials):
		if pod.byDefault {
			return stateMissing, "its namespace asks for a credential, and it has none: " + whyNothing(a)
		}
		return stateMissing, "it asks for a credential and has none: " + whyNothing(a)
	case len(missing) > 0 || lacking:
		return stateIncomplete, "it lacks some of what it asks for" + strings.TrimSuffix(": "+strings.Join(missing, ", "), ": ") + again(refused)
	case len(old) > 0:
		return stateStale, fmt.Sprintf("it has an older revision of %s in its environment", strings.Join(old, ", ")) + restart
	case len(in(stateGone)) > 0:
		return stateGone, "it has the credential of a DatabaseUser that does not exist any more" + refused
	case len(in(stateUnknown)) > 0:
		return stateUnknown, "it was injected; whether with what is current could not be looked at"
	default:
		return stateCurrent, "it has what it asks for" + refused
	}
}

// again says what would become of the pod if it were created again.
func again(refused string) string {
	if refused == "" {
		return "; created again it would have it"
	}
	return refused
}

// whyNothing says why a pod that asks has nothing.
func whyNothing(a judgement) string {
	switch {
	case !a.Judged():
		return "why could not be found out: " + firstFinding(a)
	case a.Allowed:
		return "nothing speaks against it now, so it was created before it asked, or while the webhook did not answer; create it again"
	default:
		return firstFinding(a)
	}
}

func (p *podAccount) describe() *description {
	text := newAccountText(p.Name, p.Namespace)
	text.fieldIfSet("Controlled by", p.ControlledBy)
	text.fieldIfSet("Phase", p.Phase)
	text.field("Asks for", asksFor(p.Asks, p.ByDefault))
	text.field("Injected", p.Injected)
	text.field("State", p.Summary)
	text.section("Users")
	if len(p.Credentials) > 0 {
		text.row("USER", "ALIAS", "FORM", "SECRET", "REVISION", "CURRENT", "PHASE", "STATE")
		for _, c := range p.Credentials {
			text.row(c.User, c.Alias, c.Form, c.Secret, numbered(c.Revision), numbered(c.CurrentRevision), c.UserPhase, strings.TrimSuffix(stateInWords(c.State), restartIt))
		}
	}
	text.messages(p.Credentials)
	text.containers(p.Containers)
	text.policies(p.Policies)
	text.notSeen(p.NotSeen)
	return text
}

// asksFor says what a pod asks for.
func asksFor(asks string, byDefault bool) string {
	if byDefault {
		return fmt.Sprintf("nothing; its namespace for %s (label %s)", asks, v1alpha1.LabelInjectDefault)
	}
	return asks
}

// messages adds what DatabaseUsers that are not ready say of themselves.
func (d *description) messages(credentials []credential) {
	for _, c := range credentials {
		if c.UserMessage != "" && c.UserPhase != v1alpha1.PhaseReady {
			d.row(c.User + ": " + review.OneLine(c.UserMessage))
		}
	}
}

// numbered returns a revision as text; empty for none.
func numbered(revision int64) string {
	if revision == 0 {
		return ""
	}
	return fmt.Sprint(revision)
}
