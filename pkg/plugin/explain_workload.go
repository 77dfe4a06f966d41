package plugin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// workloadAccount is what explain says of a workload.
type workloadAccount struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	// State is nothing, allowed, denied or unjudged; Summary says it in words.
	State   string `json:"state"`
	Summary string `json:"summary"`
	Asks    string `json:"asks,omitempty"`
	// ByDefault says that the namespace asks on behalf of its pods.
	ByDefault bool `json:"byDefault,omitempty"`
	// Injected is what its pods are given, as it stands on them.
	Injected    string             `json:"injected,omitempty"`
	Credentials []credential       `json:"credentials"`
	Containers  []containerAccount `json:"containers"`
	Policies    policyAccount      `json:"policies"`
	Pods        podsAccount        `json:"pods"`
	// Patch is what is changed about each of its pods.
	Patch   json.RawMessage `json:"patch,omitempty"`
	NotSeen []string        `json:"notSeen"`

	noun string
}

// podsAccount sums up the running pods of a workload.
type podsAccount struct {
	Running int `json:"running"`
	// Stale are those that have to be restarted, for whatever user.
	Stale  int        `json:"stale"`
	Groups []podGroup `json:"groups"`
}

// podGroup are pods that have the same of a user.
type podGroup struct {
	User     string   `json:"user,omitempty"` // empty: they have nothing
	Revision int64    `json:"revision,omitempty"`
	Form     string   `json:"form,omitempty"`
	State    string   `json:"state"`
	Pods     []string `json:"pods"`
}

// explainWorkload returns what is to be said of a workload that stands in the cluster.
func explainWorkload(ctx context.Context, s *sight, k objectKind, object *unstructured.Unstructured, place *policyPlace) (account, error) {
	object.SetGroupVersionKind(k.resource.GroupVersion().WithKind(k.kind))
	if err := s.readNamespace(ctx); err != nil {
		return nil, err
	}
	w, err := newWorkload(k, object, s.namespace, s)
	if err != nil {
		return nil, err
	}
	if err := s.readLimits(ctx, w.pod.ask); err != nil {
		return nil, err
	}
	a, err := s.ask(ctx, object, place)
	if err != nil {
		return nil, err
	}
	pods, err := s.runningPods(ctx)
	if err != nil {
		return nil, err
	}
	var jobs []unstructured.Unstructured
	if k.kind == "CronJob" {
		if jobs, err = s.list(ctx, jobKind(), metav1.ListOptions{}); err != nil {
			return nil, err
		}
	}
	selects, err := w.selects(jobs)
	if err != nil {
		return nil, err
	}
	pods = slices.DeleteFunc(pods, func(p runningPod) bool { return !selects(p) })
	return newWorkloadAccount(w, a, pods, s)
}

// newWorkloadAccount does no I/O.
func newWorkloadAccount(w workload, a judgement, pods []runningPod, s *sight) (*workloadAccount, error) {
	account := &workloadAccount{Kind: w.kind, Name: w.object.GetName(), Namespace: s.namespace, noun: w.noun,
		Asks: w.pod.asks, ByDefault: w.pod.byDefault, Credentials: []credential{}, Policies: newPolicyAccount(a), Pods: sumPods(pods, w.pod.ask, s), NotSeen: s.notSeen}
	containers := w.pod.containers
	if change := a.change(); change != nil {
		account.Patch, account.Injected = change, a.Injected
		var err error
		if containers, _, err = review.Containers(a.Object); err != nil {
			return nil, err
		}
	}
	given := inject.ReadInjected(account.Injected)
	if w.pod.ask != nil {
		for _, u := range w.pod.ask.Users {
			c := askedCredential(u, s.namespace, s)
			if i := slices.IndexFunc(given, func(i inject.Injection) bool { return i.User == u.Name }); i >= 0 {
				c.Form, c.Revision, c.State = given[i].Form, given[i].Revision, stateCurrent
			}
			account.Credentials = append(account.Credentials, c)
		}
	}
	account.Containers = accountContainers(containers, nil, w.pod.ask, given, s, s.namespace)
	account.State, account.Summary = account.sum(w, a)
	return account, nil
}

