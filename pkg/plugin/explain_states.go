package plugin

import (
	"slices"
	"strconv"
	"strings"

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

// state compares what the pod was given of a user with what the user has now.
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

// ownState compares what a pod takes of a Secret without injection with what the Secret holds
// now, and reports whether the pod takes anything. A container has in its environment what was
// in the Secret when it started; files follow, but for those of a subPath.
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

// takenState is ownState for one container and what it takes.
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

// worse returns the one of two states that is more important to know.
func worse(a, b string) string {
	order := []string{stateCurrent, stateFollows, stateUnknown, stateStale}
	return order[max(slices.Index(order, a), slices.Index(order, b), 0)]
}

// needsRestart reports whether a pod with a credential in that state runs on with what is
// not current.
func needsRestart(state string) bool {
	return slices.Contains([]string{stateStale, stateReplaced, stateMissing, stateAbsent}, state)
}
