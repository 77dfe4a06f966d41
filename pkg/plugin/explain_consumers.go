package plugin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
)

// consumer is a running pod with a credential, or a workload whose pods have it.
type consumer struct {
	Object string `json:"object"` // pod/web-1, deployment/web
	User   string `json:"user,omitempty"`
	By     string `json:"by"`
	// Containers says where in it, and as what.
	Containers []string `json:"containers,omitempty"`
	Form       string   `json:"form,omitempty"`
	Revision   int64    `json:"revision,omitempty"`
	// State is that of a pod.
	State string `json:"state,omitempty"`
	// Pods are the running ones of a workload that consume it, and Stale those of them
	// that have to be restarted.
	Pods  *int `json:"pods,omitempty"`
	Stale *int `json:"stale,omitempty"`
}

// candidates are the pods and workloads of a namespace, whether or not they have a credential.
type candidates struct {
	pods      []runningPod
	workloads []workload
	jobs      []unstructured.Unstructured
	// former are the ReplicaSets of Deployments: the current one of each, and those that are
	// kept for a rollback.
	former []workload
}

// readCandidates reads the running pods of the namespace and the workloads that make them.
func (s *sight) readCandidates(ctx context.Context) (candidates, error) {
	lists := map[string][]unstructured.Unstructured{}
	var err error
	if lists[podKind.kind], err = s.list(ctx, podKind, running()); err != nil {
		return candidates{}, err
	}
	for _, k := range templateKinds() {
		if lists[k.kind], err = s.list(ctx, k, metav1.ListOptions{}); err != nil {
			return candidates{}, err
		}
	}
	return s.candidates(lists)
}

// candidates returns the running pods and the workloads of the namespace from lists of objects
// by kind. It does no I/O.
func (s *sight) candidates(lists map[string][]unstructured.Unstructured) (all candidates, err error) {
	if all.pods, err = s.asRunning(lists[podKind.kind]); err != nil {
		return all, err
	}
	slices.SortFunc(all.pods, func(a, b runningPod) int { return cmp.Compare(a.name, b.name) })
	all.jobs = lists[jobKind().kind]
	seen := map[types.UID]bool{}
	for _, k := range templateKinds() {
		for i := range lists[k.kind] {
			seen[lists[k.kind][i].GetUID()] = true
		}
	}
	for _, k := range templateKinds() {
		for i := range lists[k.kind] {
			w, err := newWorkload(k, &lists[k.kind][i], s.namespace, s)
			if err != nil {
				return all, err
			}
			owner := metav1.GetControllerOf(w.object)
			// One that another kind of object controls stands for itself.
			controlled := owner != nil && seen[owner.UID]
			switch {
			case controlled && k.kind == "ReplicaSet":
				all.former = append(all.former, w)
			case !controlled && !w.finished():
				all.workloads = append(all.workloads, w)
			}
		}
	}
	return all, nil
}

// wanted is what is looked for among consumers: a Secret, and the DatabaseUsers whose
// credential it is.
type wanted struct {
	users   []*v1alpha1.DatabaseUser
	secrets []live
}

// names returns the names of the Secrets.
func (w wanted) names() []string {
	names := make([]string, len(w.secrets))
	for i, l := range w.secrets {
		names[i] = l.name
	}
	return names
}

// consumers reads the pods and the workloads of the namespace, and returns those that have
// what is wanted.
func (s *sight) consumers(ctx context.Context, w wanted) (pods, workloads []consumer, err error) {
	all, err := s.readCandidates(ctx)
	if err != nil {
		return nil, nil, err
	}
	return all.consumers(w)
}

// consumers returns the pods and the workloads that have what is wanted. It does no I/O.
func (c candidates) consumers(w wanted) (pods, workloads []consumer, err error) {
	pods, workloads = []consumer{}, []consumer{}
	found := map[string]consumer{}
	for _, p := range c.pods {
		if has, ok := w.pod(p); ok {
			pods, found[p.name] = append(pods, has), has
		}
	}
	for _, made := range c.workloads {
		selects, err := made.selects(c.jobs)
		if err != nil {
			return nil, nil, err
		}
		gets, ok := w.template(made)
		if !ok {
			continue
		}
		running, stale := 0, 0
		for _, p := range c.pods {
			if pod, has := found[p.name]; has && selects(p) {
				running++
				if needsRestart(pod.State) {
					stale++
				}
			}
		}
		gets.Pods, gets.Stale = &running, &stale
		workloads = append(workloads, gets)
	}
	return pods, workloads, nil
}

// pod returns what a running pod has of what is wanted; false if nothing.
func (w wanted) pod(p runningPod) (consumer, bool) {
	c := consumer{Object: podKind.noun + "/" + p.name, Containers: containersWith(p.containers, p.others, w.names()...)}
	for _, user := range w.users {
		if i, given := p.injection(user.Name); given {
			c.User, c.By, c.Form, c.Revision, c.State = user.Name, byInjection, i.Form, max(i.Revision, 0), p.state(i, user)
			return c, true
		}
	}
	c.By = byReference
	for _, l := range w.secrets {
		if state, takes := p.ownState(l); takes {
			c.State = worse(cmp.Or(c.State, stateCurrent), state)
		}
	}
	if c.State != "" {
		return c, true
	}
	for _, user := range w.users {
		if asksForUser(p.ask, user.Name) {
			c.User, c.By, c.State = user.Name, byInjection, stateMissing
			return c, true
		}
	}
	return c, false
}

// template returns what the pods of a workload get of what is wanted; false if nothing.
func (w wanted) template(made workload) (consumer, bool) {
	c := consumer{Object: made.String(), By: byReference, Containers: containersWith(made.pod.containers, made.pod.others, w.names()...)}
	for _, user := range w.users {
		if asksForUser(made.pod.ask, user.Name) {
			c.User, c.By, c.Form = user.Name, byInjection, made.forms[user.Name]
			return c, true
		}
	}
	return c, len(c.Containers) > 0
}

// consumers adds the tables of pods and workloads.
func (d *description) consumers(pods, workloads []consumer) {
	d.section("Running pods")
	if len(pods) > 0 {
		d.row("NAME", "BY", "CONTAINERS", "REVISION", "STATE")
	}
	for _, c := range pods {
		d.row(strings.TrimPrefix(c.Object, podKind.noun+"/"), c.By, strings.Join(c.Containers, ", "), numbered(c.Revision), stateInWords(c.State))
	}
	d.section("Workloads")
	if len(workloads) > 0 {
		d.row("NAME", "BY", "CONTAINERS", "PODS", "STALE")
	}
	for _, c := range workloads {
		containers := strings.Join(c.Containers, ", ")
		if c.Form != "" {
			containers = strings.TrimSuffix("as "+c.Form+", "+containers, ", ")
		}
		d.row(c.Object, c.By, containers, fmt.Sprint(*c.Pods), fmt.Sprint(*c.Stale))
	}
}