// sum returns the state of the workload, and says it in one sentence.
func (w *workloadAccount) sum(made workload, a judgement) (state, summary string) {
	switch {
	case !a.Judged():
		return w.Policies.Verdict, "what its pods get could not be found out: " + firstFinding(a)
	case !a.Allowed:
		return w.Policies.Verdict, "its pods are refused: " + firstFinding(a)
	case made.pod.ask == nil:
		return stateNothing, "its pods ask for no credential"
	default:
		return w.Policies.Verdict, "its pods get what they ask for"
	}
}

// sumPods sums up the pods of a workload whose template asks for something, or for nothing.
func sumPods(pods []runningPod, ask *inject.Ask, s *sight) podsAccount {
	sum := podsAccount{Running: len(pods), Groups: []podGroup{}}
	add := func(pod string, g podGroup) {
		i := slices.IndexFunc(sum.Groups, func(o podGroup) bool {
			return o.User == g.User && o.Revision == g.Revision && o.Form == g.Form && o.State == g.State
		})
		if i < 0 {
			i = len(sum.Groups)
			sum.Groups = append(sum.Groups, g)
		}
		sum.Groups[i].Pods = append(sum.Groups[i].Pods, pod)
	}
	for _, p := range pods {
		stale := false
		credentials := p.credentials(s, s.namespace, s.usersSeen)
		for _, c := range credentials {
			add(p.name, podGroup{User: c.User, Revision: c.Revision, Form: c.Form, State: c.State})
			stale = stale || needsRestart(c.State)
		}
		if len(credentials) == 0 && ask != nil {
			add(p.name, podGroup{State: stateMissing})
			stale = true
		}
		if stale {
			sum.Stale++
		}
	}
	slices.SortFunc(sum.Groups, func(a, b podGroup) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Form, b.Form))
	})
	return sum
}

func (w *workloadAccount) describe() *description {
	text := newAccountText(w.Name, w.Namespace)
	text.field("Kind", w.Kind)
	text.field("Asks for", asksFor(w.Asks, w.ByDefault))
	text.field("Its pods get", w.Injected)
	text.field("State", w.Summary)
	text.section("Users")
	if len(w.Credentials) > 0 {
		text.row("USER", "ALIAS", "FORM", "SECRET", "REVISION", "PHASE")
		for _, c := range w.Credentials {
			text.row(c.User, c.Alias, c.Form, c.Secret, numbered(c.CurrentRevision), c.UserPhase)
		}
	}
	text.messages(w.Credentials)
	text.containers(w.Containers)
	text.policies(w.Policies)
	text.section("Running pods")
	text.field("Running", fmt.Sprint(w.Pods.Running))
	if w.Pods.Running > 0 {
		text.field("Stale", w.stale())
	}
	if len(w.Pods.Groups) > 0 {
		text.row("USER", "REVISION", "FORM", "PODS", "STATE")
		for _, g := range w.Pods.Groups {
			text.row(g.User, numbered(g.Revision), g.Form, fmt.Sprint(len(g.Pods)), stateInWords(g.State))
		}
	}
	text.notSeen(w.NotSeen)
	return text
}

// stale says how many pods have to be restarted, and how that is done.
func (w *workloadAccount) stale() string {
	text := fmt.Sprintf("%d of %d", w.Pods.Stale, w.Pods.Running)
	if w.Pods.Stale > 0 && w.Policies.Verdict == "allowed" && slices.Contains([]string{"deployment", "statefulset", "daemonset"}, w.noun) {
		text += fmt.Sprintf(": kubectl rollout restart %s/%s -n %s", w.noun, w.Name, w.Namespace)
	}
	return strings.TrimSpace(text)
}
