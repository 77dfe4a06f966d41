package plugin

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/dbtether/kubectl-dbtether/pkg/api/v1alpha1"
	"github.com/dbtether/kubectl-dbtether/pkg/inject"
	"github.com/dbtether/kubectl-dbtether/pkg/provision"
	"github.com/dbtether/kubectl-dbtether/pkg/review"
)

// The states of a credential in a pod.
const (
	stateCurrent  = "current"
	stateStale    = "stale"    // an older revision is in the environment
	stateFollows  = "follows"  // it was given an older revision as files, which the kubelet replaces
	stateMissing  = "missing"  // it asks for it, and was not given it
	stateAbsent   = "absent"   // it is said to have it, and no container does
	stateReplaced = "replaced" // it has a revision that the user has not come to
	stateGone     = "gone"     // there is no such user any more
	stateUnknown  = "unknown"
)

// restartIt is what to do about some of them.
const restartIt = ": restart it"

// stateInWords says what a state means, and what to do.
func stateInWords(state string) string {
	switch state {
	case stateStale:
		return stateStale + restartIt
	case stateFollows:
		return "current: its files follow by themselves"
	case stateMissing:
		return "not injected"
	case stateAbsent:
		return "absent: no container has it"
	case stateReplaced:
		return "of a DatabaseUser, or a Secret, that was made anew since" + restartIt
	case stateGone:
		return "the DatabaseUser does not exist any more"
	default:
		return state
	}
}

// credential is what a pod has, or the pods of a workload get, of one user.
type credential struct {
	User   string `json:"user"`
	Alias  string `json:"alias,omitempty"`
	Form   string `json:"form,omitempty"` // as dbtether.io/injected has it
	Secret string `json:"secret,omitempty"`
	// Revision is the one that the pod was given, or would be.
	Revision        int64  `json:"revision,omitempty"`
	CurrentRevision int64  `json:"currentRevision,omitempty"`
	State           string `json:"state"`
	UserPhase       string `json:"userPhase,omitempty"`
	UserMessage     string `json:"userMessage,omitempty"`
}

// askedCredential returns the credential that a pod asks for, and was not given.
func askedCredential(u inject.UserAsk, namespace string, facts review.Facts) credential {
	c := credential{User: u.Name, Alias: u.Alias, State: stateMissing}
	if user, known := facts.User(namespace, u.Name); known {
		c.describe(user)
	}
	return c
}

// describe adds what is known of the user.
func (c *credential) describe(user *v1alpha1.DatabaseUser) {
	c.Secret, c.CurrentRevision = review.SecretName(user), user.Status.SecretRevision
	c.UserPhase, c.UserMessage = cmp.Or(user.Status.Phase, v1alpha1.PhasePending), user.Status.Message
}

// runningPod is a pod, and what it has to do with credentials.
type runningPod struct {
	name        string
	labels      map[string]string
	owner       *metav1.OwnerReference
	annotations map[string]string
	injections  []inject.Injection
	// ask is what it asks for, and asks the text of that; byDefault says that its
	// namespace asks on its behalf.
	ask        *inject.Ask
	asks       string
	byDefault  bool
	containers []review.Container
	// others are Secrets that only volumes refer to.
	others []string
	// uses are all places that refer to Secrets.
	uses []review.Use
	// started are the times at which containers that run have started.
	started map[string]time.Time
}

// newRunningPod reads a pod of a namespace. What is wrong with its annotations is no error.
func newRunningPod(object *unstructured.Unstructured, namespace string, facts review.Facts) (runningPod, error) {
	text, err := object.MarshalJSON()
	if err != nil {
		return runningPod{}, err
	}
	p := runningPod{name: object.GetName(), labels: object.GetLabels(), owner: metav1.GetControllerOf(object),
		annotations: object.GetAnnotations(), started: map[string]time.Time{}}
	if p.containers, p.others, err = review.Containers(text); err != nil {
		return p, err
	}
	if p.uses, err = review.Uses(text); err != nil {
		return p, err
	}
	p.injections = inject.ReadInjected(p.annotations[v1alpha1.AnnotationInjected])
	asked := review.Asked(p.annotations, namespace, facts)
	p.ask, _ = inject.Parse(asked)
	p.asks = asked[v1alpha1.AnnotationInject]
	p.byDefault = p.asks != p.annotations[v1alpha1.AnnotationInject]
	status, err := typed[corev1.Pod](object)
	if err != nil {
		return p, err
	}
	for _, list := range [][]corev1.ContainerStatus{status.Status.InitContainerStatuses, status.Status.ContainerStatuses, status.Status.EphemeralContainerStatuses} {
		for _, c := range list {
			if c.State.Running != nil {
				p.started[c.Name] = c.State.Running.StartedAt.Time
			}
		}
	}
	return p, nil
}

// injection returns what the pod was given of a user.
func (p runningPod) injection(user string) (inject.Injection, bool) {
	i := slices.IndexFunc(p.injections, func(i inject.Injection) bool { return i.User == user })
	if i < 0 {
		return inject.Injection{}, false
	}
	return p.injections[i], true
}

// asksForUser reports whether an ask names a user.
func asksForUser(ask *inject.Ask, user string) bool {
	return ask != nil && slices.ContainsFunc(ask.Users, func(u inject.UserAsk) bool { return u.Name == user })
}

// credentials returns what the pod was given, and what it asks for beside that. Whether a
// user that is not known exists, usersSeen says.
func (p runningPod) credentials(facts review.Facts, namespace string, usersSeen bool) []credential {
	all := []credential{}
	for _, i := range p.injections {
		c := credential{User: i.User, Alias: i.Alias, Form: i.Form, Revision: max(i.Revision, 0)}
		user, known := facts.User(namespace, i.User)
		switch {
		case known:
			c.describe(user)
			c.State = p.state(i, user)
		case usersSeen:
			c.State = stateGone
		default:
			c.State = stateUnknown
		}
		all = append(all, c)
	}
	if p.ask == nil {
		return all
	}
	for _, u := range p.ask.Users {
		if _, given := p.injection(u.Name); given {
			continue
		}
		all = append(all, askedCredential(u, namespace, facts))
	}
	return all
}

// state returns how what the pod was given of a user compares with what the user has now.
func (p runningPod) state(i inject.Injection, user *v1alpha1.DatabaseUser) string {
	secrets, current := review.SecretNames(user), user.Status.SecretRevision
	switch {
	case !slices.ContainsFunc(p.containers, func(c review.Container) bool { _, has := c.Of(secrets...); return has }):
		return stateAbsent
	case provision.Holds(p.annotations, user, current):
		return stateStale
	case i.Revision > current:
		return stateReplaced
	case i.Revision < current && !inject.HasEnvironment(i.Form):
		return stateFollows
	default:
		return stateCurrent
	}
}

// ownState returns how what a pod takes of a Secret by itself compares with what is in it
// now, and whether it takes anything. A container has in its environment what was in the
// Secret when it started; files follow, but for those of a subPath.
func (p runningPod) ownState(l live) (state string, takes bool) {
	state = stateCurrent
	for _, c := range p.containers {
		for _, t := range c.Taken {
			if v1alpha1.LiveSecret(t.Secret) != l.name {
				continue
			}
			takes = true
			state = worse(state, p.takenState(c, t, l))
		}
	}
	return state, takes || slices.ContainsFunc(p.others, func(secret string) bool { return v1alpha1.LiveSecret(secret) == l.name })
}

func (p runningPod) takenState(c review.Container, t review.Taken, l live) string {
	if t.Secret != l.name { // a revision, which never changes
		if number, err := strconv.ParseInt(strings.TrimPrefix(t.Secret, l.name+".v"), 10, 64); err == nil && number < l.revision {
			return stateStale
		}
		return stateCurrent
	}
	started, runs := p.started[c.Name]
	switch {
	case !t.InEnvironment() && len(t.Fixed) == 0, !runs:
		return stateCurrent
	case l.changed.IsZero():
		return stateUnknown
	case started.Before(l.changed):
		return stateStale
	default:
		return stateCurrent
	}
}

// worse returns the state that somebody has to know of two.
func worse(a, b string) string {
	order := []string{stateCurrent, stateFollows, stateUnknown, stateStale}
	return order[max(slices.Index(order, a), slices.Index(order, b), 0)]
}

// containersWith says in which containers a pod has a Secret, and how.
func containersWith(containers []review.Container, others []string, secrets ...string) []string {
	places := []string{}
	for _, c := range containers {
		var how []string
		for _, t := range c.Taken {
			if !slices.Contains(secrets, v1alpha1.LiveSecret(t.Secret)) {
				continue
			}
			if len(t.Variables) > 0 {
				how = append(how, "env")
			}
			if t.All {
				how = append(how, "envFrom")
			}
			if len(t.Mounts) > len(t.Fixed) {
				how = append(how, "files")
			}
			if len(t.Fixed) > 0 {
				how = append(how, "subPath")
			}
		}
		if len(how) > 0 {
			slices.Sort(how)
			places = append(places, c.Name+" ("+strings.Join(slices.Compact(how), ", ")+")")
		}
	}
	if len(places) == 0 && slices.ContainsFunc(others, func(secret string) bool { return slices.Contains(secrets, v1alpha1.LiveSecret(secret)) }) {
		places = append(places, "a volume")
	}
	return places
}
